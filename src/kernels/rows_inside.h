/* SPDX-License-Identifier: Apache-2.0
 * A bound program of rows, as rows_bind.c makes it and rows_run.c runs it. A tile is one row or a
 * few; a cell is a run of rows. While a cell runs it has a file of registers on the stack: one of a
 * tile's elements for a value of the whole shape, one of a tile's rows for a value of the rows. */
#ifndef TW_KERNELS_ROWS_INSIDE_H
#define TW_KERNELS_ROWS_INSIDE_H

#include "kernels/rows.h"
#include "kernels/tile_inside.h"

enum {
    ROWS_FILE = 64 << 10, /* bytes of registers of a cell */
    ROWS_MANY = 352,      /* slots, at most */
    ROWS_SOURCES = TW_NORM_SOURCES
};

typedef enum rows_access {
    ROWS_FULL,    /* the whole shape: read where it lies */
    ROWS_NUMBER,  /* spread over its register when a cell starts */
    ROWS_PATTERN, /* one row for all: repeated in its register when a cell starts */
    ROWS_ROW,     /* the same, and a tile is one row of whole blocks: read where it lies */
    ROWS_COLUMN   /* one number for each row: those of a tile are copied */
} rows_access;

/* Its slot has the operand's number. */
typedef struct rows_operand {
    uint8_t access, size;
    bool constant;
    _Alignas(16) unsigned char value[16];
} rows_operand;

typedef enum rows_kind {
    ROWS_MAP,      /* the loop over a tile's elements */
    ROWS_MAP_ROWS, /* the loop over a tile's rows */
    ROWS_REDUCE,   /* elements to rows */
    ROWS_SPREAD    /* rows to elements */
} rows_kind;

/* Slots are operands or registers. */
typedef struct rows_step {
    tw_tile_loop loop;
    tw_joined_loop joined;                  /* instead of `loop`, if it is not NULL */
    tw_norm_loop norm;                      /* instead of both */
    tw_row_loop row;                        /* of a reduction of floats, or NULL */
    uint8_t kind, reduce, size;             /* size: of the source's elements */
    uint8_t repeated;                       /* a bit for each source of a loop that can */
    uint16_t asks_from, asks_to;            /* which of the parts of the next tile it asks for */
    uint16_t target, sources[ROWS_SOURCES]; /* slots */
} rows_step;

typedef struct rows_output {
    uint16_t slot;
    uint8_t size;
    bool by_row;
    bool past; /* too large for any cache: stored past them */
} rows_output;

/* Everything is one block of memory and never changes after binding. */
struct tw_rows_bound {
    uint16_t operand_count, step_count, output_count, slot_count;
    uint16_t parts; /* in which the next tile is asked for */
    bool single;    /* a tile is one row: what is made for it stands in its register as a block */
    bool ragged;    /* tiles may end in the middle of a block */
    size_t rows, length, share, cells;
    size_t tile_rows, tile, row_block; /* of a tile: rows; elements, rows in whole blocks */
    rows_operand *operands;
    rows_step *steps;
    rows_output *outputs;
    uint32_t *places; /* by slot: in the file */
};

#endif
