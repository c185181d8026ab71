/* SPDX-License-Identifier: Apache-2.0
 * Message descriptors: tables that say what the fields of a protocol buffer message are. The rows
 * stand in schema.def; from each come a field number TW_PB_NodeDef_name and an entry of the table
 * tw_pb_NodeDef, the type that message.h, binary.h and text_format.h work by. A further message is
 * one more block of rows there, nothing else. */
#ifndef TW_WIRE_SCHEMA_H
#define TW_WIRE_SCHEMA_H

#include "thalweg/base.h"

/* How a value is written. Every integer kind, BOOL and ENUM are held as int64_t (UINT64 as its bit
 * pattern). */
typedef enum tw_pb_kind {
    TW_PB_INT32,
    TW_PB_INT64,
    TW_PB_UINT32,
    TW_PB_UINT64,
    TW_PB_BOOL,
    TW_PB_ENUM,
    TW_PB_FIXED32,
    TW_PB_FLOAT,
    TW_PB_DOUBLE,
    TW_PB_STRING, /* UTF-8 */
    TW_PB_BYTES,
    TW_PB_MESSAGE
} tw_pb_kind;

/* PACKED is repeated and written in one piece; both forms are read for either. MAP is repeated
 * entry messages with fields 1 (key) and 2 (value), whose keys differ. */
typedef enum tw_pb_label { TW_PB_SINGLE, TW_PB_REPEATED, TW_PB_PACKED, TW_PB_MAP } tw_pb_label;

/* Numbers have 32 bits, as in the format; where a number stood twice, the first row would be the
 * one that is written. */
typedef struct tw_pb_choice {
    int32_t number;
    const char *name;
} tw_pb_choice;

typedef struct tw_pb_enum {
    const char *name; /* "tensorflow.DataType" */
    const tw_pb_choice *choices;
    size_t count;
} tw_pb_enum;

typedef struct tw_pb_type tw_pb_type;

/* Small members are bytes, for there are hundreds of rows and all of them stand in the library's
 * constant data. */
typedef struct tw_pb_field {
    int number;
    const char *name;
    uint8_t kind, label, oneof; /* oneof 0: none */
    const tw_pb_type *type;     /* of MESSAGE */
    const tw_pb_enum *choices;  /* of ENUM */
} tw_pb_field;

struct tw_pb_type {
    const char *name;          /* "tensorflow.NodeDef" */
    const tw_pb_field *fields; /* going up by number */
    size_t count;
};

/* NULL: there is none. */
const tw_pb_field *tw_pb_field_by_number(const tw_pb_type *type, int number);
const tw_pb_field *tw_pb_field_by_name(const tw_pb_type *type, const char *name, size_t length);
const char *tw_pb_choice_name(const tw_pb_enum *choices, int64_t number);
bool tw_pb_choice_number(const tw_pb_enum *choices, const char *name, size_t length,
                         int64_t *number);

extern const tw_pb_enum tw_pb_DataType;
extern const tw_pb_enum tw_pb_CheckpointFormatVersion;

#define MESSAGE(type, name) extern const tw_pb_type tw_pb_##type;
#define FIELD(type, number, name, kind, label, oneof)
#define CHILD(type, number, name, label, oneof, other)
#define CHOICE(type, number, name, label, oneof, other)
#define END(type)
#include "wire/schema.def"

#define MESSAGE(type, name)
#define FIELD(type, number, name, kind, label, oneof) TW_PB_##type##_##name = number,
#define CHILD(type, number, name, label, oneof, other) TW_PB_##type##_##name = number,
#define CHOICE(type, number, name, label, oneof, other) TW_PB_##type##_##name = number,
#define END(type)
enum tw_pb_number {
#include "wire/schema.def"
};

#endif
