/* SPDX-License-Identifier: Apache-2.0
 * The texts that the rows of elementwise.def make their signatures from: ARGS_arguments, then
 * SET_dtypes. Tools read them as text: each is string literals side by side, or one other name. */
#ifndef TW_OPS_ELEMENTWISE_SIGNATURES_H
#define TW_OPS_ELEMENTWISE_SIGNATURES_H

/* Arguments. */
#define ARGS_X "x: T -> y: T"
#define ARGS_XY "x: T, y: T -> z: T"
#define ARGS_SYMMETRIC "x: T, y: T -> z: T"
#define ARGS_YX "y: T, x: T -> z: T"
#define ARGS_AX "a: T, x: T -> z: T"
#define ARGS_XQ "x: T, q: T -> z: T"
#define ARGS_CLIP "t: T, clip_value_min: T, clip_value_max: T -> output: T"
#define ARGS_Y_DY "y: T, dy: T -> z: T"
#define ARGS_FEATURES "features: T -> activations: T"
#define ARGS_GRADIENTS_FEATURES "gradients: T, features: T -> backprops: T"
#define ARGS_GRADIENTS_OUTPUTS "gradients: T, outputs: T -> backprops: T"
#define ARGS_LEAKY "features: T -> activations: T; alpha: float = 0.2"
#define ARGS_LEAKY_GRAD "gradients: T, features: T -> backprops: T; alpha: float = 0.2"
#define ARGS_TEST "x: T -> y: bool"
#define ARGS_COMPARE "x: T, y: T -> z: bool"
#define ARGS_SAME "x: T, y: T -> z: bool; incompatible_shape_error: bool = true"
#define ARGS_APPROXIMATE "x: T, y: T -> z: bool; tolerance: float = 1e-05"
#define ARGS_NOT "x: bool -> y: bool"
#define ARGS_LOGIC "x: bool, y: bool -> z: bool"
#define ARGS_CONJ "input: T -> output: T"
#define ARGS_COMPLEX "real: T, imag: T -> out: Tout"
#define ARGS_PART "input: T -> output: Tout; T: {complex64, complex128} = complex64"
#define ARGS_ABS "x: T -> y: Tout; T: {complex64, complex128} = complex64"

/* Flags: do the operands commute? */
#define COMMUTES_X 0
#define COMMUTES_XY 0
#define COMMUTES_SYMMETRIC TW_OP_COMMUTATIVE
#define COMMUTES_YX 0
#define COMMUTES_AX 0
#define COMMUTES_XQ 0
#define COMMUTES_CLIP 0
#define COMMUTES_Y_DY 0
#define COMMUTES_FEATURES 0
#define COMMUTES_GRADIENTS_FEATURES 0
#define COMMUTES_GRADIENTS_OUTPUTS 0
#define COMMUTES_LEAKY 0
#define COMMUTES_LEAKY_GRAD 0
#define COMMUTES_TEST 0
#define COMMUTES_COMPARE 0
#define COMMUTES_SAME TW_OP_COMMUTATIVE
#define COMMUTES_APPROXIMATE TW_OP_COMMUTATIVE
#define COMMUTES_NOT 0
#define COMMUTES_LOGIC TW_OP_COMMUTATIVE
#define COMMUTES_CONJ 0
#define COMMUTES_COMPLEX 0
#define COMMUTES_PART 0
#define COMMUTES_ABS 0

/* Dtypes of T, newest TensorFlow 1.x. */
#define SET_FLOATING "; T: {half, bfloat16, float, double}"
#define SET_DOUBLES "; T: {float, double}"
#define SET_FLOAT_COMPLEX "; T: {half, bfloat16, float, double, complex64, complex128}"
#define SET_ORDERED "; T: {half, bfloat16, float, double, int32, int64}"
#define SET_SIGNED "; T: {half, bfloat16, float, double, int8, int16, int32, int64}"
#define SET_NUMERIC "; T: {half, bfloat16, float, double, int32, int64, complex64, complex128}"
/* The same where only the floating ones have a kernel. */
#define SET_FLOAT_OF_NUMERIC SET_NUMERIC
#define SET_REAL "; T: realnumbertype"
#define SET_CLIPPED "; T: numbertype"
#define SET_NUMBER "; T: numbertype"
#define SET_ARITHMETIC                                                         \
    "; T: {half, bfloat16, float, double, uint8, int8, uint16, int16, int32, " \
    "int64, complex64, complex128}"
#define SET_ADDABLE                                                            \
    "; T: {half, bfloat16, float, double, uint8, int8, uint16, int16, int32, " \
    "int64, complex64, complex128, string}"
#define SET_EQUAL                                                              \
    "; T: {half, bfloat16, float, double, uint8, int8, uint16, int16, int32, " \
    "int64, uint32, uint64, complex64, complex128, quint8, qint8, qint32, "    \
    "string, bool}"
#define SET_BITS "; T: {int8, int16, int32, int64, uint8, uint16, uint32, uint64}"
#define SET_BOOL ""
#define SET_COMPLEX "; T: {complex64, complex128, variant} = complex64"
#define SET_PARTS "; T: {float, double} = float; Tout: {complex64, complex128} = complex64"
#define SET_NONE "; Tout: {float, double} = float"

#endif
