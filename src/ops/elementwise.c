/* SPDX-License-Identifier: Apache-2.0
 * The rows of elementwise.def as operations: definitions, shape rules, and the one kernel they
 * share, which runs a tile program of a single instruction. */
#include "ops/elementwise.h"

#include <string.h>

#include "ops/elementwise_rows.h"
#include "ops/elementwise_signatures.h"

enum { COST_CHEAP = 60, COST_MEDIUM = 150, COST_DEAR = 800, COST_LIBRARY = 12 };

/* ---- checks of integers ---- */

/* One for each width: signed and unsigned zeros have the same bits. No early way out, so that
 * the loops vectorise. */
static bool nonzero_8(size_t n, const void *x, const void *y)
{
    const uint8_t *values = y;
    bool good = true;
    (void)x;
    for (size_t i = 0; i < n; i++)
        good &= values[i] != 0;
    return good;
}
/* One of the checks before a division of integers, by width only: signed and unsigned zeros look
 * alike. x has no say in it. */
static bool nonzero_16(size_t n, const void *x, const void *y)
{
    const uint16_t *values = y;
    bool good = true;
    (void)x;
    for (size_t i = 0; i < n; i++)
        good &= values[i] != 0;
    return good;
}
/* Checked over the whole array before the first division, so that a failure leaves no output
 * half written and no trap. */
static bool nonzero_32(size_t n, const void *x, const void *y)
{
    const uint32_t *values = y;
    bool good = true;
    (void)x;
    for (size_t i = 0; i < n; i++)
        good &= values[i] != 0;
    return good;
}
/* As for the narrower widths; both signed and unsigned divisors come here. */
static bool nonzero_64(size_t n, const void *x, const void *y)
{
    const uint64_t *values = y;
    bool good = true;
    (void)x;
    for (size_t i = 0; i < n; i++)
        good &= values[i] != 0;
    return good;
}
/* Pow has kernels for two integer dtypes only. */
static bool natural_32(size_t n, const void *x, const void *y)
{
    const int32_t *values = y;
    bool good = true;
    (void)x;
    for (size_t i = 0; i < n; i++)
        good &= values[i] >= 0;
    return good;
}
/* Integer powers need exponents of 0 or more. The loop has no exit in the middle, so that it is
 * vectorized; the failing case is rare. */
static bool natural_64(size_t n, const void *x, const void *y)
{
    const int64_t *values = y;
    bool good = true;
    (void)x;
    for (size_t i = 0; i < n; i++)
        good &= values[i] >= 0;
    return good;
}

/* Floats divide by zero as they like. */
static void fill_check(tw_element_check check, tw_dtype dtype, tw_tile_instruction *out)
{
    size_t size = tw_dtype_size(dtype);
    if (check == TW_ELEMENT_ANY || !tw_dtype_is_integer(dtype))
        return;
    out->failure.code = check == TW_ELEMENT_NONZERO_INTERNAL ? TW_INTERNAL : TW_INVALID_ARGUMENT;
    if (check != TW_ELEMENT_NATURAL) {
        out->check = size == 1   ? nonzero_8
                     : size == 2 ? nonzero_16
                     : size == 4 ? nonzero_32
                                 : nonzero_64;
        out->failure.text = "Integer division by zero";
    } else {
        out->check = size == 4 ? natural_32 : natural_64;
        out->failure.text = "Integers to negative integer powers are not allowed";
    }
}

/* ---- instructions ---- */

/* The dtype whose loops serve: quantized numbers are compared as integers, 16-bit floats are
 * computed in float. */
static tw_dtype loop_dtype(tw_dtype dtype)
{
    switch (dtype) {
    case TW_QINT8: return TW_INT8;
    case TW_QUINT8: return TW_UINT8;
    case TW_QINT32: return TW_INT32;
    case TW_FLOAT16:
    case TW_BFLOAT16: return TW_FLOAT32;
    default: return dtype;
    }
}

/* A level's fast loop, or NULL. */
static tw_tile_loop find_fast(const tw_fast_table *fast, uint16_t row, tw_dtype dtype)
{
    size_t i = 0;
    while (i < fast->count && fast->loops[i].dtype != dtype)
        i++;
    for (; i < fast->count && fast->loops[i].dtype == dtype; i++) {
        if (fast->loops[i].row == row)
            return fast->loops[i].loop;
    }
    return NULL;
}

/* Fast loops go first, of which v4 has only those that gain most and takes the others from v3. The
 * plain level has every loop, the others those that gain. */
static tw_tile_loop find_loop(uint16_t row, tw_dtype dtype)
{
    tw_tile_loop fast = find_fast(TW_ISA_TABLE(tw_fast_table), row, dtype);
    fast = fast ? fast : find_fast(TW_ISA_TABLE_OF_NARROW(tw_fast_table), row, dtype);
    if (fast)
        return fast;
    const tw_tile_loop *best = TW_ISA_TABLE(tw_loop_table)->loops[dtype];
    best = best ? best : TW_ISA_TABLE_OF_NARROW(tw_loop_table)->loops[dtype];
    const tw_tile_loop *plain = tw_loop_table_plain.loops[dtype];
    if (best && best[row])
        return best[row];
    return plain ? plain[row] : NULL;
}

/* A float takes about `cost`; wider numbers more, and what only the C library can do much more. */
static uint16_t cost_of(uint16_t cost, tw_dtype dtype)
{
    size_t size = tw_dtype_size(dtype);
    if (cost >= COST_DEAR && dtype != TW_FLOAT32)
        return (uint16_t)(cost * COST_LIBRARY);
    return (uint16_t)(cost * (size < 4 ? 2 : size) / 4);
}

/* The result's dtype where the operands have `dtype`. */
static tw_dtype result_dtype(tw_element_result result, tw_dtype dtype)
{
    bool wide = dtype == TW_FLOAT64 || dtype == TW_COMPLEX128;
    switch (result) {
    case TW_ELEMENT_BOOL: return TW_BOOL;
    case TW_ELEMENT_PART: return wide ? TW_FLOAT64 : TW_FLOAT32;
    case TW_ELEMENT_COMPLEX: return wide ? TW_COMPLEX128 : TW_COMPLEX64;
    default: return dtype;
    }
}

/* Attribute Tout, which could say something else than T implies. */
static bool agrees_with_out(const tw_spec *spec, tw_dtype dtype)
{
    const tw_attr *attr = tw_spec_attr(spec, "Tout");
    return !attr || attr->value.type == dtype;
}

/* Of float; what is not here is TW_TILE_OTHER. */
static const uint8_t simple_rows[TW_ROW_COUNT] = {
    [TW_ROW_Add] = TW_TILE_ADD,       [TW_ROW_AddV2] = TW_TILE_ADD,
    [TW_ROW_Sub] = TW_TILE_SUB,       [TW_ROW_Mul] = TW_TILE_MUL,
    [TW_ROW_Div] = TW_TILE_DIV,       [TW_ROW_RealDiv] = TW_TILE_DIV,
    [TW_ROW_Square] = TW_TILE_SQUARE, [TW_ROW_SquaredDifference] = TW_TILE_DISTANCE,
    [TW_ROW_Tanh] = TW_TILE_TANH,
};

/* Also what tells whether there is a kernel: no other table says so. */
bool tw_elementwise_instruction(const tw_spec *spec, const tw_dtype *dtypes,
                                tw_tile_instruction *out)
{
    const struct tw_elementwise *e = spec->op->definition.elementwise;
    if (!e || dtypes[0] <= TW_INVALID_DTYPE || dtypes[0] >= TW_DTYPE_COUNT)
        return false;
    memset(out, 0, sizeof *out);
    out->source_count = (uint16_t)(e->arity + (e->attr != NULL));
    if (e->instruction)
        return e->instruction(spec, dtypes, out);
    tw_dtype dtype = loop_dtype(dtypes[0]);
    out->loop = find_loop(e->row, dtype);
    out->in_float = dtypes[0] == TW_FLOAT16 || dtypes[0] == TW_BFLOAT16;
    out->dtype = result_dtype((tw_element_result)e->result, dtypes[0]);
    out->cost = cost_of(e->cost, dtype);
    out->simple = dtypes[0] == TW_FLOAT32 ? simple_rows[e->row] : TW_TILE_OTHER;
    fill_check((tw_element_check)e->check, dtype, out);
    return out->loop && agrees_with_out(spec, out->dtype);
}

/* In the dtype that the loops take it in: float for float and what is computed in float, double
 * for all others. */
bool tw_elementwise_constant(const tw_spec *spec, const tw_dtype *dtypes, tw_tile_operand *out)
{
    const struct tw_elementwise *e = spec->op->definition.elementwise;
    if (!e || !e->attr)
        return false;
    const tw_attr *attr = tw_spec_attr(spec, e->attr);
    tw_dtype dtype = loop_dtype(dtypes[0]);
    bool is_float = dtype == TW_FLOAT32 || dtype == TW_COMPLEX64;
    *out = (tw_tile_operand){.dtype = is_float ? TW_FLOAT32 : TW_FLOAT64, .constant = true};
    tw_element_set(out->dtype, out->value, attr ? (double)attr->value.f : 0);
    return true;
}

/* The only rule for shapes that is not NumPy's. */
bool tw_elementwise_fits(const struct tw_elementwise *e, const tw_shape *shapes)
{
    return !e->by_row || shapes[0].rank != 1 || shapes[1].rank <= 1;
}

/* ---- the kernel ---- */

/* Binds the one instruction to the sizes; what is wrong with the dtypes is said here, before
 * anything runs. */
tw_status *tw_elementwise_prepare(tw_compute *c, void *state)
{
    tw_tile_operand operands[TW_TILE_SOURCES] = {{.dtype = TW_INVALID_DTYPE}};
    tw_dtype dtypes[TW_TILE_SOURCES];
    tw_shape shapes[TW_TILE_SOURCES] = {{NULL, 0}};
    tw_tile_instruction instruction;
    uint16_t count = (uint16_t)tw_compute_input_count(c);
    for (size_t i = 0; i < count; i++) {
        operands[i].dtype = dtypes[i] = tw_input(c, i)->dtype;
        shapes[i] = tw_shape_of(tw_input(c, i));
    }
    if (!tw_dtype_is_plain(dtypes[count - 1]))
        return TW_OK;
    if (!tw_elementwise_instruction(c->spec, dtypes, &instruction))
        return tw_compute_fail(c, "no kernel for %s", tw_dtype_name(dtypes[0]));
    /* A condition that chooses rows is a column of the others' rank. */
    int64_t column[TW_MAX_RANK];
    if (!tw_elementwise_fits(c->spec->op->definition.elementwise, shapes)) {
        for (size_t d = 0; d < shapes[1].rank; d++)
            column[d] = d == 0 ? shapes[0].dims[0] : 1;
        shapes[0] = (tw_shape){column, shapes[1].rank};
    }
    if (count < TW_TILE_SOURCES && tw_elementwise_constant(c->spec, dtypes, &operands[count]))
        shapes[count++] = TW_SHAPE();
    for (uint16_t i = 0; i < count; i++)
        instruction.sources[i] = i;
    tw_tile_program program = {
        .operands = operands,
        .instructions = &instruction,
        .outputs = &count,
        .operand_count = count,
        .instruction_count = 1,
        .output_count = 1,
    };
    return tw_tile_bind(&program, shapes, tw_shape_of(tw_output(c, 0)), state);
}

/* No workspace: a single instruction does not reduce. */
tw_status *tw_elementwise_compute(tw_compute *c)
{
    const void *in[TW_TILE_SOURCES] = {NULL};
    void *out = tw_output_data(c, 0);
    if (tw_input(c, c->input_count - 1U)->dtype == TW_STRING)
        return tw_strings_compute(c);
    for (size_t i = 0; i < c->input_count; i++)
        in[i] = tw_input_data(c, i);
    return tw_tile_run(c->state, in, &out, NULL, c->threads);
}

/* ---- the definitions ---- */

/* For PAIR rows: what is known of either operand is known of the result. */
static void infer_one_shape(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_merge(in, tw_infer_input(in, 0), tw_infer_input(in, 1)));
}

/* clang-format off */
#define ELEMENT(element, count, kind, ...) \
    static const struct tw_elementwise element_##element = { \
        .name = #element, .row = TW_ROW_##element, .arity = count, .result = kind, __VA_ARGS__};
#define DEFINE(op, rule, args, set, share, derive, text, example) \
    const tw_op_definition tw_op_##op = { \
        .signature = ARGS_##args SET_##set, .doc = text, .examples = {example}, \
        .flags = COMMUTES_##args, .infer = rule, .gradient = derive, \
        .compute = tw_elementwise_compute, .prepare = tw_elementwise_prepare, \
        .state_size = TW_TILE_SINGLE_SIZE, .in_place = share, .elementwise = &element_##op};

#define UNARY(name, args, set, price, expression, dx, doc, example) \
    ELEMENT(name, 1, TW_ELEMENT_SAME, .cost = COST_##price, .value = #expression, \
            .derivatives = {#dx}) \
    DEFINE(name, tw_infer_same, args, set, 1, tw_elementwise_gradient, doc, example)
#define BINARY(name, args, set, price, expression, dx, dy, doc, example) \
    ELEMENT(name, 2, TW_ELEMENT_SAME, .cost = COST_##price, .value = #expression, \
            .broadcasts = true, .derivatives = {#dx, #dy}) \
    DEFINE(name, tw_infer_broadcast_all, args, set, 3, tw_elementwise_gradient, doc, example)
#define CHECKED(name, args, set, price, rule, expression, dx, dy, doc, example) \
    ELEMENT(name, 2, TW_ELEMENT_SAME, .cost = COST_##price, .value = #expression, \
            .broadcasts = true, .check = TW_ELEMENT_##rule, .derivatives = {#dx, #dy}) \
    DEFINE(name, tw_infer_broadcast_all, args, set, 3, tw_elementwise_gradient, doc, example)
#define PAIR(name, args, set, price, expression, dx, dy, doc, example) \
    ELEMENT(name, 2, TW_ELEMENT_SAME, .cost = COST_##price, .value = #expression, \
            .derivatives = {#dx, #dy}) \
    DEFINE(name, infer_one_shape, args, set, 3, tw_elementwise_gradient, doc, example)
#define TERNARY(name, args, set, price, expression, dx, dy, dw, doc, example) \
    ELEMENT(name, 3, TW_ELEMENT_SAME, .cost = COST_##price, .value = #expression, \
            .broadcasts = true, .derivatives = {#dx, #dy, #dw}) \
    DEFINE(name, tw_infer_broadcast_all, args, set, 7, tw_elementwise_gradient, doc, example)
#define TEST(name, args, set, price, expression, doc, example) \
    ELEMENT(name, 1, TW_ELEMENT_BOOL, .cost = COST_##price, .value = #expression, \
            .derivatives = {"NONE"}) \
    DEFINE(name, tw_infer_same, args, set, 1, tw_not_differentiable, doc, example)
#define COMPARE(name, args, set, price, expression, doc, example) \
    ELEMENT(name, 2, TW_ELEMENT_BOOL, .cost = COST_##price, .value = #expression, \
            .broadcasts = true, .derivatives = {"NONE", "NONE"}) \
    DEFINE(name, tw_infer_broadcast_all, args, set, 3, tw_not_differentiable, doc, example)
#define TO_REAL(name, args, set, price, expression, dx, doc, example) \
    ELEMENT(name, 1, TW_ELEMENT_PART, .cost = COST_##price, .value = #expression, \
            .derivatives = {#dx}) \
    DEFINE(name, tw_infer_same, args, set, 0, tw_elementwise_gradient, doc, example)
#define TO_COMPLEX(name, args, set, price, expression, dx, dy, doc, example) \
    ELEMENT(name, 2, TW_ELEMENT_COMPLEX, .cost = COST_##price, .value = #expression, \
            .broadcasts = true, .derivatives = {#dx, #dy}) \
    DEFINE(name, tw_infer_broadcast_all, args, set, 0, tw_elementwise_gradient, doc, example)
#define UNARY_WITH(name, args, set, price, a, expression, dx, doc, example) \
    ELEMENT(name, 1, TW_ELEMENT_SAME, .cost = COST_##price, .attr = #a, .value = #expression, \
            .derivatives = {#dx}) \
    DEFINE(name, tw_infer_same, args, set, 1, tw_elementwise_gradient, doc, example)
#define PAIR_WITH(name, args, set, price, a, expression, dx, dy, doc, example) \
    ELEMENT(name, 2, TW_ELEMENT_SAME, .cost = COST_##price, .attr = #a, .value = #expression, \
            .derivatives = {#dx, #dy}) \
    DEFINE(name, infer_one_shape, args, set, 3, tw_elementwise_gradient, doc, example)
#define COMPARE_WITH(name, args, set, price, a, expression, doc, example) \
    ELEMENT(name, 2, TW_ELEMENT_BOOL, .cost = COST_##price, .attr = #a, .value = #expression, \
            .derivatives = {"NONE", "NONE"}) \
    DEFINE(name, infer_one_shape, args, set, 3, tw_not_differentiable, doc, example)
/* clang-format on */
#include "ops/elementwise.def"
