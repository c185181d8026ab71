/* SPDX-License-Identifier: Apache-2.0
 * Which loops exist: for each set of dtypes of elementwise.def, a bit for each class of C types
 * {float, int32 and int64, other integers, complex, bool}. 16-bit floats are computed in float by
 * the tile engine, quantized ones are compared as plain integers. */
#ifndef TW_OPS_ELEMENTWISE_SETS_H
#define TW_OPS_ELEMENTWISE_SETS_H

#define IN_FLOATING 1, 0, 0, 0, 0
#define IN_DOUBLES 1, 0, 0, 0, 0
#define IN_FLOAT_COMPLEX 1, 0, 0, 1, 0
#define IN_FLOAT_OF_NUMERIC 1, 0, 0, 1, 0
#define IN_ORDERED 1, 1, 0, 0, 0
#define IN_SIGNED 1, 1, 1, 0, 0
#define IN_NUMERIC 1, 1, 0, 1, 0
#define IN_REAL 1, 1, 1, 0, 0
#define IN_CLIPPED 1, 1, 1, 0, 0
#define IN_NUMBER 1, 1, 1, 1, 0
#define IN_ARITHMETIC 1, 1, 1, 1, 0
#define IN_ADDABLE 1, 1, 1, 1, 0
#define IN_EQUAL 1, 1, 1, 1, 1
#define IN_BITS 0, 1, 1, 0, 0
#define IN_BOOL 0, 0, 0, 0, 1
#define IN_COMPLEX 0, 0, 0, 1, 0
#define IN_PARTS 1, 0, 0, 0, 0
#define IN_NONE 0, 0, 0, 1, 0

/* The bit of a class. */
#define PICK_FLOAT(f, i, s, c, b) f
#define PICK_INT(f, i, s, c, b) i
#define PICK_SMALL(f, i, s, c, b) s
#define PICK_COMPLEX(f, i, s, c, b) c
#define PICK_BOOL(f, i, s, c, b) b

/* KEEP_1(text) is the text, KEEP_0(text) nothing. */
#define KEEP_0(...)
#define KEEP_1(...) __VA_ARGS__
#define KEEP_JOIN_(bit) KEEP_##bit
#define KEEP_JOIN(bit) KEEP_JOIN_(bit)
#define KEEP_CALL(pick, ...) pick(__VA_ARGS__)

/* The text, where the row has loops for the current CLASS and level. */
#define KEEP_CLASS(set) KEEP_JOIN(KEEP_CALL(TW_ISA_PASTE_(PICK_, CLASS), IN_##set))
#define KEEP(set, cost, ...) KEEP_CLASS(set)(KEEP_JOIN(COST_##cost)(__VA_ARGS__))

#endif
