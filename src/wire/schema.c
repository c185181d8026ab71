/* SPDX-License-Identifier: Apache-2.0
 * The descriptor tables, made from the rows of schema.def, and looking things up in them. */
#include "wire/schema.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every element type and, 100 further, its reference type. */
#define DATA_TYPES(X) \
    X(FLOAT, 1)       \
    X(DOUBLE, 2)      \
    X(INT32, 3)       \
    X(UINT8, 4)       \
    X(INT16, 5)       \
    X(INT8, 6)        \
    X(STRING, 7)      \
    X(COMPLEX64, 8)   \
    X(INT64, 9)       \
    X(BOOL, 10)       \
    X(QINT8, 11)      \
    X(QUINT8, 12)     \
    X(QINT32, 13)     \
    X(BFLOAT16, 14)   \
    X(QINT16, 15)     \
    X(QUINT16, 16)    \
    X(UINT16, 17)     \
    X(COMPLEX128, 18) \
    X(HALF, 19)       \
    X(RESOURCE, 20)   \
    X(VARIANT, 21)    \
    X(UINT32, 22)     \
    X(UINT64, 23)
#define PLAIN(name, number) {number, "DT_" #name},
#define REFERENCE(name, number) {100 + number, "DT_" #name "_REF"},

static const tw_pb_choice data_types[] = {{0, "DT_INVALID"},
                                          DATA_TYPES(PLAIN) DATA_TYPES(REFERENCE)};
const tw_pb_enum tw_pb_DataType = {"tensorflow.DataType", data_types, COUNT(data_types)};

static const tw_pb_choice checkpoint_formats[] = {{0, "LEGACY"}, {1, "V1"}, {2, "V2"}};
const tw_pb_enum tw_pb_CheckpointFormatVersion = {"tensorflow.SaverDef.CheckpointFormatVersion",
                                                  checkpoint_formats, COUNT(checkpoint_formats)};

#define MESSAGE(type, name) static const tw_pb_field type##_fields[] = {
#define FIELD(type, number, name, kind, label, oneof) \
    {number, #name, TW_PB_##kind, TW_PB_##label, oneof, NULL, NULL},
#define CHILD(type, number, name, label, oneof, other) \
    {number, #name, TW_PB_MESSAGE, TW_PB_##label, oneof, &tw_pb_##other, NULL},
#define CHOICE(type, number, name, label, oneof, other) \
    {number, #name, TW_PB_ENUM, TW_PB_##label, oneof, NULL, &tw_pb_##other},
/* clang-format off */
#define END(type) };
/* clang-format on */
#include "wire/schema.def"

#define MESSAGE(type, name) \
    const tw_pb_type tw_pb_##type = {name, type##_fields, COUNT(type##_fields)};
#define FIELD(type, number, name, kind, label, oneof)
#define CHILD(type, number, name, label, oneof, other)
#define CHOICE(type, number, name, label, oneof, other)
#define END(type)
#include "wire/schema.def"

/* The guess by position answers nearly all look-ups of the binary reader without a walk, and is
 * checked before it is believed. */
const tw_pb_field *tw_pb_field_by_number(const tw_pb_type *type, int number)
{
    /* Most messages number their fields 1, 2, 3 ... */
    if (number > 0 && (size_t)number <= type->count && type->fields[number - 1].number == number)
        return &type->fields[number - 1];
    for (size_t i = 0; i < type->count; i++)
        if (type->fields[i].number == number)
            return &type->fields[i];
    return NULL;
}

/* A walk over the fields, of which a message has some twenty at most; only the text format asks
 * by name. */
const tw_pb_field *tw_pb_field_by_name(const tw_pb_type *type, const char *name, size_t length)
{
    for (size_t i = 0; i < type->count; i++) {
        const char *have = type->fields[i].name;
        if (strlen(have) == length && memcmp(have, name, length) == 0)
            return &type->fields[i];
    }
    return NULL;
}

/* NULL for a number without a name, which proto3 allows in files; such a choice is then written
 * as its number. */
const char *tw_pb_choice_name(const tw_pb_enum *choices, int64_t number)
{
    for (size_t i = 0; i < choices->count; i++)
        if (choices->choices[i].number == number)
            return choices->choices[i].name;
    return NULL;
}

/* Takes a length since the name is a token in the middle of a text; *number stays as it was
 * where the name is unknown. */
bool tw_pb_choice_number(const tw_pb_enum *choices, const char *name, size_t length,
                         int64_t *number)
{
    for (size_t i = 0; i < choices->count; i++) {
        const char *have = choices->choices[i].name;
        if (strlen(have) == length && memcmp(have, name, length) == 0) {
            *number = choices->choices[i].number;
            return true;
        }
    }
    return false;
}
