/* SPDX-License-Identifier: Apache-2.0
 * NumPy's functions of bfloat16 arrays, by two tables of float functions, and the casts from and to
 * every other number. */
#include "bfloat16.h"

#include <math.h>
#include <numpy/ufuncobject.h>

/* ---- casts ---- */

#define CTYPE npy_bool
#define PARTS 1
#define FROM_BFLOAT16 truncate_to_bool
#define TO_BFLOAT16 from_bool
#include "bfloat16_cast.def"
#define CTYPE npy_byte
#define PARTS 1
#define FROM_BFLOAT16 to_byte
#define TO_BFLOAT16 from_byte
#include "bfloat16_cast.def"
#define CTYPE npy_ubyte
#define PARTS 1
#define FROM_BFLOAT16 to_ubyte
#define TO_BFLOAT16 from_ubyte
#include "bfloat16_cast.def"
#define CTYPE npy_short
#define PARTS 1
#define FROM_BFLOAT16 to_short
#define TO_BFLOAT16 from_short
#include "bfloat16_cast.def"
#define CTYPE npy_ushort
#define PARTS 1
#define FROM_BFLOAT16 to_ushort
#define TO_BFLOAT16 from_ushort
#include "bfloat16_cast.def"
#define CTYPE npy_int
#define PARTS 1
#define FROM_BFLOAT16 to_int
#define TO_BFLOAT16 from_int
#include "bfloat16_cast.def"
#define CTYPE npy_uint
#define PARTS 1
#define FROM_BFLOAT16 to_uint
#define TO_BFLOAT16 from_uint
#include "bfloat16_cast.def"
#define CTYPE npy_long
#define PARTS 1
#define FROM_BFLOAT16 to_long
#define TO_BFLOAT16 from_long
#include "bfloat16_cast.def"
#define CTYPE npy_ulong
#define PARTS 1
#define FROM_BFLOAT16 to_ulong
#define TO_BFLOAT16 from_ulong
#include "bfloat16_cast.def"
#define CTYPE npy_longlong
#define PARTS 1
#define FROM_BFLOAT16 to_longlong
#define TO_BFLOAT16 from_longlong
#include "bfloat16_cast.def"
#define CTYPE npy_ulonglong
#define PARTS 1
#define FROM_BFLOAT16 to_ulonglong
#define TO_BFLOAT16 from_ulonglong
#include "bfloat16_cast.def"
#define CTYPE float
#define PARTS 1
#define FROM_BFLOAT16 to_float
#define TO_BFLOAT16 from_float
#include "bfloat16_cast.def"
#define CTYPE double
#define PARTS 1
#define FROM_BFLOAT16 to_double
#define TO_BFLOAT16 from_double
#include "bfloat16_cast.def"
#define CTYPE long double
#define PARTS 1
#define FROM_BFLOAT16 to_longdouble
#define TO_BFLOAT16 from_longdouble
#include "bfloat16_cast.def"
#define CTYPE float
#define PARTS 2
#define FROM_BFLOAT16 to_cfloat
#define TO_BFLOAT16 from_cfloat
#include "bfloat16_cast.def"
#define CTYPE double
#define PARTS 2
#define FROM_BFLOAT16 to_cdouble
#define TO_BFLOAT16 from_cdouble
#include "bfloat16_cast.def"
#define CTYPE long double
#define PARTS 2
#define FROM_BFLOAT16 to_clongdouble
#define TO_BFLOAT16 from_clongdouble
#include "bfloat16_cast.def"

/* Not a truncation: everything but zero is true. */
static void to_bool(void *from, void *to, npy_intp n, void *from_array, void *to_array)
{
    const uint16_t *x = from;
    npy_bool *y = to;
    (void)from_array;
    (void)to_array;
    (void)truncate_to_bool;
    for (npy_intp i = 0; i < n; i++)
        y[i] = (x[i] & 0x7fff) != 0;
}

/* Exact: every half is a float32. */
static float half_value(uint16_t bits)
{
    float magnitude = ldexpf((float)(bits & 0x3ff), -24);
    int exponent = bits >> 10 & 0x1f;
    if (exponent == 31)
        magnitude = bits & 0x3ff ? (float)NAN : (float)INFINITY;
    else if (exponent)
        magnitude = ldexpf((float)((bits & 0x3ff) | 0x400), exponent - 25);
    return bits & 0x8000 ? -magnitude : magnitude;
}

/* Eight bits of digits fit into half's eleven, so that only small numbers are rounded. */
static uint16_t half_bits(float value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    float magnitude = fabsf(value);
    if (isnan(value))
        return sign | 0x7e00;
    if (magnitude >= 65520.0f)
        return sign | 0x7c00;
    if (magnitude < 6.103515625e-05f)
        return (uint16_t)(sign | (uint16_t)rintf(ldexpf(magnitude, 24)));
    int exponent;
    float digits = frexpf(magnitude, &exponent); /* in [0.5, 1) */
    uint16_t fraction = (uint16_t)rintf(ldexpf(digits, 11));
    /* a fraction that was rounded up to 1 carries into the exponent */
    return (uint16_t)(sign | (uint16_t)(((exponent + 13) << 10) + fraction));
}

/* By way of float32, which holds both. */
static void to_half(void *from, void *to, npy_intp n, void *from_array, void *to_array)
{
    const uint16_t *x = from;
    uint16_t *y = to;
    (void)from_array;
    (void)to_array;
    for (npy_intp i = 0; i < n; i++)
        y[i] = half_bits(py_bfloat16_value(x[i]));
}

/* Rounded once, since a half is a float32 exactly. */
static void from_half(void *from, void *to, npy_intp n, void *from_array, void *to_array)
{
    const uint16_t *x = from;
    uint16_t *y = to;
    (void)from_array;
    (void)to_array;
    for (npy_intp i = 0; i < n; i++)
        y[i] = py_bfloat16_bits(half_value(x[i]));
}

/* `safe`: 1: every value of it is a bfloat16; 2: every bfloat16 is one of its values. NumPy asks
 * for a function for every pair; those that are missing would be errors at the first use. */
static const struct {
    int number, safe;
    PyArray_VectorUnaryFunc *to, *from;
} casts[] = {
    {NPY_BOOL, 1, to_bool, from_bool},
    {NPY_BYTE, 1, to_byte, from_byte},
    {NPY_UBYTE, 1, to_ubyte, from_ubyte},
    {NPY_SHORT, 0, to_short, from_short},
    {NPY_USHORT, 0, to_ushort, from_ushort},
    {NPY_INT, 0, to_int, from_int},
    {NPY_UINT, 0, to_uint, from_uint},
    {NPY_LONG, 0, to_long, from_long},
    {NPY_ULONG, 0, to_ulong, from_ulong},
    {NPY_LONGLONG, 0, to_longlong, from_longlong},
    {NPY_ULONGLONG, 0, to_ulonglong, from_ulonglong},
    {NPY_HALF, 0, to_half, from_half},
    {NPY_FLOAT, 2, to_float, from_float},
    {NPY_DOUBLE, 2, to_double, from_double},
    {NPY_LONGDOUBLE, 2, to_longdouble, from_longdouble},
    {NPY_CFLOAT, 2, to_cfloat, from_cfloat},
    {NPY_CDOUBLE, 2, to_cdouble, from_cdouble},
    {NPY_CLONGDOUBLE, 2, to_clongdouble, from_clongdouble},
};

/* NumPy copies the tables: nothing has to be kept. A cast table belongs to the type that is cast
 * from, so each direction is registered with another descriptor. */
int py_bfloat16_register_casts(PyArray_Descr *descr)
{
    for (size_t i = 0; i < sizeof casts / sizeof *casts; i++) {
        PyArray_Descr *other = PyArray_DescrFromType(casts[i].number);
        if (!other || PyArray_RegisterCastFunc(descr, casts[i].number, casts[i].to) ||
            PyArray_RegisterCastFunc(other, descr->type_num, casts[i].from))
            return -1;
        if (casts[i].safe == 1 && PyArray_RegisterCanCast(other, descr->type_num, NPY_NOSCALAR))
            return -1;
        if (casts[i].safe == 2 && PyArray_RegisterCanCast(descr, casts[i].number, NPY_NOSCALAR))
            return -1;
        Py_DECREF(other);
    }
    return 0;
}

/* ---- functions of one and two numbers ---- */

typedef struct unary {
    const char *name;
    float (*function)(float);
} unary;

typedef struct binary {
    const char *name;
    float (*function)(float, float);
} binary;

/* What C's library has no function for, as functions for the table. The functions of the first
 * table; all of one float in float32, where a result is exact or rounded once more when it is
 * stored. */
static float negative(float x)
{
    return -x;
}

/* np.positive: a copy. */
static float positive(float x)
{
    return x;
}

static float square(float x)
{
    return x * x;
}

/* Of zero an infinity, as floats have it. */
static float reciprocal(float x)
{
    return 1 / x;
}

/* NaN stays NaN. */
static float sign(float x)
{
    return isnan(x) ? x : (float)((x > 0) - (x < 0));
}

/* Of two bfloat16 the sum in float32 may be rounded, and again when stored; twice rounding does no
 * harm, as float32 has more than twice the digits. */
static float add(float x, float y)
{
    return x + y;
}

/* As the sum. */
static float subtract(float x, float y)
{
    return x - y;
}

/* Exact in float32: twice eight bits. */
static float multiply(float x, float y)
{
    return x * y;
}

static float divide(float x, float y)
{
    return x / y;
}

/* Towards minus infinity, as Python's // does. */
static float floor_divide(float x, float y)
{
    return floorf(x / y);
}

/* The result has the divisor's sign. */
static float modulo(float x, float y)
{
    float r = fmodf(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

/* NaN wins, as NumPy's maximum and minimum have it. */
static float maximum(float x, float y)
{
    return isnan(x) || isgreater(x, y) ? x : y;
}

static float minimum(float x, float y)
{
    return isnan(x) || isless(x, y) ? x : y;
}

/* Without overflow: the larger operand is taken out first. */
static float logaddexp(float x, float y)
{
    float most = maximum(x, y), least = minimum(x, y);
    return x == y ? x + logf(2) : most + log1pf(expf(least - most));
}

static const unary unaries[] = {
    {"negative", negative}, {"positive", positive},  {"absolute", fabsf},
    {"fabs", fabsf},        {"sqrt", sqrtf},         {"cbrt", cbrtf},
    {"square", square},     {"exp", expf},           {"exp2", exp2f},
    {"expm1", expm1f},      {"log", logf},           {"log2", log2f},
    {"log10", log10f},      {"log1p", log1pf},       {"sin", sinf},
    {"cos", cosf},          {"tan", tanf},           {"arcsin", asinf},
    {"arccos", acosf},      {"arctan", atanf},       {"sinh", sinhf},
    {"cosh", coshf},        {"tanh", tanhf},         {"arcsinh", asinhf},
    {"arccosh", acoshf},    {"arctanh", atanhf},     {"floor", floorf},
    {"ceil", ceilf},        {"trunc", truncf},       {"rint", rintf},
    {"sign", sign},         {"conjugate", positive}, {"reciprocal", reciprocal},
};

static const binary binaries[] = {
    {"add", add},
    {"subtract", subtract},
    {"multiply", multiply},
    {"true_divide", divide},
    {"floor_divide", floor_divide},
    {"remainder", modulo},
    {"fmod", fmodf},
    {"power", powf},
    {"maximum", maximum},
    {"minimum", minimum},
    {"fmax", fmaxf},
    {"fmin", fminf},
    {"arctan2", atan2f},
    {"hypot", hypotf},
    {"copysign", copysignf},
    {"nextafter", nextafterf},
    {"logaddexp", logaddexp},
};

/* ---- tests ----
 * Comparisons by C's macros, which raise no flag for a NaN: NumPy would warn of it. */

/* Results are bool here, so that NumPy's `where` and masks take them. */
typedef struct test {
    const char *name;
    int inputs;
    bool (*function)(float, float);
} test;

/* Tests have one signature for one number and two, so that one loop does. */
static bool is_finite(float x, float unused)
{
    (void)unused;
    return isfinite(x);
}

/* Both signs. */
static bool is_infinite(float x, float unused)
{
    (void)unused;
    return isinf(x);
}

/* What no comparison finds. */
static bool is_nan(float x, float unused)
{
    (void)unused;
    return isnan(x);
}

/* Of minus zero and of NaNs too. */
static bool has_sign(float x, float unused)
{
    (void)unused;
    return signbit(x);
}

/* logical_not: NaN is true, so its negation is false. */
static bool is_zero(float x, float unused)
{
    (void)unused;
    return x == 0;
}

/* NaN equals nothing, zeros of both signs each other. */
static bool equal(float x, float y)
{
    return x == y;
}

/* The one comparison that is true of NaN. */
static bool not_equal(float x, float y)
{
    return x != y;
}

/* The quiet macros: comparing a NaN raises no flag, of which NumPy would make a warning. */
static bool less(float x, float y)
{
    return isless(x, y);
}

static bool less_equal(float x, float y)
{
    return islessequal(x, y);
}

static bool greater(float x, float y)
{
    return isgreater(x, y);
}

static bool greater_equal(float x, float y)
{
    return isgreaterequal(x, y);
}

/* The logical functions take every number but zero for true. */
static bool both(float x, float y)
{
    return x != 0 && y != 0;
}

static bool either(float x, float y)
{
    return x != 0 || y != 0;
}

static bool one_of(float x, float y)
{
    return (x != 0) != (y != 0);
}

/* By NumPy's names. */
static const test tests[] = {
    {"isfinite", 1, is_finite},
    {"isinf", 1, is_infinite},
    {"isnan", 1, is_nan},
    {"signbit", 1, has_sign},
    {"logical_not", 1, is_zero},
    {"equal", 2, equal},
    {"not_equal", 2, not_equal},
    {"less", 2, less},
    {"less_equal", 2, less_equal},
    {"greater", 2, greater},
    {"greater_equal", 2, greater_equal},
    {"logical_and", 2, both},
    {"logical_or", 2, either},
    {"logical_xor", 2, one_of},
};

/* ---- loops ---- */

/* By memcpy, for NumPy's strided arrays may hold elements at any address. */
static float load_at(const char *element)
{
    uint16_t bits;
    memcpy(&bits, element, sizeof bits);
    return py_bfloat16_value(bits);
}

/* Rounded to nearest even, the one place where results lose digits. */
static void store_at(char *element, float value)
{
    uint16_t bits = py_bfloat16_bits(value);
    memcpy(element, &bits, sizeof bits);
}

/* NumPy calls a loop for a stretch of elements with steps in bytes; `data` is the row of the
 * table. */
static void unary_loop(char **args, const npy_intp *n, const npy_intp *steps, void *data)
{
    const unary *row = data;
    for (npy_intp i = 0; i < *n; i++)
        store_at(args[1] + i * steps[1], row->function(load_at(args[0] + i * steps[0])));
}

/* Element by element: the output may be one of the inputs, which NumPy allows where they overlap
 * exactly. */
static void binary_loop(char **args, const npy_intp *n, const npy_intp *steps, void *data)
{
    const binary *row = data;
    for (npy_intp i = 0; i < *n; i++)
        store_at(args[2] + i * steps[2],
                 row->function(load_at(args[0] + i * steps[0]), load_at(args[1] + i * steps[1])));
}

/* One loop for tests of one number and of two. */
static void test_loop(char **args, const npy_intp *n, const npy_intp *steps, void *data)
{
    const test *row = data;
    int out = row->inputs;
    for (npy_intp i = 0; i < *n; i++) {
        float x = load_at(args[0] + i * steps[0]);
        *(npy_bool *)(args[out] + i * steps[out]) = row->function(
            x, row->inputs > 1 ? load_at(args[1] + i * steps[1]) : 0);
    }
}

/* (m, k) times (k, n): sums in float32, rounded once. */
static void matmul_loop(char **args, const npy_intp *n, const npy_intp *steps, void *unused)
{
    (void)unused;
    for (npy_intp outer = 0; outer < n[0]; outer++) {
        const char *a = args[0] + outer * steps[0], *b = args[1] + outer * steps[1];
        char *c = args[2] + outer * steps[2];
        for (npy_intp i = 0; i < n[1]; i++) {
            for (npy_intp j = 0; j < n[3]; j++) {
                float sum = 0;
                for (npy_intp k = 0; k < n[2]; k++)
                    sum += load_at(a + i * steps[3] + k * steps[4]) *
                           load_at(b + k * steps[5] + j * steps[6]);
                store_at(c + i * steps[7] + j * steps[8], sum);
            }
        }
    }
}

/* A function that this NumPy does not have is left out. NumPy keeps the pointer to the row, which
 * is static, and copies the types. It owns the function; our reference is for the call alone. */
static int add_loop(PyObject *numpy, const char *name, int number, int inputs, int result,
                    PyUFuncGenericFunction loop, const void *row)
{
    int types[3] = {number, number, number};
    types[inputs] = result;
    PyObject *ufunc = PyObject_GetAttrString(numpy, name);
    if (!ufunc) {
        PyErr_Clear();
        return 0;
    }
    int failed = 0;
    if (PyObject_TypeCheck(ufunc, &PyUFunc_Type))
        failed = PyUFunc_RegisterLoopForType((PyUFuncObject *)ufunc, number, loop, types,
                                             (void *)(uintptr_t)row);
    Py_DECREF(ufunc);
    return failed;
}

/* The first failure ends it: it is out of memory, or a NumPy that changed its interface. */
static int add_loops(PyObject *numpy, int number)
{
    int failed = add_loop(numpy, "matmul", number, 2, number, matmul_loop, NULL);
    for (size_t i = 0; i < sizeof unaries / sizeof *unaries && !failed; i++)
        failed = add_loop(numpy, unaries[i].name, number, 1, number, unary_loop, &unaries[i]);
    for (size_t i = 0; i < sizeof binaries / sizeof *binaries && !failed; i++)
        failed = add_loop(numpy, binaries[i].name, number, 2, number, binary_loop, &binaries[i]);
    for (size_t i = 0; i < sizeof tests / sizeof *tests && !failed; i++)
        failed = add_loop(numpy, tests[i].name, number, tests[i].inputs, NPY_BOOL, test_loop,
                          &tests[i]);
    return failed;
}

/* NumPy's table of functions is imported here, the only place that needs it. Called once in a
 * process, since NumPy refuses a second loop of the same types. */
int py_bfloat16_register_ufuncs(int number)
{
    if (_import_umath())
        return -1;
    PyObject *numpy = PyImport_ImportModule("numpy");
    int failed = numpy ? add_loops(numpy, number) : -1;
    Py_XDECREF(numpy);
    return failed;
}
