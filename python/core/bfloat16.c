/* SPDX-License-Identifier: Apache-2.0
 * The NumPy type bfloat16: its scalars, and how NumPy reads, writes, compares and prints elements.
 * A scalar's value lies directly behind the object's head, where NumPy looks for that of a type it
 * does not know. */
#include "bfloat16.h"

#include <math.h>

#if NPY_ABI_VERSION < 0x02000000
#define PyArray_DescrProto PyArray_Descr
#endif

typedef struct scalar {
    PyObject_HEAD uint16_t bits;
} scalar;

PyTypeObject *py_bfloat16_type;

/* ---- scalars ---- */

/* NULL where memory is short, as every constructor. */
static PyObject *make(float value)
{
    PyObject *object = py_bfloat16_type->tp_alloc(py_bfloat16_type, 0);
    if (object)
        ((scalar *)object)->bits = py_bfloat16_bits(value);
    return object;
}

/* The object must be a scalar of this type. */
static float value_of(PyObject *object)
{
    return py_bfloat16_value(((scalar *)object)->bits);
}

#define is_scalar(o) PyObject_TypeCheck(o, py_bfloat16_type)

/* bfloat16(x): of an array an array, else of whatever float() takes. A scalar is a value and
 * nothing else: no argument names, no subclass. */
static PyObject *new_scalar(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *value = NULL;
    (void)type;
    if ((kwargs && PyDict_GET_SIZE(kwargs)) || !PyArg_UnpackTuple(args, "bfloat16", 0, 1, &value)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "bfloat16() takes no keyword arguments");
        return NULL;
    }
    if (!value)
        return make(0);
    if (is_scalar(value))
        return make(value_of(value));
    if (PyArray_Check(value) && PyArray_NDIM((PyArrayObject *)value))
        return PyArray_FromAny(value, PyArray_DescrFromType(py_bfloat16_number), 0, 0,
                               NPY_ARRAY_CARRAY | NPY_ARRAY_FORCECAST, NULL);
    PyObject *number = PyNumber_Float(value);
    if (!number)
        return NULL;
    float single = (float)PyFloat_AS_DOUBLE(number);
    Py_DECREF(number);
    return make(single);
}

/* The fewest digits that read back as the same bfloat16, written as Python writes a float. */
static PyObject *text_of(PyObject *object)
{
    float value = value_of(object);
    char digits[64];
    for (int precision = 1; isfinite(value) && precision <= 9; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, (double)value);
        if (py_bfloat16_bits((float)strtod(digits, NULL)) == ((scalar *)object)->bits) {
            value = (float)strtod(digits, NULL);
            break;
        }
    }
    PyObject *number = PyFloat_FromDouble(isfinite(value) ? strtod(digits, NULL) : (double)value);
    PyObject *text = number ? PyObject_Repr(number) : NULL;
    Py_XDECREF(number);
    return text;
}

/* The hash of the equal Python float, so that both find the same entry of a dict. */
static Py_hash_t hash_of(PyObject *object)
{
    PyObject *number = PyFloat_FromDouble((double)value_of(object));
    Py_hash_t hash = number ? PyObject_Hash(number) : -1;
    Py_XDECREF(number);
    return hash;
}

/* A scalar's or plain Python number's value; false: something else, NumPy's to deal with. */
static bool operand(PyObject *object, float *out)
{
    if (is_scalar(object)) {
        *out = value_of(object);
        return true;
    }
    if (PyFloat_CheckExact(object)) {
        *out = (float)PyFloat_AS_DOUBLE(object);
        return true;
    }
    if (!PyLong_CheckExact(object))
        return false;
    double wide = PyLong_AsDouble(object);
    if (wide == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return false;
    }
    *out = (float)wide;
    return true;
}

/* NumPy's sign rule for remainders: that of the divisor. */
static float floor_modulo(float a, float b)
{
    float r = fmodf(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* A function, so that a constant divisor of zero is left to the machine. */
static float divide(float a, float b)
{
    return a / b;
}

/* Another operand makes it NumPy's affair, by the number protocol of arrays. The array's slots give
 * NotImplemented where the other operand knows better. */
static PyObject *arithmetic(PyObject *a, PyObject *b, char operator)
{
    float x, y;
    PyNumberMethods *arrays = PyArray_Type.tp_as_number;
    bool plain = operand(a, &x) && operand(b, &y);
    switch (operator) {
    case '+': return plain ? make(x + y) : arrays->nb_add(a, b);
    case '-': return plain ? make(x - y) : arrays->nb_subtract(a, b);
    case '*': return plain ? make(x * y) : arrays->nb_multiply(a, b);
    case '/': return plain ? make(divide(x, y)) : arrays->nb_true_divide(a, b);
    case '%': return plain ? make(floor_modulo(x, y)) : arrays->nb_remainder(a, b);
    default: return plain ? make(floorf(divide(x, y))) : arrays->nb_floor_divide(a, b);
    }
}

/* Python calls these with either operand first; `arithmetic` does not mind. */
static PyObject *add(PyObject *a, PyObject *b)
{
    return arithmetic(a, b, '+');
}

static PyObject *subtract(PyObject *a, PyObject *b)
{
    return arithmetic(a, b, '-');
}

static PyObject *multiply(PyObject *a, PyObject *b)
{
    return arithmetic(a, b, '*');
}

static PyObject *true_divide(PyObject *a, PyObject *b)
{
    return arithmetic(a, b, '/');
}

static PyObject *remainder_of(PyObject *a, PyObject *b)
{
    return arithmetic(a, b, '%');
}

static PyObject *floor_divide(PyObject *a, PyObject *b)
{
    return arithmetic(a, b, '_');
}

/* A modulus has no meaning for floats: NumPy says so. */
static PyObject *power(PyObject *a, PyObject *b, PyObject *modulo)
{
    float x, y;
    if (modulo == Py_None && operand(a, &x) && operand(b, &y))
        return make(powf(x, y));
    return PyArray_Type.tp_as_number->nb_power(a, b, modulo);
}

/* The slots of one operand are only ever called with a scalar of this type. */
static PyObject *negative(PyObject *a)
{
    return make(-value_of(a));
}

/* A new object, as of all numbers. */
static PyObject *positive(PyObject *a)
{
    return make(value_of(a));
}

/* fabsf also clears the sign of a NaN, as NumPy does. */
static PyObject *absolute(PyObject *a)
{
    return make(fabsf(value_of(a)));
}

/* NaN is true, as of Python's floats. */
static int is_true(PyObject *a)
{
    return value_of(a) != 0;
}

/* Exact: every bfloat16 is a double. */
static PyObject *as_float(PyObject *a)
{
    return PyFloat_FromDouble((double)value_of(a));
}

/* Towards zero; infinities and NaN raise what Python's floats raise. */
static PyObject *as_int(PyObject *a)
{
    return PyLong_FromDouble((double)value_of(a));
}

/* A NumPy bool comes out, as of NumPy's own scalars. */
static PyObject *compare_scalars(PyObject *a, PyObject *b, int op)
{
    float x, y;
    if (!operand(a, &x) || !operand(b, &y))
        return PyGenericArrType_Type.tp_richcompare(a, b, op);
    bool result = op == Py_LT   ? x < y
                  : op == Py_LE ? x <= y
                  : op == Py_EQ ? x == y
                  : op == Py_NE ? x != y
                  : op == Py_GT ? x > y
                                : x >= y;
    PyArray_Descr *descr = PyArray_DescrFromType(NPY_BOOL);
    PyObject *object = descr ? PyArray_Scalar(&result, descr, NULL) : NULL;
    Py_XDECREF(descr); /* PyArray_Scalar takes none */
    return object;
}

/* What is missing is inherited from NumPy's generic scalar: item(), astype() and the rest. */
static PyType_Slot slots[] = {
    {Py_tp_new, new_scalar},
    {Py_tp_repr, text_of},
    {Py_tp_str, text_of},
    {Py_tp_hash, hash_of},
    {Py_tp_richcompare, compare_scalars},
    {Py_tp_doc, "A number of 16 bits: a float32 without the lower half of its digits."},
    {Py_nb_add, add},
    {Py_nb_subtract, subtract},
    {Py_nb_multiply, multiply},
    {Py_nb_true_divide, true_divide},
    {Py_nb_floor_divide, floor_divide},
    {Py_nb_remainder, remainder_of},
    {Py_nb_power, power},
    {Py_nb_negative, negative},
    {Py_nb_positive, positive},
    {Py_nb_absolute, absolute},
    {Py_nb_bool, is_true},
    {Py_nb_float, as_float},
    {Py_nb_int, as_int},
    {0, NULL},
};

/* Final, as NumPy reads the value at a fixed place behind the head. */
static PyType_Spec spec = {
    .name = "thalweg.bfloat16",
    .basicsize = sizeof(scalar),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

/* ---- elements ---- */

/* A Python float, which is what item() and tolist() give of every float type. */
static PyObject *get_item(void *data, void *array)
{
    uint16_t bits;
    (void)array;
    memcpy(&bits, data, sizeof bits);
    return PyFloat_FromDouble((double)py_bfloat16_value(bits));
}

/* Whatever float() takes can be put into an array. */
static int set_item(PyObject *item, void *data, void *array)
{
    float value;
    (void)array;
    if (!operand(item, &value)) {
        PyObject *number = PyNumber_Float(item);
        if (!number)
            return -1;
        value = (float)PyFloat_AS_DOUBLE(number);
        Py_DECREF(number);
    }
    uint16_t bits = py_bfloat16_bits(value);
    memcpy(data, &bits, sizeof bits);
    return 0;
}

/* `from` NULL means that the element stays where it is and only its bytes turn. */
static void copy_swap(void *to, void *from, int swap, void *array)
{
    uint16_t bits;
    (void)array;
    memcpy(&bits, from ? from : to, sizeof bits);
    if (swap)
        bits = (uint16_t)(bits << 8 | bits >> 8);
    memcpy(to, &bits, sizeof bits);
}

/* Strided on both sides; copies of whole arrays take NumPy's faster ways. */
static void copy_swap_n(void *to, npy_intp to_step, void *from, npy_intp from_step, npy_intp n,
                        int swap, void *array)
{
    for (npy_intp i = 0; i < n; i++)
        copy_swap((char *)to + i * to_step, from ? (char *)from + i * from_step : NULL, swap,
                  array);
}

/* Minus zero is zero too. */
static npy_bool nonzero(void *data, void *array)
{
    uint16_t bits;
    (void)array;
    memcpy(&bits, data, sizeof bits);
    return (bits & 0x7fff) != 0;
}

/* NaNs stand last, as NumPy sorts floats. */
static int compare(const void *a, const void *b, void *array)
{
    float x = py_bfloat16_value(*(const uint16_t *)a), y = py_bfloat16_value(*(const uint16_t *)b);
    (void)array;
    if (isnan(x) || isnan(y))
        return (isnan(x) != 0) - (isnan(y) != 0);
    return (x > y) - (x < y);
}

/* The first NaN wins, else the first of equal elements. */
static int extreme(const uint16_t *x, npy_intp n, npy_intp *at, float sign)
{
    *at = 0;
    for (npy_intp i = 0; i < n; i++) {
        float value = py_bfloat16_value(x[i]);
        if (isnan(value)) {
            *at = i;
            return 0;
        }
        if (sign * value > sign * py_bfloat16_value(x[*at]))
            *at = i;
    }
    return 0;
}

/* One loop serves both, by the sign. */
static int arg_max(void *data, npy_intp n, npy_intp *at, void *array)
{
    (void)array;
    return extreme(data, n, at, 1);
}

static int arg_min(void *data, npy_intp n, npy_intp *at, void *array)
{
    (void)array;
    return extreme(data, n, at, -1);
}

/* The sum is kept in float32: rounding it at every step would lose most digits of a long one. */
static void dot(void *a, npy_intp a_step, void *b, npy_intp b_step, void *out, npy_intp n,
                void *array)
{
    float sum = 0;
    (void)array;
    for (npy_intp i = 0; i < n; i++)
        sum += py_bfloat16_value(*(uint16_t *)((char *)a + i * a_step)) *
               py_bfloat16_value(*(uint16_t *)((char *)b + i * b_step));
    *(uint16_t *)out = py_bfloat16_bits(sum);
}

/* The first two elements say how arange goes on. */
static int fill(void *data, npy_intp n, void *array)
{
    uint16_t *x = data;
    float start = py_bfloat16_value(x[0]), step = py_bfloat16_value(x[1]) - start;
    (void)array;
    for (npy_intp i = 2; i < n; i++)
        x[i] = py_bfloat16_bits(start + (float)i * step);
    return 0;
}

/* For np.full and assignments of one number. NumPy hands over the number as an element. */
static int fill_with(void *data, npy_intp n, void *value, void *array)
{
    uint16_t *x = data;
    (void)array;
    for (npy_intp i = 0; i < n; i++)
        x[i] = *(uint16_t *)value;
    return 0;
}

/* ---- registration ---- */

/* Both are NumPy's for ever: it keeps the pointers. */
static PyArray_ArrFuncs functions;
static PyArray_DescrProto prototype = {
    PyObject_HEAD_INIT(NULL).kind = 'V',
    .type = 'E',
    .byteorder = '=',
    .flags = NPY_NEEDS_PYAPI | NPY_USE_SETITEM,
    .elsize = sizeof(uint16_t),
    .f = &functions,
    .hash = -1,
};

/* The number that NumPy gives is the type's name in all of its C interface. Elements may be copied
 * by NumPy as plain bytes, but are made and read through our functions. */
static int register_type(void)
{
    PyArray_InitArrFuncs(&functions);
    functions.getitem = get_item;
    functions.setitem = set_item;
    functions.copyswap = copy_swap;
    functions.copyswapn = copy_swap_n;
    functions.nonzero = nonzero;
    functions.compare = compare;
    functions.argmax = arg_max;
    functions.argmin = arg_min;
    functions.dotfunc = dot;
    functions.fill = fill;
    functions.fillwithscalar = fill_with;
    ((PyObject *)&prototype)->ob_type = &PyArrayDescr_Type;
    prototype.typeobj = py_bfloat16_type;
    prototype.alignment = _Alignof(uint16_t);
    return PyArray_RegisterDataType(&prototype);
}

/* np.dtype("bfloat16") finds it too, unless another package's type has the name. Failing to be
 * found by name is no failure: the type itself serves. */
static int publish(PyObject *module, PyArray_Descr *descr)
{
    PyObject *type = (PyObject *)py_bfloat16_type;
    if (PyObject_SetAttrString(type, "dtype", (PyObject *)descr))
        return -1;
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *names = numpy ? PyObject_GetAttrString(numpy, "sctypeDict") : NULL;
    if (names && PyDict_Check(names) && !PyDict_GetItemString(names, "bfloat16"))
        (void)PyDict_SetItemString(names, "bfloat16", type);
    PyErr_Clear();
    Py_XDECREF(names);
    Py_XDECREF(numpy);
    Py_INCREF(type);
    return PyModule_AddObject(module, "bfloat16", type);
}

/* Once in a process: NumPy never forgets a type. */
int py_bfloat16_init(PyObject *module)
{
    PyObject *bases = PyTuple_Pack(1, (PyObject *)&PyGenericArrType_Type);
    if (!bases)
        return -1;
    py_bfloat16_type = (PyTypeObject *)PyType_FromSpecWithBases(&spec, bases);
    Py_DECREF(bases);
    if (!py_bfloat16_type)
        return -1;
    py_bfloat16_number = register_type();
    PyArray_Descr *descr = py_bfloat16_number < 0 ? NULL
                                                  : PyArray_DescrFromType(py_bfloat16_number);
    if (!descr)
        return -1;
    int failed = py_bfloat16_register_casts(descr) ||
                 py_bfloat16_register_ufuncs(py_bfloat16_number) || publish(module, descr);
    Py_DECREF(descr);
    return failed ? -1 : 0;
}
