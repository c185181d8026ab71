/* SPDX-License-Identifier: Apache-2.0
 * One run: values become borrowed memory, the library runs, results become objects. The GIL is let
 * go where the library says that a run may wait or take long, and taken back to look at signals
 * and to make the results; short runs keep it. */
#include "run.h"

#include <string.h>

/* ---- prepared runs ---- */

/* Pointers of long-lived objects: their low bits say little. */
size_t py_prepared_hash(PyObject *const *keys, size_t fetches, size_t feeds)
{
    uint64_t hash = fetches * 31 + feeds;
    for (size_t i = 0; i < fetches + feeds; i++)
        hash = (hash ^ (uint64_t)((uintptr_t)keys[i] >> 4)) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 20);
}

static PyTypeObject *prepared_type;

/* The keys lead to the graph. No tp_clear: whatever cycle it is in, a session or graph cuts it. */
static int prepared_traverse(py_prepared *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++)
        Py_VISIT(self->keys[i]);
    return 0;
}

/* Also of one that was only half made. The library's callable goes last: it points into the graph
 * as long as it lives, but holds that itself. */
static void prepared_dealloc(py_prepared *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    tw_callable *callable = self->callable;
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++)
        Py_XDECREF(self->keys[i]);
    PyMem_Free(self->feeds);
    type->tp_free(self);
    Py_DECREF(type);
    tw_callable_free(callable);
}

static PyType_Slot prepared_slots[] = {
    {Py_tp_dealloc, prepared_dealloc},
    {Py_tp_traverse, prepared_traverse},
    {0, NULL},
};

static PyType_Spec prepared_spec = {
    .name = "thalweg._core.Prepared",
    .basicsize = offsetof(py_prepared, keys),
    .itemsize = sizeof(PyObject *),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = prepared_slots,
};

/* Where shapes of feeds may differ from what was declared, those of placeholders still may not. By
 * the type's name: there are several kinds of placeholders. */
static bool only_placeholders(const tw_tensor *feeds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(tw_operation_type(feeds[i].op), "Placeholder", strlen("Placeholder")) != 0)
            return false;
    }
    return true;
}

/* Planning takes long beside everything else here. The keys are held by now and `tensors` is nobody
 * else's, so the GIL may go. */
static int make_callable(py_prepared *prepared, tw_session *session, const tw_tensor *tensors,
                         bool any_shapes)
{
    struct tw_callable_args args = {
        .size = sizeof args,
        .session = session,
        .fetch = {tensors, prepared->fetch_count},
        .feed = {tensors + prepared->fetch_count, prepared->feed_count},
        .callable = &prepared->callable,
        .any_shapes = any_shapes &&
                      !only_placeholders(tensors + prepared->fetch_count, prepared->feed_count)};
    tw_status *status;
    Py_BEGIN_ALLOW_THREADS
    status = tw_make_callable_(&args);
    Py_END_ALLOW_THREADS
    if (status)
        py_raise(status);
    return status ? -1 : 0;
}

/* What a feed needs to know of its tensor is read once. The pointers are good as long as the keys
 * are held. */
static int describe(py_prepared *prepared, tw_tensor *tensors)
{
    for (size_t i = 0; i < prepared->fetch_count + prepared->feed_count; i++) {
        if (py_unwrap(prepared->keys[i], &tensors[i]))
            return -1;
    }
    for (size_t i = 0; i < prepared->feed_count; i++) {
        tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(tensors[prepared->fetch_count + i]));
        prepared->feeds[i] = (py_feed){dtype, dtype == TW_STRING ? -1 : py_dtype_numpy(dtype)};
    }
    return 0;
}

py_prepared *py_prepare(tw_session *session, PyObject *const *keys, size_t fetches, size_t feeds,
                        bool any_shapes)
{
    size_t count = fetches + feeds;
    py_prepared *prepared = (py_prepared *)prepared_type->tp_alloc(prepared_type,
                                                                   (Py_ssize_t)count);
    tw_tensor *tensors = PyMem_Calloc(count + 1, sizeof *tensors);
    if (prepared) {
        prepared->fetch_count = fetches;
        prepared->feed_count = feeds;
        prepared->hash = py_prepared_hash(keys, fetches, feeds);
        prepared->feeds = PyMem_Calloc(feeds + 1, sizeof *prepared->feeds);
        for (size_t i = 0; i < count; i++)
            prepared->keys[i] = Py_NewRef(keys[i]);
    }
    bool failed = !prepared || !tensors || !prepared->feeds;
    if (failed)
        PyErr_NoMemory();
    else
        failed = describe(prepared, tensors) ||
                 make_callable(prepared, session, tensors, any_shapes);
    PyMem_Free(tensors);
    if (failed)
        Py_CLEAR(prepared);
    return prepared;
}

/* ---- feeds ---- */

/* What keeps the memory of one feed for the time of the run. */
typedef struct py_fed {
    PyObject *held;  /* an ndarray */
    tw_array *array; /* strings */
    union {          /* a Python number */
        double f64;
        float f32;
        int64_t i64;
        bool b;
    } number;
    int64_t dims[TW_MAX_RANK];
} py_fed;

/* After the run, under the GIL, so that objects may be dropped. May be the end of an array whose
 * base has code of its own, so nothing of the run is half done by now. */
static void let_go(py_fed *fed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        Py_XDECREF(fed[i].held);
        tw_array_unref(fed[i].array);
    }
}

/* Takes the reference to an ndarray that a kernel can read. The reference keeps the memory, and
 * keeps NumPy from resizing it, while kernels read it without the GIL. That another thread writes
 * to it meanwhile is that thread's affair. */
static int feed_ndarray(PyObject *ndarray, const py_feed *feed, py_fed *fed, tw_view *view)
{
    PyArrayObject *array = (PyArrayObject *)ndarray;
    int rank = PyArray_NDIM(array);
    fed->held = ndarray;
    if (rank > TW_MAX_RANK) {
        PyErr_Format(PyExc_ValueError, "A value of %d dimensions has more than the %d allowed.",
                     rank, TW_MAX_RANK);
        return -1;
    }
    const npy_intp *dims = PyArray_DIMS(array);
    for (int i = 0; i < rank; i++)
        fed->dims[i] = dims[i];
    *view = (tw_view){feed->dtype, {fed->dims, (size_t)rank}, PyArray_DATA(array)};
    return 0;
}

/* Of an integer that the dtype holds exactly; false otherwise. A Python integer has no width: what
 * a dtype would round or wrap is left to the slow way. */
static bool store_integer(long long n, tw_dtype dtype, py_fed *fed)
{
    static const struct {
        tw_dtype dtype;
        long long least, most;
    } ranges[] = {
        {TW_INT32, INT32_MIN, INT32_MAX}, {TW_INT64, INT64_MIN, INT64_MAX},
        {TW_UINT8, 0, UINT8_MAX},         {TW_INT16, INT16_MIN, INT16_MAX},
        {TW_INT8, INT8_MIN, INT8_MAX},    {TW_UINT16, 0, UINT16_MAX},
        {TW_UINT32, 0, UINT32_MAX},       {TW_UINT64, 0, INT64_MAX},
    };
    const long long exact = 1ll << (dtype == TW_FLOAT32 ? 24 : 53);
    if (dtype == TW_FLOAT32)
        fed->number.f32 = (float)n;
    else if (dtype == TW_FLOAT64)
        fed->number.f64 = (double)n;
    if (dtype == TW_FLOAT32 || dtype == TW_FLOAT64)
        return n >= -exact && n <= exact;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (ranges[i].dtype != dtype)
            continue;
        /* of a little-endian number the first bytes are the smaller number */
        fed->number.i64 = PY_LITTLE_ENDIAN ? n : n << 8 * (8 - (int)tw_dtype_size(dtype));
        return n >= ranges[i].least && n <= ranges[i].most;
    }
    return false;
}

/* Plain Python numbers without an array; false: not one of these, or one that does not fit. The
 * number lies in the struct that the view points at, as long as the run. */
static bool feed_number(PyObject *value, const py_feed *feed, py_fed *fed, tw_view *view)
{
    bool fits = false;
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        fits = feed->dtype == TW_FLOAT32 || feed->dtype == TW_FLOAT64;
        if (feed->dtype == TW_FLOAT32)
            fed->number.f32 = (float)number;
        else
            fed->number.f64 = number;
    } else if (PyLong_CheckExact(value)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        fits = !overflow && store_integer(number, feed->dtype, fed);
    } else if (PyBool_Check(value)) {
        fits = feed->dtype == TW_BOOL;
        fed->number.b = value == Py_True;
    }
    *view = (tw_view){feed->dtype, {fed->dims, 0}, &fed->number};
    return fits;
}

/* Everything else that NumPy makes an array of; what is refused here is told by the slow way. A
 * Python integer that does not fit is not NumPy's to wrap around. NumPy takes the descriptor's
 * reference, also where it fails. A result that is the value itself is a reference of its own. */
static int feed_other(PyObject *value, const py_feed *feed, py_fed *fed, tw_view *view)
{
    if (py_is_tensor(value) || py_is_operation(value)) {
        PyErr_SetString(PyExc_TypeError, "The value of a feed cannot be a tf.Tensor object.");
        return -1;
    }
    if (PyLong_CheckExact(value) && tw_dtype_is_integer(feed->dtype)) {
        PyErr_Format(PyExc_TypeError,
                     "Type of feed value %S is not compatible with Tensor type %s.", value,
                     tw_dtype_name(feed->dtype));
        return -1;
    }
    if (feed->dtype == TW_STRING) {
        fed->array = py_array_from(value, TW_STRING, true);
        if (!fed->array)
            return -1;
        *view = (tw_view){TW_STRING, tw_array_shape(fed->array), tw_array_const_data(fed->array)};
        return 0;
    }
    if (feed->number < 0) {
        PyErr_Format(PyExc_TypeError, "A tensor of dtype %s cannot be fed.",
                     tw_dtype_name(feed->dtype));
        return -1;
    }
    PyObject *ndarray = PyArray_FromAny(
        value, PyArray_DescrFromType(feed->number), 0, 0,
        NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_FORCECAST, NULL);
    return ndarray ? feed_ndarray(ndarray, feed, fed, view) : -1;
}

/* The dict that the values came from may be changed by another thread: they are held. What was fed
 * before one value is refused is let go here. A value's own code runs in feed_other only, and finds
 * this run with nothing of the library's begun. */
static int feed_all(const py_prepared *prepared, PyObject *const *values, py_fed *fed,
                    tw_view *views)
{
    for (size_t i = 0; i < prepared->feed_count; i++) {
        const py_feed *feed = &prepared->feeds[i];
        int failed;
        fed[i].held = NULL;
        fed[i].array = NULL;
        if (py_array_is_plain(values[i], feed->number))
            failed = feed_ndarray(Py_NewRef(values[i]), feed, &fed[i], &views[i]);
        else if (feed_number(values[i], feed, &fed[i], &views[i]))
            failed = 0;
        else
            failed = feed_other(values[i], feed, &fed[i], &views[i]);
        if (failed) {
            let_go(fed, i + 1);
            return -1;
        }
    }
    return 0;
}

/* ---- hooks ---- */

/* Python runs handlers of signals in its main thread alone. */
static unsigned long main_thread;

/* From here on other Python threads go on. The library calls this at most once, on the thread that
 * called it, and holds no lock. */
static void hook_long_run(void *user)
{
    py_running *running = user;
    running->released = PyEval_SaveThread();
}

/* Every 20 ms or so: cheap enough, and a person does not notice that it is not at once. Other
 * threads need not look, and would only fight for the GIL. A handler's exception ends the run as
 * its status, with the traceback of the handler, and comes out of `run` unchanged. */
static tw_status *hook_poll(void *user)
{
    py_running *running = user;
    if (PyThread_get_thread_ident() != main_thread || !running->released)
        return NULL;
    PyEval_RestoreThread(running->released);
    running->released = NULL;
    tw_status *status = PyErr_CheckSignals() ? py_take_exception() : NULL;
    running->released = PyEval_SaveThread();
    return status;
}

/* An object that was not made ends the run with its exception. */
static tw_status *keep_result(py_running *running, size_t index, PyObject *made)
{
    running->results[index] = made;
    return made ? NULL : py_take_exception();
}

/* The first result takes the GIL back; the run itself is over by then. Only now does the value's
 * memory exist; it is the library's and gone after the call, hence the copy. The GIL stays with us
 * for the results that follow. */
static tw_status *hook_fetch(size_t index, const tw_view *value, void *user)
{
    py_running_end(user);
    return keep_result(user, index, py_array_copy(value->dtype, value->shape, value->data, true));
}

/* What is large is the object's own, without a copy. */
static tw_status *hook_take(size_t index, tw_array *array, void *user)
{
    py_running_end(user);
    return keep_result(user, index, py_array_to(array, true));
}

/* The library reads the options during the call only. */
struct tw_call_options py_running_options(py_running *running, const py_run_options *options)
{
    struct tw_call_options call = {.size = sizeof call,
                                   .long_run = hook_long_run,
                                   .poll = hook_poll,
                                   .fetch = hook_fetch,
                                   .take = hook_take,
                                   .user = running};
    if (options) {
        call.timeout_ms = options->timeout_ms;
        call.trace = options->trace;
    }
    return call;
}

/* Also where nothing was fetched, or the run failed while the GIL was away. The one place where a
 * run that let the GIL go has it back for good. */
void py_running_end(py_running *running)
{
    if (!running->released)
        return;
    PyEval_RestoreThread(running->released);
    running->released = NULL;
}

/* ---- the run ---- */

/* A feed that was refused names the tensor that it was fed for, which therefore did not run. */
static bool is_fault_of_feed(const py_prepared *prepared, const tw_status *status)
{
    const char *name = tw_status_operation(status);
    if (!name || tw_status_code(status) != TW_INVALID_ARGUMENT)
        return false;
    for (size_t i = 0; i < prepared->feed_count; i++) {
        const py_tensor *tensor = (const py_tensor *)prepared->keys[prepared->fetch_count + i];
        if (!strcmp(tw_operation_name(tensor->tensor.op), name))
            return true;
    }
    return false;
}

/* The graph of the first thing that is fetched or fed; NULL: nothing is. */
static py_graph *graph_of(const py_prepared *prepared)
{
    if (!(prepared->fetch_count + prepared->feed_count))
        return NULL;
    PyObject *first = prepared->keys[0];
    return py_is_tensor(first) ? ((py_tensor *)first)->op->graph : ((py_operation *)first)->graph;
}

/* An exception with a place for the operation that failed (`_op`) gets it. What goes wrong here
 * leaves the exception without it. Runs code of the exception's class; the operation is the graph's
 * and stays. */
static void name_operation(PyObject *exception, py_graph *graph, tw_operation *op)
{
    PyObject *known = PyObject_GetAttrString(exception, "_op");
    if (known == Py_None) {
        PyObject *object = py_wrap_operation(graph, op);
        if (object)
            (void)PyObject_SetAttrString(exception, "_op", object);
        Py_XDECREF(object);
    }
    Py_XDECREF(known);
    PyErr_Clear();
}

/* A status does not know of graphs as objects: the run does. The operation is found before the
 * status goes, since its name is the status'. The error factory is Python code: what is used after
 * it is held by the prepared run. */
static void raise_of_run(const py_prepared *prepared, tw_status *status)
{
    py_graph *graph = graph_of(prepared);
    const char *name = tw_status_operation(status);
    tw_operation *op = name && graph ? tw_graph_operation(graph->graph, name) : NULL;
    py_raise(status);
    if (!op)
        return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (value)
        name_operation(value, graph, op);
    PyErr_Restore(type, value, traceback);
}

/* All results or none. On failure there may be results all the same: those made before the one that
 * failed. */
static int finish(const py_prepared *prepared, tw_status *status, PyObject **results,
                  bool *at_fault)
{
    for (size_t i = 0; i < prepared->fetch_count; i++) {
        if (status)
            Py_CLEAR(results[i]);
        else if (!results[i])
            results[i] = Py_NewRef(Py_None);
    }
    if (!status)
        return 0;
    if (at_fault)
        *at_fault = is_fault_of_feed(prepared, status);
    raise_of_run(prepared, status);
    return -1;
}

/* Results are NULL until they are made, so that a failure knows what there is to drop. In this
 * order: values are converted while nothing of the library is under way; the GIL is back before
 * anything is dropped; results are complete before an exception is made. */
static int run_with(py_prepared *prepared, PyObject *const *values, PyObject **results,
                    const py_run_options *options, bool *at_fault, py_fed *fed, tw_view *views)
{
    if (feed_all(prepared, values, fed, views)) {
        if (at_fault)
            *at_fault = true;
        return -1;
    }
    memset(results, 0, prepared->fetch_count * sizeof *results);
    py_running running = {NULL, results};
    struct tw_call_options call = py_running_options(&running, options);
    tw_status *status = tw_call_views(prepared->callable, views, &call);
    py_running_end(&running);
    let_go(fed, prepared->feed_count);
    return finish(prepared, status, results, at_fault);
}

/* A handful of feeds needs no allocation. */
static int run_few(py_prepared *prepared, PyObject *const *values, PyObject **results,
                   const py_run_options *options, bool *at_fault)
{
    py_fed fed[PY_FEW];
    tw_view views[PY_FEW];
    return run_with(prepared, values, results, options, at_fault, fed, views);
}

/* The room is Python's, and the GIL is held wherever it is given back. */
static int run_many(py_prepared *prepared, PyObject *const *values, PyObject **results,
                    const py_run_options *options, bool *at_fault)
{
    py_fed *fed = PyMem_Calloc(prepared->feed_count, sizeof *fed);
    tw_view *views = PyMem_Calloc(prepared->feed_count, sizeof *views);
    int result = -1;
    if (fed && views)
        result = run_with(prepared, values, results, options, at_fault, fed, views);
    else
        PyErr_NoMemory();
    PyMem_Free(fed);
    PyMem_Free(views);
    return result;
}

/* What a value's own __array__ does, or another thread while the GIL is away, may take the values
 * out of their dict and the plan out of the table: both are held. `values` itself is the caller's
 * memory and may not move: an array on the stack, or a tuple's. */
int py_run(py_prepared *prepared, PyObject *const *values, PyObject **results,
           const py_run_options *options, bool *at_fault)
{
    size_t count = prepared->feed_count;
    if (at_fault)
        *at_fault = false;
    Py_INCREF(prepared);
    for (size_t i = 0; i < count; i++)
        Py_INCREF(values[i]);
    int result = count <= PY_FEW ? run_few(prepared, values, results, options, at_fault)
                                 : run_many(prepared, values, results, options, at_fault);
    for (size_t i = 0; i < count; i++)
        Py_DECREF(values[i]);
    Py_DECREF(prepared);
    return result;
}

/* The results' references go into the list, or are dropped where there is none. An exception can
 * only be that memory is short for the list. */
PyObject *py_pack(PyObject **results, size_t count, py_shape_of_results shape)
{
    if (shape == PY_SINGLE)
        return results[0];
    PyObject *packed = shape == PY_LIST ? PyList_New((Py_ssize_t)count)
                                        : PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; i < count; i++) {
        if (!packed)
            Py_DECREF(results[i]);
        else if (shape == PY_LIST)
            PyList_SET_ITEM(packed, (Py_ssize_t)i, results[i]);
        else
            PyTuple_SET_ITEM(packed, (Py_ssize_t)i, results[i]);
    }
    return packed;
}

/* ---- the module's part ---- */

/* Called when the module is imported and, in a child process, after a fork: there is one thread
 * then, the one that handles signals. A number, not an object: it is compared while the GIL is
 * away. */
static PyObject *set_main_thread(PyObject *module, PyObject *ident)
{
    (void)module;
    unsigned long number = PyLong_AsUnsignedLong(ident);
    if (number == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    main_thread = number;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_main_thread", set_main_thread, METH_O,
     "set_main_thread(ident): the thread in which runs look at signals."},
    {NULL, NULL, 0, NULL}};

/* Imports from other threads than the main one are set right by Python's side. */
int py_run_init(PyObject *module)
{
    main_thread = PyThread_get_thread_ident();
    prepared_type = (PyTypeObject *)PyType_FromSpec(&prepared_spec);
    if (!prepared_type)
        return -1;
    prepared_type->tp_new = NULL; /* nobody makes one but py_prepare */
    return PyModule_AddFunctions(module, methods);
}
