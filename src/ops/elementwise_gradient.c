/* SPDX-License-Identifier: Apache-2.0
 * Gradients of the rows of elementwise.def: a derivative's text is read by recursive descent, each
 * operator and function becoming an operation on the graph.
 *
 *   comparison: sum [(< | <= | > | >= | == | !=) sum]
 *   sum: product {(+ | -) product}      product: factor {(* | /) factor}
 *   factor: [-] (number | x | y | w | z | dz | name(comparison, ...) | (comparison))
 *
 * Shipped texts are right (a test reads them all); what is wrong in one would be an INTERNAL
 * error. */
#include <ctype.h>
#include <string.h>

#include "ops/elementwise.h"

enum { MOST_ARGUMENTS = 3, MOST_NAME = 48 };

/* A number stays one until it meets a tensor, whose dtype it takes. */
typedef struct term {
    tw_tensor tensor;
    double number;
    bool is_number;
} term;

/* Where the text is read and what its letters stand for. The first failure is kept in status,
 * later ones are dropped. */
typedef struct reader {
    const char *at;
    tw_gradient *g;
    tw_tensor dz;
    bool is_complex; /* x, y and z stand for their conjugates */
    tw_status *status;
} reader;

static term read_comparison(reader *r);

/* Keeps the first failure; what is read after it is thrown away. */
static term fail(reader *r)
{
    if (!r->status)
        r->status = tw_status_new(TW_INTERNAL, "derivative of %s, at \"%s\"",
                                  tw_operation_type(r->g->op), r->at);
    return (term){.tensor = {NULL, 0}};
}

/* A tensor as a term. */
static term of(tw_tensor tensor)
{
    return (term){.tensor = tensor};
}

/* Skips the text, and blanks before it, if it is next. */
static bool accept(reader *r, const char *text)
{
    while (*r->at == ' ')
        r->at++;
    size_t length = strlen(text);
    if (strncmp(r->at, text, length) != 0)
        return false;
    r->at += length;
    return true;
}

/* Letters, digits and underscores; 0: none is next. */
static size_t read_name(reader *r, char name[MOST_NAME])
{
    size_t n = 0;
    while (*r->at == ' ')
        r->at++;
    while ((isalnum((unsigned char)*r->at) || *r->at == '_') && n + 1 < MOST_NAME)
        name[n++] = *r->at++;
    name[n] = '\0';
    return n;
}

/* "log1p" -> "Log1p", "zeros_like" -> "ZerosLike"; names of operations stay. */
static void make_type(char *name)
{
    char *to = name;
    bool upper = true;
    for (const char *from = name; *from; from++) {
        if (*from == '_') {
            upper = true;
            continue;
        }
        *to++ = upper ? (char)toupper((unsigned char)*from) : *from;
        upper = false;
    }
    *to = '\0';
}

/* ---- operations ---- */

/* The term as a tensor: a number becomes a constant beside the operation. */
static tw_tensor tensor_of(reader *r, term t, tw_dtype dtype)
{
    return t.is_number ? tw_gradient_number(r->g, dtype, t.number) : t.tensor;
}

/* What numbers among the terms become: the dtype of the first tensor, or else of dz. */
static tw_dtype dtype_of(reader *r, const term *terms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!terms[i].is_number)
            return tw_dtype_base(tw_tensor_dtype(terms[i].tensor));
    }
    return tw_dtype_base(tw_tensor_dtype(r->dz));
}

/* One operation. Attributes that do not follow from the inputs' dtypes are alpha, which the
 * forward operation has too, and Tout. */
static term call(reader *r, const char *type, const term *terms, size_t count)
{
    tw_tensor inputs[MOST_ARGUMENTS];
    tw_attr attrs[2];
    size_t attr_count = 0;
    tw_dtype dtype = dtype_of(r, terms, count);
    for (size_t i = 0; i < count; i++)
        inputs[i] = tensor_of(r, terms[i], dtype);
    const tw_op *op = tw_op_find(type);
    if (!op)
        return fail(r);
    const struct tw_elementwise *e = tw_op_get_definition(op)->elementwise;
    if (e && e->attr && tw_gradient_attr(r->g, e->attr))
        attrs[attr_count++] = *tw_gradient_attr(r->g, e->attr);
    if (e && (e->result == TW_ELEMENT_PART || e->result == TW_ELEMENT_COMPLEX)) {
        bool wide = dtype == TW_FLOAT64 || dtype == TW_COMPLEX128;
        tw_dtype out = e->result == TW_ELEMENT_PART ? (wide ? TW_FLOAT64 : TW_FLOAT32)
                                                    : (wide ? TW_COMPLEX128 : TW_COMPLEX64);
        attrs[attr_count++] = (tw_attr){.name = "Tout", .kind = TW_ATTR_TYPE, .value.type = out};
    }
    return of(tw_gradient_add(r->g, type, inputs, count, attrs, attr_count));
}

/* Two numbers are computed at once. */
static term binary(reader *r, const char *type, term x, term y)
{
    term terms[] = {x, y};
    if (!x.is_number || !y.is_number)
        return call(r, type, terms, 2);
    double z = *type == 'A'   ? x.number + y.number
               : *type == 'S' ? x.number - y.number
               : *type == 'M' ? x.number * y.number
                              : x.number / y.number;
    return (term){.number = z, .is_number = true};
}

/* -x, or the opposite number. */
static term negative(reader *r, term x)
{
    if (x.is_number)
        return (term){.number = -x.number, .is_number = true};
    return call(r, "Neg", &x, 1);
}

/* Real tensors stay as they are. */
static term conjugate(reader *r, term x)
{
    return of(tw_gradient_conj(r->g, x.tensor));
}

/* Select takes operands of one shape: a 0 among them is zeros like dz. */
static term where(reader *r, term condition, term x, term y)
{
    term dz = of(r->dz), zeros = x.is_number || y.is_number ? call(r, "ZerosLike", &dz, 1) : dz;
    term terms[] = {condition, x.is_number ? zeros : x, y.is_number ? zeros : y};
    return call(r, "Select", terms, 3);
}

/* What Pow needs: the logarithm where there is one. */
static term log_or_zero(reader *r, term x)
{
    term zero = {.is_number = true}, operands[] = {x, zero};
    term good = call(r, r->is_complex ? "NotEqual" : "Greater", operands, 2);
    term terms[] = {good, call(r, "Log", &x, 1), call(r, "ZerosLike", &x, 1)};
    return call(r, "Select", terms, 3);
}

/* Truth as 0 or 1 of dz's dtype. */
static term number_of(reader *r, term x)
{
    tw_attr attr = {
        .name = "DstT", .kind = TW_ATTR_TYPE, .value.type = tw_dtype_base(tw_tensor_dtype(r->dz))};
    return of(tw_gradient_add(r->g, "Cast", &x.tensor, 1, &attr, 1));
}

/* ---- the grammar ---- */

/* Up to the closing parenthesis; 0: something is wrong. */
static size_t read_arguments(reader *r, term terms[MOST_ARGUMENTS])
{
    size_t count = 0;
    do {
        term t = read_comparison(r);
        if (count < MOST_ARGUMENTS)
            terms[count] = t;
        count++;
    } while (accept(r, ","));
    if (!accept(r, ")") || count > MOST_ARGUMENTS)
        fail(r);
    return r->status ? 0 : count;
}

/* Names that are no operations first, then operations. A conj that stands around a plain operand
 * takes away the conjugate which that would have had. */
static term read_call(reader *r, char *name)
{
    term terms[MOST_ARGUMENTS];
    const char *start = r->at;
    char inner[MOST_NAME];
    if (strcmp(name, "conj") == 0) { /* conj(x): x itself */
        bool was = r->is_complex;
        bool plain = read_name(r, inner) == 1 && *r->at == ')';
        r->at = start;
        r->is_complex = was && !plain;
        size_t count = read_arguments(r, terms);
        r->is_complex = was;
        return count != 1 ? fail(r) : plain ? terms[0] : conjugate(r, terms[0]);
    }
    size_t count = read_arguments(r, terms);
    if (count == 0)
        return fail(r);
    if (strcmp(name, "where") == 0)
        return count == 3 ? where(r, terms[0], terms[1], terms[2]) : fail(r);
    if (strcmp(name, "log_or_zero") == 0)
        return log_or_zero(r, terms[0]);
    if (strcmp(name, "number") == 0)
        return number_of(r, terms[0]);
    make_type(name);
    return call(r, name, terms, count);
}

/* An operand, dz, or a call. */
static term read_word(reader *r)
{
    char name[MOST_NAME];
    tw_gradient *g = r->g;
    read_name(r, name);
    if (accept(r, "("))
        return read_call(r, name);
    if (strcmp(name, "dz") == 0)
        return of(r->dz);
    tw_tensor operand = {NULL, 0};
    if (strcmp(name, "x") == 0)
        operand = g->inputs[0];
    else if (strcmp(name, "y") == 0 && g->input_count > 1)
        operand = g->inputs[1];
    else if (strcmp(name, "w") == 0 && g->input_count > 2)
        operand = g->inputs[2];
    else if (strcmp(name, "z") == 0)
        operand = g->outputs[0];
    else
        return fail(r);
    return r->is_complex ? conjugate(r, of(operand)) : of(operand);
}

/* Digits, and a point among them. */
static term read_number(reader *r)
{
    double value = 0, scale = 1;
    bool fraction = false;
    for (; isdigit((unsigned char)*r->at) || (*r->at == '.' && !fraction); r->at++) {
        fraction = fraction || *r->at == '.';
        if (*r->at == '.')
            continue;
        value = value * 10 + (*r->at - '0');
        scale *= fraction ? 10 : 1;
    }
    return (term){.number = value / scale, .is_number = true};
}

/* What binds strongest. */
static term read_factor(reader *r)
{
    if (accept(r, "-"))
        return negative(r, read_factor(r));
    if (accept(r, "(")) {
        term inside = read_comparison(r);
        return accept(r, ")") ? inside : fail(r);
    }
    if (isdigit((unsigned char)*r->at))
        return read_number(r);
    return read_word(r);
}

/* From the left: x / y / z is (x / y) / z. */
static term read_product(reader *r)
{
    term x = read_factor(r);
    for (;;) {
        if (accept(r, "*"))
            x = binary(r, "Mul", x, read_factor(r));
        else if (accept(r, "/"))
            x = binary(r, "Div", x, read_factor(r));
        else
            return x;
    }
}

/* Left associative: each operator takes all before it as its left side, which also decides the
 * order of nodes in the graph. */
static term read_sum(reader *r)
{
    term x = read_product(r);
    for (;;) {
        if (accept(r, "+"))
            x = binary(r, "Add", x, read_product(r));
        else if (accept(r, "-"))
            x = binary(r, "Sub", x, read_product(r));
        else
            return x;
    }
}

/* Longer signs come first in the table, so that "<=" is not read as "<". Comparisons do not
 * chain: there is one at most. */
static term read_comparison(reader *r)
{
    static const struct {
        const char *sign, *type;
    } comparisons[] = {{"<=", "LessEqual"}, {">=", "GreaterEqual"}, {"==", "Equal"},
                       {"!=", "NotEqual"},  {"<", "Less"},          {">", "Greater"}};
    term terms[2] = {read_sum(r)};
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        if (accept(r, comparisons[i].sign)) {
            terms[1] = read_sum(r);
            return call(r, comparisons[i].type, terms, 2);
        }
    }
    return terms[0];
}

/* ---- the gradient ---- */

/* The other inputs get none, and their texts are not read. */
static bool has_derivative(const struct tw_elementwise *e, size_t input)
{
    return e->derivatives[input] && strcmp(e->derivatives[input], "NONE") != 0;
}

/* Reads the text of one input's derivative; a gradient of a broadcast operand is summed back to
 * its shape. */
static tw_status *derive(tw_gradient *g, const struct tw_elementwise *e, size_t input)
{
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(g->inputs[input]));
    reader r = {.at = e->derivatives[input],
                .g = g,
                .dz = tw_gradient_dy(g, 0),
                .is_complex = tw_dtype_is_complex(dtype)};
    term dx = read_comparison(&r);
    if (!r.status && *r.at)
        fail(&r);
    if (r.status)
        return r.status;
    tw_tensor result = dx.tensor;
    if (e->broadcasts)
        result = tw_gradient_unbroadcast(g, result, g->inputs[input],
                                         e->arity == 2 ? g->inputs[1 - input] : g->outputs[0]);
    g->dx[input] = tw_grad_of(result);
    return TW_OK;
}

/* The same for all rows; which row it is follows from the operation. */
tw_status *tw_elementwise_gradient(tw_gradient *g)
{
    const tw_op *op = tw_op_find(tw_operation_type(g->op));
    const struct tw_elementwise *e = op ? tw_op_get_definition(op)->elementwise : NULL;
    if (!e)
        return tw_gradient_fail(g, "no expression");
    bool any = false;
    for (size_t i = 0; i < e->arity; i++)
        any = any || has_derivative(e, i);
    if (!any)
        return tw_not_differentiable(g);
    for (size_t i = 0; i < e->arity; i++) {
        if (has_derivative(e, i))
            TW_TRY(derive(g, e, i));
    }
    return TW_OK;
}
