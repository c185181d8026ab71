/* SPDX-License-Identifier: Apache-2.0
 * _core.Session: `run` with a fast way for what programs run again and again - a Tensor, an
 * Operation, a list or tuple of them; feeds by Tensor - and the slow way, written in Python, for
 * everything else and for every error of a feed. Both find their plan in the session's table. */
#include "run.h"

#include <string.h>

enum { FIRST_SLOTS = 32, MOST_PREPARED = 1024 };

PyTypeObject *py_session_type;

/* Names that keyword arguments and method calls are looked up by. */
static PyObject *name_fetches, *name_feed_dict, *name_options, *name_run_metadata, *name_run_slow;

/* ---- life ---- */

/* Arguments are those of the Python class's __init__, which calls _open. Nothing is opened here, so
 * that Python's __init__ may look at its arguments first. */
static PyObject *session_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    return type->tp_alloc(type, 0);
}

/* Asked wherever the library's session is used, as a subclass may forget to call __init__. */
int py_session_check(py_session *self)
{
    if (self->session)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "The session was never opened: Session.__init__ was not "
                                        "called.");
    return -1;
}

/* The graph's object is held, not only the library's: results and errors name its operations. */
static PyObject *session_open(py_session *self, PyObject *args)
{
    PyObject *graph;
    int threads = 0, any_shapes = 0;
    if (!PyArg_ParseTuple(args, "O!|ip:_open", py_graph_type, &graph, &threads, &any_shapes))
        return NULL;
    if (self->session)
        return PyErr_Format(PyExc_RuntimeError, "The session is open already.");
    struct tw_session_options options = {
        .size = sizeof options, .graph = ((py_graph *)graph)->graph, .threads = threads};
    self->session = tw_session_new(&options);
    if (!self->session)
        return PyErr_NoMemory();
    self->graph = (py_graph *)Py_NewRef(graph);
    self->any_shapes = any_shapes;
    Py_RETURN_NONE;
}

/* A run that goes on holds its own reference to what it needs. The table is taken off before
 * anything is dropped: the end of a plan may be the end of objects whose code comes back to this
 * session. */
static void clear_table(py_session *self)
{
    py_prepared **table = self->table;
    size_t size = self->table_size;
    self->table = NULL;
    self->table_size = self->table_count = 0;
    for (size_t i = 0; i < size; i++)
        Py_XDECREF(table[i]);
    PyMem_Free(table);
}

/* The tensors in the table lead to the graph, which may lead back to the session by an attribute of
 * the user's. Plans are objects for this purpose: the collector counts the references of all who
 * share one. */
static int session_traverse(py_session *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(self->graph);
    for (size_t i = 0; i < self->table_size; i++)
        Py_VISIT(self->table[i]);
    return 0;
}

/* Breaks cycles; a run in the middle has its own reference. */
static int session_clear(py_session *self)
{
    clear_table(self);
    return 0;
}

/* The library's session waits for runs; none can go on, since a run holds this object. */
static void session_dealloc(py_session *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weak_references)
        PyObject_ClearWeakRefs((PyObject *)self);
    clear_table(self);
    /* The library may have to wait for its threads, which must not wait for the GIL meanwhile;
     * nobody else can reach the object any more. */
    tw_session *session = self->session;
    self->session = NULL;
    Py_BEGIN_ALLOW_THREADS
    tw_session_free(session);
    Py_END_ALLOW_THREADS
    Py_CLEAR(self->graph);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Other threads' runs end at their next step, and need the GIL for that. Later runs find the
 * session closed and an empty table: they go the slow way, which says so. */
static PyObject *session_close(py_session *self, PyObject *unused)
{
    (void)unused;
    if (!self->session)
        Py_RETURN_NONE;
    tw_status *status;
    Py_BEGIN_ALLOW_THREADS
    status = tw_session_close(self->session);
    Py_END_ALLOW_THREADS
    if (status)
        return py_raise(status);
    clear_table(self);
    Py_RETURN_NONE;
}

/* ---- the table ---- */

/* Identity of objects: a tensor has one object for ever. */
static bool is_for(const py_prepared *prepared, PyObject *const *keys, size_t fetches, size_t feeds)
{
    return prepared->fetch_count == fetches && prepared->feed_count == feeds &&
           !memcmp(prepared->keys, keys, (fetches + feeds) * sizeof *keys);
}

/* Borrowed; NULL: it is not there. Ends, as the table always has free entries. */
static py_prepared *look_up(const py_session *self, PyObject *const *keys, size_t fetches,
                            size_t feeds)
{
    if (!self->table_size)
        return NULL;
    size_t at = py_prepared_hash(keys, fetches, feeds);
    for (;; at++) {
        py_prepared *prepared = self->table[at & (self->table_size - 1)];
        if (!prepared || is_for(prepared, keys, fetches, feeds))
            return prepared;
    }
}

/* The caller knows that it is not there, and that there is room. By the hash that was kept, so that
 * keys are not read again when the table grows. */
static void put(py_prepared **table, size_t size, py_prepared *prepared)
{
    size_t at = prepared->hash;
    while (table[at & (size - 1)])
        at++;
    table[at & (size - 1)] = prepared;
}

/* A table that grew too large loses what was not used since it was last swept, and a program that
 * makes new operations for every run keeps no more than this. Between the new table's coming and
 * the last drop nothing of `self` is touched again but by others. */
static int make_room(py_session *self)
{
    bool sweep = self->table_count >= MOST_PREPARED;
    if (!sweep && 2 * (self->table_count + 1) <= self->table_size)
        return 0;
    size_t size = sweep || !self->table_size ? self->table_size : 2 * self->table_size;
    size = size ? size : FIRST_SLOTS;
    py_prepared **table = PyMem_Calloc(size, sizeof *table), **old = self->table;
    if (!table) {
        PyErr_NoMemory();
        return -1;
    }
    size_t old_size = self->table_size, kept = 0, dropped = 0;
    for (size_t i = 0; i < old_size; i++) {
        py_prepared *prepared = old[i];
        if (!prepared)
            continue;
        if (sweep && (!prepared->used || kept > MOST_PREPARED / 2)) {
            old[dropped++] = prepared;
            continue;
        }
        prepared->used = false;
        put(table, size, prepared);
        kept++;
    }
    self->table = table;
    self->table_size = size;
    self->table_count = kept;
    for (size_t i = 0; i < dropped; i++) /* may run code of others: the table is whole again */
        Py_DECREF(old[i]);
    PyMem_Free(old);
    return 0;
}

/* A plan that lost the race to another thread's is good for its own run, and goes after it. */
py_prepared *py_session_prepared(py_session *self, PyObject *const *keys, size_t fetches,
                                 size_t feeds)
{
    py_prepared *prepared = look_up(self, keys, fetches, feeds);
    if (prepared) {
        Py_INCREF(prepared);
        return prepared;
    }
    /* the GIL is away while the library plans; the keys are the caller's memory and stay */
    prepared = py_prepare(self->session, keys, fetches, feeds, self->any_shapes);
    /* another thread may have been here while this one planned */
    if (!prepared || look_up(self, keys, fetches, feeds))
        return prepared;
    if (make_room(self)) {
        Py_DECREF(prepared);
        return NULL;
    }
    Py_INCREF(prepared);
    put(self->table, self->table_size, prepared);
    self->table_count++;
    return prepared;
}

/* ---- the fast way ---- */

/* What is fetched and fed, flat; in few's room where that is enough. */
typedef struct call {
    PyObject *few[4 * PY_FEW];
    PyObject **keys, **values, **results;
    size_t fetches, feeds;
    py_shape_of_results shape;
} call;

/* Lists are cut off where the room ends: longer ones go the slow way. Borrowed from the arguments,
 * which the caller of `run` holds; nothing of Python runs before py_run takes references. */
static bool take_fetches(PyObject *fetches, call *c)
{
    PyObject *const *items = &fetches;
    Py_ssize_t count = 1;
    c->shape = PY_SINGLE;
    if (PyList_CheckExact(fetches)) {
        c->shape = PY_LIST;
        items = PySequence_Fast_ITEMS(fetches);
        count = PyList_GET_SIZE(fetches);
    } else if (PyTuple_CheckExact(fetches)) {
        c->shape = PY_TUPLE;
        items = PySequence_Fast_ITEMS(fetches);
        count = PyTuple_GET_SIZE(fetches);
    }
    if (count > PY_FEW || !count)
        return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!py_is_tensor(items[i]) && !py_is_operation(items[i]))
            return false;
        c->keys[i] = items[i];
    }
    c->fetches = (size_t)count;
    return true;
}

/* Any key that is no tensor, and any mapping that is no plain dict, goes the slow way. Keys and
 * values are borrowed from the dict: py_run holds the values, the table's plan the keys. */
static bool take_feeds(PyObject *feed_dict, call *c)
{
    c->feeds = 0;
    if (feed_dict == Py_None)
        return true;
    if (!PyDict_CheckExact(feed_dict) || PyDict_GET_SIZE(feed_dict) > PY_FEW)
        return false;
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (PyDict_Next(feed_dict, &at, &key, &value)) {
        if (!py_is_tensor(key))
            return false;
        c->keys[c->fetches + c->feeds] = key;
        c->values[c->feeds++] = value;
    }
    return true;
}

/* NULL without an exception: not for the fast way. Room for results is on the stack: no result is
 * seen by anybody before all are made. */
static PyObject *run_fast(py_session *self, PyObject *fetches, PyObject *feed_dict)
{
    call c;
    c.keys = c.few;
    c.values = c.few + 2 * PY_FEW;
    c.results = c.few + 3 * PY_FEW;
    if (!take_fetches(fetches, &c) || !take_feeds(feed_dict, &c))
        return NULL;
    /* borrowed: py_run holds it, since a value's code may close the session */
    py_prepared *prepared = look_up(self, c.keys, c.fetches, c.feeds);
    if (!prepared)
        return NULL;
    bool at_fault;
    prepared->used = true;
    if (!py_run(prepared, c.values, c.results, NULL, &at_fault))
        return py_pack(c.results, c.fetches, c.shape);
    /* The slow way says what is wrong with the value. Ctrl-C in a value's own code is no fault of
     * its, and would be lost. */
    if (at_fault && PyErr_ExceptionMatches(PyExc_Exception) &&
        !PyErr_ExceptionMatches(PyExc_MemoryError))
        PyErr_Clear();
    return NULL;
}

/* Interned names are compared by identity first, which is how they come from a call. A str made at
 * run time is equal, but not the same object. */
static int take_keyword(PyObject *name, PyObject *value, PyObject **out)
{
    PyObject *const names[4] = {name_fetches, name_feed_dict, name_options, name_run_metadata};
    for (int i = 0; i < 4; i++) {
        if (name != names[i] && PyUnicode_Compare(name, names[i]))
            continue;
        if (out[i]) {
            PyErr_Format(PyExc_TypeError, "run() got multiple values for argument '%U'", name);
            return -1;
        }
        out[i] = value;
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "run() got an unexpected keyword argument '%U'", name);
    return -1;
}

/* The messages are those that Python gives for a function of these parameters. */
static int take_arguments(PyObject *const *args, Py_ssize_t count, PyObject *names, PyObject **out)
{
    if (count > 4) {
        PyErr_Format(PyExc_TypeError,
                     "run() takes from 2 to 5 positional arguments but %zd were "
                     "given",
                     count + 1);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        out[i] = args[i];
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++) {
        if (take_keyword(PyTuple_GET_ITEM(names, i), args[count + i], out))
            return -1;
    }
    if (!out[0]) {
        PyErr_SetString(PyExc_TypeError, "run() missing 1 required positional argument: 'fetches'");
        return -1;
    }
    for (int i = 1; i < 4; i++)
        out[i] = out[i] ? out[i] : Py_None;
    return 0;
}

/* Whatever the fast way cannot do, or refuses to feed, is done again in Python. The vector of
 * arguments is the caller's: all that is borrowed from it stays until the return. */
static PyObject *session_run(py_session *self, PyObject *const *args, Py_ssize_t count,
                             PyObject *names)
{
    PyObject *a[4] = {NULL, NULL, NULL, NULL};
    if (take_arguments(args, count, names, a))
        return NULL;
    if (self->table_count && a[2] == Py_None && a[3] == Py_None) {
        PyObject *result = run_fast(self, a[0], a[1]);
        if (result || PyErr_Occurred())
            return result;
    }
    return PyObject_CallMethodObjArgs((PyObject *)self, name_run_slow, a[0], a[1], a[2], a[3],
                                      NULL);
}

/* ---- the slow way's end: flat lists ---- */

/* Copies two lists of keys one after the other; they must hold tensors and operations. The objects
 * are borrowed still: py_prepare takes references before the GIL goes. */
static PyObject **join_keys(PyObject *fetches, PyObject *feeds)
{
    Py_ssize_t a = PyList_GET_SIZE(fetches), b = PyList_GET_SIZE(feeds);
    PyObject **keys = PyMem_Calloc((size_t)(a + b + 1), sizeof *keys);
    if (!keys) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < a + b; i++) {
        keys[i] = i < a ? PyList_GET_ITEM(fetches, i) : PyList_GET_ITEM(feeds, i - a);
        if (py_is_tensor(keys[i]) || (i < a && py_is_operation(keys[i])))
            continue;
        PyErr_Format(PyExc_TypeError, "%R cannot be %s", keys[i], i < a ? "fetched" : "fed");
        PyMem_Free(keys);
        return NULL;
    }
    return keys;
}

/* The lists may be changed by others while the library plans; the keys are copied before. */
py_prepared *py_prepared_of_lists(py_session *self, PyObject *fetches, PyObject *feeds)
{
    if (py_session_check(self))
        return NULL;
    PyObject **keys = join_keys(fetches, feeds);
    if (!keys)
        return NULL;
    py_prepared *prepared = py_session_prepared(self, keys, (size_t)PyList_GET_SIZE(fetches),
                                                (size_t)PyList_GET_SIZE(feeds));
    PyMem_Free(keys);
    return prepared;
}

/* A tuple, because code of a value's may change the list while it is converted. Results are in
 * zeroed memory, as a failure may come before the first. */
static PyObject *run_lists(py_prepared *prepared, PyObject *values, const py_run_options *options)
{
    PyObject **results = PyMem_Calloc(prepared->fetch_count + 1, sizeof *results);
    PyObject *fixed = PyList_AsTuple(values), *list = NULL;
    if (!results && fixed)
        PyErr_NoMemory();
    else if (fixed && (size_t)PyTuple_GET_SIZE(fixed) != prepared->feed_count)
        PyErr_Format(PyExc_ValueError, "%zd values for %zd feeds", PyTuple_GET_SIZE(fixed),
                     (Py_ssize_t)prepared->feed_count);
    else if (fixed && !py_run(prepared, PySequence_Fast_ITEMS(fixed), results, options, NULL))
        list = py_pack(results, prepared->fetch_count, PY_LIST);
    Py_XDECREF(fixed);
    PyMem_Free(results);
    return list;
}

/* _run_flat(fetches, feeds, values, timeout_ms=0, trace=False) -> list, or (list, trace as JSON).
 * The trace is made and freed here; its text is made only of a run that succeeded, and goes into
 * the result. */
static PyObject *session_run_flat(py_session *self, PyObject *args)
{
    PyObject *fetches, *feeds, *values;
    long long timeout = 0;
    int traced = 0;
    if (!PyArg_ParseTuple(args, "O!O!O!|Lp:_run_flat", &PyList_Type, &fetches, &PyList_Type, &feeds,
                          &PyList_Type, &values, &timeout, &traced))
        return NULL;
    py_prepared *prepared = py_prepared_of_lists(self, fetches, feeds);
    if (!prepared)
        return NULL;
    py_run_options options = {timeout, traced ? tw_trace_new() : NULL};
    PyObject *list = run_lists(prepared, values, &options);
    Py_DECREF(prepared);
    if (list && options.trace) {
        char *json = tw_trace_json(options.trace);
        list = Py_BuildValue("(Ns)", list, json ? json : "{}");
        tw_free(json);
    }
    tw_trace_free(options.trace);
    return list;
}

/* ---- what else one asks of a session ---- */

/* For people: nothing is run. Planned as a run would be, but kept nowhere. */
static PyObject *explain(py_session *self, PyObject *args)
{
    PyObject *fetches, *feeds;
    tw_tensor *fetch = NULL, *feed = NULL;
    size_t fetch_count = 0, feed_count = 0;
    char *text = NULL;
    if (!PyArg_ParseTuple(args, "OO:_explain", &fetches, &feeds) || py_session_check(self))
        return NULL;
    PyObject *result = NULL;
    if (!py_unwrap_list(fetches, &fetch, &fetch_count) &&
        !py_unwrap_list(feeds, &feed, &feed_count)) {
        tw_tensors none = {NULL, 0};
        tw_status *status = tw_explain(self->session, (tw_tensors){fetch, fetch_count}, none,
                                       (tw_tensors){feed, feed_count}, &text);
        result = status ? py_raise(status) : PyUnicode_FromString(text);
    }
    tw_free(text);
    py_free_list(fetch);
    py_free_list(feed);
    return result;
}

/* For tests of what is planned anew and what is not. Of this session alone, and of a moment: other
 * threads may be running. */
static PyObject *counts(py_session *self, PyObject *unused)
{
    (void)unused;
    if (py_session_check(self))
        return NULL;
    tw_session_counts c = tw_session_get_counts(self->session);
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:n}", "skeletons", (unsigned long long)c.skeletons,
                         "variants", (unsigned long long)c.variants, "runs",
                         (unsigned long long)c.runs, "steps", (unsigned long long)c.steps,
                         "prepared", (Py_ssize_t)self->table_count);
}

/* None before _open, when there is no graph to give. An object that nobody may write to: a session
 * is for one graph. */
static PyObject *get_graph(py_session *self, void *unused)
{
    (void)unused;
    return Py_NewRef(self->graph ? (PyObject *)self->graph : Py_None);
}

#define METHOD(function) (PyCFunction)(void (*)(void))(function)
static PyMethodDef session_methods[] = {
    {"run", METHOD(session_run), METH_FASTCALL | METH_KEYWORDS,
     "run($self, fetches, feed_dict=None, options=None, run_metadata=None)\n--\n\n"
     "Runs what `fetches` needs and gives the values in the same structure.\n\n"
     "`fetches` is a Tensor, an Operation (its value is None), a Variable, the name of one of\n"
     "these, or a list, tuple, namedtuple or dict of fetches. `feed_dict` maps tensors, whose\n"
     "values are given instead of computed, to anything that NumPy makes an array of."},
    {"_open", METHOD(session_open), METH_VARARGS,
     "_open(graph, threads=0, any_shapes=False): once, before anything else."},
    {"_close", METHOD(session_close), METH_NOARGS,
     "_close(): ends the runs of other threads; later runs are refused."},
    {"_run_flat", METHOD(session_run_flat), METH_VARARGS,
     "_run_flat(fetches, feeds, values, timeout_ms=0, trace=False) -> list, or (list, json)."},
    {"_explain", METHOD(explain), METH_VARARGS, "_explain(fetches, feeds): the plan as text."},
    {"_counts", METHOD(counts), METH_NOARGS, "_counts(): what the engine counted, a dict."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef session_getset[] = {
    {"graph", (getter)get_graph, NULL, "The graph that it runs.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot session_slots[] = {
    {Py_tp_new, session_new},
    {Py_tp_dealloc, session_dealloc},
    {Py_tp_traverse, session_traverse},
    {Py_tp_clear, session_clear},
    {Py_tp_methods, session_methods},
    {Py_tp_getset, session_getset},
    {Py_tp_doc, "Runs parts of a graph and owns its variables' values."},
    {0, NULL}};

static PyType_Spec session_spec = {.name = "thalweg._core.Session",
                                   .basicsize = sizeof(py_session),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                            Py_TPFLAGS_HAVE_GC,
                                   .slots = session_slots};

/* The types first: a callable is made of a session. Interned names live as long as the process,
 * like the types. */
int py_session_init(PyObject *module)
{
    name_fetches = PyUnicode_InternFromString("fetches");
    name_feed_dict = PyUnicode_InternFromString("feed_dict");
    name_options = PyUnicode_InternFromString("options");
    name_run_metadata = PyUnicode_InternFromString("run_metadata");
    name_run_slow = PyUnicode_InternFromString("_run_slow");
    if (!name_fetches || !name_feed_dict || !name_options || !name_run_metadata || !name_run_slow)
        return -1;
    if (py_add_type(module, &session_spec, "Session", offsetof(py_session, weak_references),
                    &py_session_type))
        return -1;
    return py_run_init(module) || py_callable_init(module) || py_partial_init(module) ||
                   py_evaluate_init(module) || py_func_init(module) || py_testing_init(module)
               ? -1
               : 0;
}
