/* SPDX-License-Identifier: Apache-2.0
 * Every row of the expression table against its own text, read by a small interpreter that computes
 * in double with the C library: float, double and both 16-bit floats, odd lengths, scalar operands,
 * strange values, at every instruction set level of this machine. */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/isa.h"
#include "ops/elementwise.h"
#include "ops/elementwise_rows.h"

/* ---- the interpreter ---- */

typedef struct interpreter {
    const char *at;
    double x, y, w, a;
    double largest; /* finite magnitude of anything on the way: what rounding errors scale with */
    bool tiny;      /* something on the way is 0 in float */
    tw_dtype dtype;
} interpreter;

static double read_choice(interpreter *t);

static double noted(interpreter *t, double value)
{
    if (isfinite(value) && fabs(value) > t->largest)
        t->largest = fabs(value);
    t->tiny = t->tiny || (t->dtype != TW_FLOAT64 && value != 0 && fabs(value) < 1.2e-38);
    return value;
}

static bool accept(interpreter *t, const char *text)
{
    while (*t->at == ' ')
        t->at++;
    size_t n = strlen(text);
    if (strncmp(t->at, text, n) != 0)
        return false;
    t->at += n;
    return true;
}

static double inverse(double x)
{
    return 1 / x;
}
static double negative(double x)
{
    return 0 - x;
}
static double same(double x)
{
    return x;
}
static double sign(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}
static double rounded(double x)
{
    return x == 0 ? x : rint(x) + 0.0;
}
static double rsqrt(double x)
{
    return 1 / sqrt(x);
}
static double sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double softplus(double x)
{
    return x > 30 ? x : log1p(exp(x));
}
static double selu(double x)
{
    return x < 0 ? 1.7580993408473766 * expm1(x) : 1.0507009873554805 * x;
}
static double is_nan(double x)
{
    return isnan(x) ? 1 : 0;
}
static double is_inf(double x)
{
    return isinf(x) ? 1 : 0;
}
static double is_finite(double x)
{
    return isfinite(x) ? 1 : 0;
}

static const struct {
    const char *name;
    double (*fn)(double);
} unary[] = {{"abs", fabs},
             {"neg", negative},
             {"inv", inverse},
             {"conj", same},
             {"sign", sign},
             {"floor", floor},
             {"ceil", ceil},
             {"rint", rint},
             {"round", rounded},
             {"sqrt", sqrt},
             {"rsqrt", rsqrt},
             {"exp", exp},
             {"expm1", expm1},
             {"log", log},
             {"log1p", log1p},
             {"sin", sin},
             {"cos", cos},
             {"tan", tan},
             {"asin", asin},
             {"acos", acos},
             {"atan", atan},
             {"sinh", sinh},
             {"cosh", cosh},
             {"asinh", asinh},
             {"acosh", acosh},
             {"atanh", atanh},
             {"tanh", tanh},
             {"sigmoid", sigmoid},
             {"softplus", softplus},
             {"selu", selu},
             {"erf", erf},
             {"erfc", erfc},
             {"lgamma", tw_special_lgamma},
             {"digamma", tw_special_digamma},
             {"isnan", is_nan},
             {"isinf", is_inf},
             {"isfinite", is_finite}};

static double add(double x, double y)
{
    return x + y;
}
static double sub(double x, double y)
{
    return x - y;
}
static double mul(double x, double y)
{
    return x * y;
}
static double divide(double x, double y)
{
    return x / y;
}
static double modulo(double x, double y)
{
    double r = fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static double distance(double x, double y)
{
    return fabs(x - y);
}
static double selu_grad(double x, double y)
{
    return x * (y < 0 ? y + 1.7580993408473766 : 1.0507009873554805);
}

static const struct {
    const char *name;
    double (*fn)(double, double);
} binary[] = {{"add", add},
              {"sub", sub},
              {"mul", mul},
              {"div", divide},
              {"truncate_mod", fmod},
              {"floor_mod", modulo},
              {"pow", pow},
              {"atan2", atan2},
              {"distance", distance},
              {"polygamma", tw_special_polygamma},
              {"zeta", tw_special_zeta},
              {"selu_grad", selu_grad}};

static double call(interpreter *t, const char *name)
{
    double x = read_choice(t), y = accept(t, ",") ? read_choice(t) : 0;
    assert_true(accept(t, ")"));
    for (size_t i = 0; i < sizeof unary / sizeof *unary; i++)
        if (strcmp(unary[i].name, name) == 0)
            return noted(t, unary[i].fn(x));
    for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
        if (strcmp(binary[i].name, name) == 0)
            return noted(t, binary[i].fn(noted(t, x), noted(t, y)));
    /* a quotient that float rounds to a whole number is one */
    double quotient = t->dtype == TW_FLOAT64 ? x / y : (double)((float)x / (float)y);
    if (strcmp(name, "floor_div") == 0)
        return noted(t, floor(quotient));
    if (strcmp(name, "truncate_div") == 0)
        return noted(t, trunc(quotient));
    fail_msg("%s is no known function", name);
    return 0;
}

static double read_factor(interpreter *t)
{
    char name[32];
    size_t n = 0;
    if (accept(t, "-"))
        return -read_factor(t);
    if (accept(t, "!"))
        return read_factor(t) == 0;
    if (accept(t, "(")) {
        double value = read_choice(t);
        assert_true(accept(t, ")"));
        return value;
    }
    while (*t->at == ' ')
        t->at++;
    if (isdigit((unsigned char)*t->at)) {
        char *end;
        double value = strtod(t->at, &end);
        t->at = end;
        return value;
    }
    while (isalnum((unsigned char)*t->at) || *t->at == '_')
        name[n++] = *t->at++;
    name[n] = '\0';
    if (accept(t, "("))
        return call(t, name);
    assert_int_equal(n, 1);
    return *name == 'x' ? t->x : *name == 'y' ? t->y : *name == 'w' ? t->w : t->a;
}

static double read_product(interpreter *t)
{
    double value = read_factor(t);
    for (;;) {
        if (accept(t, "*"))
            value = noted(t, value * read_factor(t));
        else if (accept(t, "/"))
            value = noted(t, value / read_factor(t));
        else
            return value;
    }
}

static double read_sum(interpreter *t)
{
    double value = read_product(t);
    for (;;) {
        if (accept(t, "+"))
            value = noted(t, value + read_product(t));
        else if (accept(t, "-"))
            value = noted(t, value - read_product(t));
        else
            return value;
    }
}

static double read_comparison(interpreter *t)
{
    double value = read_sum(t);
    if (accept(t, "=="))
        return value == read_sum(t);
    if (accept(t, "!="))
        return value != read_sum(t);
    if (accept(t, "<="))
        return value <= read_sum(t);
    if (accept(t, ">="))
        return value >= read_sum(t);
    if (accept(t, "<"))
        return value < read_sum(t);
    if (accept(t, ">"))
        return value > read_sum(t);
    return value;
}

static double read_logic(interpreter *t)
{
    double value = read_comparison(t);
    while (accept(t, "&&")) {
        double other = read_comparison(t);
        value = value != 0 && other != 0;
    }
    return value;
}

static double read_choice(interpreter *t)
{
    double condition = read_logic(t);
    if (!accept(t, "?"))
        return condition;
    double yes = read_choice(t);
    assert_true(accept(t, ":"));
    double no = read_choice(t);
    return condition != 0 ? yes : no;
}

/* ---- the comparison ---- */

static const double strange[] = {0,        -0.0, 1,     -1,        0.5,   -0.5,  1.5,  2.5,
                                 -2.5,     3,    -7.25, 10,        89,    -104,  1e-4, 1e4,
                                 INFINITY, NAN,  0.25,  -INFINITY, 0.999, -0.25, 0.75, -0.001,
                                 6,        2,    -3,    5.75,      7,     1.25};
enum { STRANGE = sizeof strange / sizeof *strange };

static uint32_t state = 7;
static double random_value(void)
{
    state = state * 1664525u + 1013904223u;
    return (double)(state >> 8) / (1 << 24) * 8 - 3;
}

/* Pairs of strange values at first, then random ones. `turn` sets the operands apart. */
static void fill(tw_array *array, size_t turn)
{
    for (size_t i = 0; i < array->count; i++) {
        size_t k = turn == 0 ? i % STRANGE : (i / (turn * 7) + i) % STRANGE;
        tw_element_set(array->dtype, (char *)array->data + i * tw_dtype_size(array->dtype),
                       i < 300 ? strange[k] : random_value());
    }
}

static double relative(tw_dtype dtype)
{
    return dtype == TW_FLOAT64   ? 4e-15
           : dtype == TW_FLOAT32 ? 1e-6
           : dtype == TW_FLOAT16 ? 1e-3
                                 : 8e-3;
}

static bool is_close(double got, double want, double scale, tw_dtype dtype)
{
    double least = dtype == TW_FLOAT64 ? 1e-307 : dtype == TW_FLOAT16 ? 6.2e-5 : 1.2e-38;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    _Alignas(8) char rounded_want[8];
    tw_element_set(dtype, rounded_want, want);
    want = tw_element_get(dtype, rounded_want);
    if (isinf(want) || isinf(got))
        return want == got || (fabs(scale) > 1e38 && dtype != TW_FLOAT64) ||
               (scale > 6e4 && dtype == TW_FLOAT16);
    return fabs(got - want) <= relative(dtype) * (fabs(want) + scale * 0.25) + least;
}

static size_t rows_checked;

static void check(const tw_op *op, tw_dtype dtype, size_t n, bool scalar)
{
    const struct tw_elementwise *e = tw_op_get_definition(op)->elementwise;
    tw_array *in[3], *out = NULL;
    for (size_t i = 0; i < e->arity; i++) {
        bool small = scalar && e->broadcasts && i == e->arity - 1u;
        in[i] = tw_array_new(dtype, small ? TW_SHAPE() : TW_SHAPE((int64_t)n));
        fill(in[i], i);
        if (small)
            tw_array_set(in[i], 1.5);
    }
    tw_status *status = tw_op_evaluate(tw_op_name(op), NULL, 0, in, e->arity, &out, 1);
    if (status) {
        tw_status_free(status); /* not for this dtype */
    } else {
        rows_checked++;
        for (size_t i = 0; i < n; i++) {
            interpreter t = {.at = e->value, .dtype = dtype};
            t.x = tw_array_get(in[0], i);
            t.y = e->arity > 1 ? tw_array_get(in[1], in[1]->rank ? i : 0) : 0;
            t.w = e->arity > 2 ? tw_array_get(in[2], in[2]->rank ? i : 0) : 0;
            t.a = e->attr && strcmp(e->attr, "alpha") == 0 ? (double)0.2f : (double)1e-5f;
            double want = read_choice(&t);
            if (t.tiny && isinf(want))
                continue;
            if (!is_close(tw_array_get(out, i), want, t.largest, out->dtype))
                fail_msg("level %d, %s of %s, x = %.9g, y = %.9g: %.9g, not %.9g", tw_isa_level(),
                         e->name, tw_dtype_name(dtype), t.x, t.y, tw_array_get(out, i), want);
        }
    }
    tw_array_unref(out);
    for (size_t i = 0; i < e->arity; i++)
        tw_array_unref(in[i]);
}

static void every_row_computes_its_expression(void **s)
{
    (void)s;
    const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16, TW_BFLOAT16};
    int level = tw_isa_level();
    for (int forced = 0; forced <= level; forced++) {
        if (!tw_isa_force(forced))
            continue;
        for (size_t i = 0; i < tw_op_count(); i++) {
            const tw_op *op = tw_op_at(i);
            const struct tw_elementwise *e = tw_op_get_definition(op)->elementwise;
            if (!e || e->instruction || e->result >= TW_ELEMENT_PART)
                continue; /* complex numbers are golden_eval's */
            for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
                check(op, dtypes[d], 1003, false);
                check(op, dtypes[d], 17, true);
            }
        }
    }
    assert_true(tw_isa_force(level));
    print_message("%zu tables compared\n", rows_checked);
    assert_true(rows_checked > 500);
}

/* ---- integers ---- */

static tw_status *evaluate(const char *type, tw_dtype dtype, int64_t x, int64_t y, int64_t *out)
{
    tw_array *in[] = {tw_array_new(dtype, TW_SHAPE(33)), tw_array_new(dtype, TW_SHAPE())};
    tw_array *z = NULL;
    for (size_t i = 0; i < 33; i++)
        memcpy((char *)in[0]->data + i * tw_dtype_size(dtype), &x, tw_dtype_size(dtype));
    memcpy(in[1]->data, &y, tw_dtype_size(dtype));
    tw_status *status = tw_op_evaluate(type, NULL, 0, in, 2, &z, 1);
    if (!status)
        *out = tw_element_get_int(dtype, (char *)z->data + 32 * tw_dtype_size(dtype));
    tw_array_unref(z), tw_array_unref(in[0]), tw_array_unref(in[1]);
    return status;
}

static void expect(const char *type, tw_dtype dtype, int64_t x, int64_t y, int64_t want)
{
    int64_t got = 0;
    tw_status *status = evaluate(type, dtype, x, y, &got);
    if (status)
        fail_msg("%s: %s", type, tw_status_message(status));
    if (got != want)
        fail_msg("%s(%lld, %lld) is %lld", type, (long long)x, (long long)y, (long long)got);
}

static void integers_wrap_and_divide_as_they_should(void **s)
{
    (void)s;
    expect("Add", TW_INT32, INT32_MAX, 1, INT32_MIN);
    expect("Sub", TW_INT64, INT64_MIN, 1, INT64_MAX);
    expect("Mul", TW_INT64, INT64_MAX, 2, -2);
    expect("Mul", TW_INT8, 100, 3, 44);
    expect("Add", TW_UINT8, 200, 100, 44);
    expect("Div", TW_INT32, INT32_MIN, -1, INT32_MIN);
    expect("FloorDiv", TW_INT32, -7, 2, -4);
    expect("FloorDiv", TW_INT16, 7, -2, -4);
    expect("TruncateDiv", TW_INT32, -7, 2, -3);
    expect("FloorMod", TW_INT64, -7, 3, 2);
    expect("FloorMod", TW_INT64, 7, -3, -2);
    expect("Mod", TW_INT32, -7, 3, -1);
    expect("Mod", TW_INT64, INT64_MIN, -1, 0);
    expect("Pow", TW_INT32, -3, 5, -243);
    expect("Pow", TW_INT64, 3, 40, -6289078614652622815);
    expect("Pow", TW_INT32, 0, 0, 1);
    expect("Maximum", TW_INT32, INT32_MIN, INT32_MAX, INT32_MAX);
    expect("BitwiseXor", TW_UINT8, 0xff, 0x0f, 0xf0);
    expect("RightShift", TW_INT8, -128, 100, -1);
    expect("LeftShift", TW_INT32, 1, 31, INT32_MIN);
}

/* TensorFlow's code for the truncating divisions is INTERNAL. */
static tw_code refusal_code(const char *type)
{
    return strncmp(type, "Truncate", 8) == 0 ? TW_INTERNAL : TW_INVALID_ARGUMENT;
}

static void refuse(const char *type, tw_dtype dtype, int64_t y, const char *text)
{
    int64_t out;
    tw_status *status = evaluate(type, dtype, 5, y, &out);
    assert_int_equal(tw_status_code(status), refusal_code(type));
    assert_non_null(strstr(tw_status_message(status), text));
    tw_status_free(status);
}

static void divisors_of_zero_and_negative_powers_are_refused(void **s)
{
    (void)s;
    const char *const types[] = {"Div", "FloorDiv", "TruncateDiv",
                                 "Mod", "FloorMod", "TruncateMod"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        refuse(types[i], TW_INT32, 0, "Integer division by zero");
        refuse(types[i], TW_INT64, 0, "Integer division by zero");
    }
    refuse("Div", TW_UINT8, 0, "Integer division by zero");
    refuse("FloorDiv", TW_INT16, 0, "Integer division by zero");
    refuse("Pow", TW_INT32, -1, "Integers to negative integer powers are not allowed");
    refuse("Pow", TW_INT64, -2, "Integers to negative integer powers are not allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_computes_its_expression),
        cmocka_unit_test(integers_wrap_and_divide_as_they_should),
        cmocka_unit_test(divisors_of_zero_and_negative_powers_are_refused),
    };
    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
