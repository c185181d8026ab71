/* SPDX-License-Identifier: Apache-2.0
 * Conditions and loops, step by step: Python's branches and bodies run between these calls. A
 * builder is a capsule that cond_end or while_end empties; whoever begins one ends it, in a
 * `finally`. And regions: what a graph remembers of a branch or a loop. */
#include "core.h"

static const char cond_name[] = "thalweg.cond", while_name[] = "thalweg.while",
                  ended_name[] = "thalweg.ended";

/* What a capsule of that name holds. */
static void *builder_of(PyObject *capsule, const char *name)
{
    if (PyCapsule_IsValid(capsule, name))
        return PyCapsule_GetPointer(capsule, name);
    PyErr_Format(PyExc_ValueError, "a builder of the kind %s that has not ended is expected", name);
    return NULL;
}

/* The capsule stays with its owner, so that a second end finds it empty. The name says whether it
 * was ended; the pointer in it is not looked at again. */
static void *take_builder(PyObject *capsule, const char *name)
{
    void *builder = builder_of(capsule, name);
    if (builder && PyCapsule_SetName(capsule, ended_name))
        return NULL;
    return builder;
}

/* What a step that only can fail gives to Python. */
static PyObject *done(tw_status *status)
{
    if (status)
        return py_raise(status);
    Py_RETURN_NONE;
}

/* ---- conditions ---- */

/* The place that the condition's nodes get is the user's line, found here: the library sees only C
 * callers. A builder left behind stays in memory and its scopes open until the thread closes them:
 * there is no destructor that could run on the right thread. */
static PyObject *cond_begin(PyObject *module, PyObject *args)
{
    PyObject *pred;
    tw_tensor tensor;
    struct tw_cond_begin_args given = {.size = sizeof given};
    tw_cond_builder *builder;
    (void)module;
    if (!PyArg_ParseTuple(args, "Os:cond_begin", &pred, &given.name) || py_unwrap(pred, &tensor))
        return NULL;
    given.pred = tw_of_tensor(tensor);
    given.where = py_where();
    tw_status *status = tw_cond_begin(&given, &builder);
    if (status)
        return py_raise(status);
    PyObject *capsule = PyCapsule_New(builder, cond_name, NULL);
    if (!capsule)
        tw_cond_end(builder);
    return capsule;
}

/* Whoever enters also leaves, but where an exception passes: then the end closes what is open. */
static PyObject *cond_enter(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    int side;
    (void)module;
    if (!PyArg_ParseTuple(args, "Op:cond_enter", &capsule, &side))
        return NULL;
    tw_cond_builder *builder = builder_of(capsule, cond_name);
    return builder ? done(tw_cond_enter(builder, side)) : NULL;
}

/* Python learns only here how many results there are. The list is written over with what stands for
 * them inside. */
static PyObject *cond_leave(PyObject *module, PyObject *args)
{
    PyObject *capsule, *results;
    tw_tensor *items;
    size_t count;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:cond_leave", &capsule, &results))
        return NULL;
    tw_cond_builder *builder = builder_of(capsule, cond_name);
    if (!builder || py_unwrap_list(results, &items, &count))
        return NULL;
    tw_status *status = tw_cond_leave(builder, (tw_tensors){items, count}, items);
    PyObject *seen = status ? py_raise(status) : py_wrap_tensors((tw_tensors){items, count});
    py_free_list(items);
    return seen;
}

/* One at a time: between the branches' end and this, Python may cast what the branches gave. */
static PyObject *cond_merge(PyObject *module, PyObject *args)
{
    PyObject *capsule, *on_true, *on_false;
    tw_tensor sides[2], out;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOO:cond_merge", &capsule, &on_true, &on_false))
        return NULL;
    tw_cond_builder *builder = builder_of(capsule, cond_name);
    if (!builder || py_unwrap(on_true, &sides[1]) || py_unwrap(on_false, &sides[0]))
        return NULL;
    tw_status *status = tw_cond_merge(builder, sides[1], sides[0], &out);
    return status ? py_raise(status) : py_wrap_tensor(out);
}

/* Never from a destructor: what it closes belongs to the thread that began. */
static PyObject *cond_end(PyObject *module, PyObject *capsule)
{
    (void)module;
    tw_cond_builder *builder = take_builder(capsule, cond_name);
    if (!builder)
        return NULL;
    tw_cond_end(builder);
    Py_RETURN_NONE;
}

/* ---- loops ---- */

/* Shapes of a sequence, None for a variable whose own shape is its invariant. */
typedef struct invariants {
    tw_shape *shapes;
    void **memory; /* of each shape's dims */
    size_t count;
} invariants;

/* Also after a failure in the middle: `count` says how far it got. */
static void invariants_clear(invariants *v)
{
    for (size_t i = 0; v->memory && i < v->count; i++)
        PyMem_Free(v->memory[i]);
    PyMem_Free(v->shapes);
    PyMem_Free(v->memory);
}

/* The sequence has one entry for each variable. */
static int invariants_from(PyObject *object, size_t count, invariants *v)
{
    PyObject *list = py_fixed(object, "shape invariants are a sequence of shapes");
    if (!list)
        return -1;
    v->shapes = PyMem_Calloc(count + 1, sizeof *v->shapes);
    v->memory = PyMem_Calloc(count + 1, sizeof *v->memory);
    int bad = v->shapes && v->memory ? 0 : -1;
    if (bad)
        PyErr_NoMemory();
    if (!bad && (size_t)PyTuple_GET_SIZE(list) != count) {
        PyErr_Format(PyExc_ValueError, "%zd shape invariants for %zu loop variables",
                     PyTuple_GET_SIZE(list), count);
        bad = -1;
    }
    for (; !bad && v->count < count; v->count++)
        bad = py_shape_from(PyTuple_GET_ITEM(list, (Py_ssize_t)v->count), &v->shapes[v->count],
                            &v->memory[v->count]);
    Py_DECREF(list);
    return bad;
}

/* (builder, what the condition reads) Where objects cannot be made the loop is ended at once, as
 * nobody else could. */
static PyObject *begin_loop(const struct tw_while_begin_args *args)
{
    tw_while_builder *builder;
    tw_status *status = tw_while_begin(args, &builder);
    if (status)
        return py_raise(status);
    PyObject *capsule = PyCapsule_New(builder, while_name, NULL);
    PyObject *vars = capsule ? py_wrap_tensors(tw_while_vars(builder)) : NULL;
    PyObject *both = vars ? PyTuple_Pack(2, capsule, vars) : NULL;
    if (!both)
        tw_while_end(builder);
    Py_XDECREF(vars);
    Py_XDECREF(capsule);
    return both;
}

/* Arguments by position only: one caller, in control_flow_while.py. */
static PyObject *while_begin(PyObject *module, PyObject *args)
{
    PyObject *vars, *shapes, *both = NULL;
    int back_prop, any_shape;
    long long parallel;
    tw_tensor *items;
    struct tw_while_begin_args given = {.size = sizeof given};
    (void)module;
    if (!PyArg_ParseTuple(args, "OOLpps:while_begin", &vars, &shapes, &parallel, &back_prop,
                          &any_shape, &given.name) ||
        py_unwrap_list(vars, &items, &given.vars.count))
        return NULL;
    invariants v = {NULL, NULL, 0};
    if (shapes == Py_None || !invariants_from(shapes, given.vars.count, &v)) {
        given.vars.items = items;
        given.shape_invariants = v.shapes;
        given.parallel_iterations = parallel;
        given.back_prop = back_prop;
        given.any_shape = any_shape;
        given.where = py_where();
        both = begin_loop(&given);
    }
    invariants_clear(&v);
    py_free_list(items);
    return both;
}

/* Gives what the body reads. The loop's own tensors, by the objects that Python knows. */
static PyObject *while_condition(PyObject *module, PyObject *args)
{
    PyObject *capsule, *go_on;
    tw_tensor tensor;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:while_condition", &capsule, &go_on))
        return NULL;
    tw_while_builder *builder = builder_of(capsule, while_name);
    if (!builder || py_unwrap(go_on, &tensor))
        return NULL;
    tw_status *status = tw_while_condition(builder, tensor);
    return status ? py_raise(status) : py_wrap_tensors(tw_while_vars(builder));
}

/* Gives the last values. The same list serves for both directions, as the library writes each
 * result where it read the value. */
static PyObject *while_body(PyObject *module, PyObject *args)
{
    PyObject *capsule, *next;
    tw_tensor *items;
    size_t count;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:while_body", &capsule, &next))
        return NULL;
    tw_while_builder *builder = builder_of(capsule, while_name);
    if (!builder || py_unwrap_list(next, &items, &count))
        return NULL;
    tw_status *status = tw_while_body(builder, (tw_tensors){items, count}, items);
    PyObject *last = status ? py_raise(status) : py_wrap_tensors((tw_tensors){items, count});
    py_free_list(items);
    return last;
}

/* As cond_end. */
static PyObject *while_end(PyObject *module, PyObject *capsule)
{
    (void)module;
    tw_while_builder *builder = take_builder(capsule, while_name);
    if (!builder)
        return NULL;
    tw_while_end(builder);
    Py_RETURN_NONE;
}

/* ---- regions ---- */

/* Lives as long as it needs to: it holds its graph. The region is the graph's and goes with it. */
typedef struct py_region {
    PyObject_HEAD tw_region *region;
    py_graph *graph;
} py_region;

static PyTypeObject *region_type;

/* Read anew for each attribute, since a loop that is being built still changes. */
static tw_region_info info_of(PyObject *self)
{
    tw_region_info info = {.size = sizeof info};
    tw_region_get_info(((py_region *)self)->region, &info);
    return info;
}

/* None for NULL. An object each time; they compare by what they stand for. */
static PyObject *wrap_region(py_graph *graph, tw_region *region)
{
    if (!region)
        Py_RETURN_NONE;
    py_region *self = PyObject_GC_New(py_region, region_type);
    if (!self)
        return NULL;
    Py_INCREF(graph);
    self->graph = graph;
    self->region = region;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

/* A graph's dict may hold objects of its regions; that cycle is the collector's, and the dict is
 * what it clears. */
static int region_traverse(PyObject *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(((py_region *)self)->graph);
    return 0;
}

static void region_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_DECREF(((py_region *)self)->graph);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* Objects are made when asked for: two of the same region are equal. */
static PyObject *region_compare(PyObject *self, PyObject *other, int op)
{
    if (Py_TYPE(other) != region_type || (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    bool same = ((py_region *)self)->region == ((py_region *)other)->region;
    return PyBool_FromLong(same == (op == Py_EQ));
}

/* Aligned addresses have zeros at their end, which dicts would collide on. */
static Py_hash_t region_hash(PyObject *self)
{
    return (Py_hash_t)((uintptr_t)((py_region *)self)->region >> 4);
}

/* For people who look at one: the object that programs see is a context. */
static PyObject *region_repr(PyObject *self)
{
    tw_region_info info = info_of(self);
    const char *kind = info.kind == TW_REGION_LOOP ? "loop" : info.branch ? "true" : "false";
    return PyUnicode_FromFormat("<_core.Region '%s' %s>", info.name, kind);
}

/* ---- attributes of a region, named as in tw_region_info ---- */

/* By name of the library's kind, so that Python has one class for both. */
static PyObject *get_is_loop(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(info_of(self).kind == TW_REGION_LOOP);
}

static PyObject *get_graph(PyObject *self, void *unused)
{
    (void)unused;
    PyObject *graph = (PyObject *)((py_region *)self)->graph;
    Py_INCREF(graph);
    return graph;
}

/* None at the graph's own level. */
static PyObject *get_outer(PyObject *self, void *unused)
{
    (void)unused;
    return wrap_region(((py_region *)self)->graph, info_of(self).outer);
}

/* None for a loop. */
static PyObject *get_other(PyObject *self, void *unused)
{
    (void)unused;
    return wrap_region(((py_region *)self)->graph, info_of(self).other);
}

/* Loops that gradients() made have one. */
static PyObject *get_forward(PyObject *self, void *unused)
{
    (void)unused;
    return wrap_region(((py_region *)self)->graph, info_of(self).forward);
}

/* Unique in its graph; the frame's name is what Enter operations carry. */
static PyObject *get_name(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(info_of(self).name);
}

/* Constants of the inside depend on it, so that they run as often as the rest does. */
static PyObject *get_pivot(PyObject *self, void *unused)
{
    (void)unused;
    return py_wrap_tensor(info_of(self).pivot);
}

/* None for a loop. */
static PyObject *get_pred(PyObject *self, void *unused)
{
    (void)unused;
    return py_wrap_tensor(info_of(self).pred);
}

/* False for a loop too: ask is_loop first. */
static PyObject *get_branch(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(info_of(self).branch);
}

/* None before while_condition was called. */
static PyObject *get_cond(PyObject *self, void *unused)
{
    (void)unused;
    return py_wrap_tensor((tw_tensor){info_of(self).cond, -1});
}

/* Stored with the loop's Enter operations. */
static PyObject *get_parallel_iterations(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong((long long)info_of(self).parallel_iterations);
}

/* Where it is false, gradients() stops at the loop. */
static PyObject *get_back_prop(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(info_of(self).back_prop);
}

/* (enter, merge, switch, next, exit) operations, None for those not made. */
static PyObject *wrap_var(tw_loop_var var)
{
    tw_operation *const ops[] = {var.enter, var.merge, var.switch_, var.next, var.exit};
    const Py_ssize_t count = sizeof ops / sizeof *ops;
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple && i < count; i++) {
        PyObject *op = py_wrap_tensor((tw_tensor){ops[i], -1});
        if (!op) {
            Py_DECREF(tuple);
            return NULL;
        }
        PyTuple_SET_ITEM(tuple, i, op);
    }
    return tuple;
}

/* Those of an unfinished loop end where building stands. */
static PyObject *get_vars(PyObject *self, void *unused)
{
    (void)unused;
    size_t count = info_of(self).var_count;
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *var = wrap_var(tw_region_var(((py_region *)self)->region, i));
        if (!var) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, var);
    }
    return list;
}

/* May add a Switch or an Enter to the graph. */
static PyObject *region_capture(PyObject *self, PyObject *object)
{
    tw_tensor tensor, seen;
    if (py_unwrap(object, &tensor))
        return NULL;
    tw_status *status = tw_region_capture(((py_region *)self)->region, tensor, &seen);
    return status ? py_raise(status) : py_wrap_tensor(seen);
}

static PyGetSetDef region_members[] = {
    {"is_loop", get_is_loop, NULL, "Whether it is a loop; else it is a branch.", NULL},
    {"graph", get_graph, NULL, "Its graph.", NULL},
    {"outer", get_outer, NULL, "The region around it, or None.", NULL},
    {"name", get_name, NULL, "A loop's frame, a condition's name scope.", NULL},
    {"pivot", get_pivot, NULL, "What waits for nothing else inside waits for it.", NULL},
    {"pred", get_pred, NULL, "Of a branch: the predicate.", NULL},
    {"branch", get_branch, NULL, "The predicate's value that takes it.", NULL},
    {"other", get_other, NULL, "The branch for the other value.", NULL},
    {"cond", get_cond, NULL, "Of a loop: the LoopCond.", NULL},
    {"parallel_iterations", get_parallel_iterations, NULL, "As given.", NULL},
    {"back_prop", get_back_prop, NULL, "Whether it can be differentiated.", NULL},
    {"vars", get_vars, NULL, "Tuples (Enter, Merge, Switch, NextIteration, Exit).", NULL},
    {"forward", get_forward, NULL, "The loop that this one differentiates, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef region_methods[] = {
    {"capture", region_capture, METH_O, "An outer tensor as it is seen inside."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot region_slots[] = {
    {Py_tp_dealloc, region_dealloc},     {Py_tp_traverse, region_traverse},
    {Py_tp_richcompare, region_compare}, {Py_tp_hash, region_hash},
    {Py_tp_repr, region_repr},           {Py_tp_getset, region_members},
    {Py_tp_methods, region_methods},     {0, NULL},
};

static PyType_Spec region_spec = {
    .name = "thalweg._core.Region",
    .basicsize = sizeof(py_region),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = region_slots,
};

/* ---- where an operation or a graph's building stands ---- */

/* An object that was never bound has no graph to ask. */
static PyObject *operation_region(PyObject *module, PyObject *object)
{
    (void)module;
    if (!py_is_operation(object)) {
        PyErr_SetString(PyExc_TypeError, "an Operation is expected");
        return NULL;
    }
    py_operation *op = (py_operation *)object;
    if (!op->op)
        return PyErr_Format(PyExc_ValueError, "this Operation belongs to no graph");
    return wrap_region(op->graph, tw_operation_region(op->op));
}

/* Scopes are the calling thread's, so another thread may stand in another region of this graph. */
static PyObject *graph_region(PyObject *module, PyObject *object)
{
    (void)module;
    if (!py_is_graph(object)) {
        PyErr_SetString(PyExc_TypeError, "a Graph is expected");
        return NULL;
    }
    py_graph *graph = (py_graph *)object;
    return wrap_region(graph, tw_graph_region(graph->graph));
}

/* Closed by pop, as every scope is. None leaves all regions, for what has to be made once whatever
 * runs. */
static PyObject *push_region(PyObject *module, PyObject *args)
{
    PyObject *graph, *region;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:push_region", &graph, &region))
        return NULL;
    if (!py_is_graph(graph) || (region != Py_None && Py_TYPE(region) != region_type)) {
        PyErr_SetString(PyExc_TypeError, "a Graph and a Region or None are expected");
        return NULL;
    }
    tw_status *status = tw_graph_push_region(
        ((py_graph *)graph)->graph, region == Py_None ? NULL : ((py_region *)region)->region);
    return status ? py_raise(status) : PyLong_FromUnsignedLongLong(tw_scope_mark());
}

/* ---- the module's part ---- */

static PyMethodDef methods[] = {
    {"cond_begin", cond_begin, METH_VARARGS, "(pred, name) -> builder"},
    {"cond_enter", cond_enter, METH_VARARGS, "(builder, side)"},
    {"cond_leave", cond_leave, METH_VARARGS, "(builder, results) -> results as tensors inside"},
    {"cond_merge", cond_merge, METH_VARARGS, "(builder, on_true, on_false) -> tensor"},
    {"cond_end", cond_end, METH_O, "(builder)"},
    {"while_begin", while_begin, METH_VARARGS,
     "(vars, shape_invariants or None, parallel_iterations, back_prop, any_shape, name) -> "
     "(builder, what the condition reads)"},
    {"while_condition", while_condition, METH_VARARGS, "(builder, go_on) -> what the body reads"},
    {"while_body", while_body, METH_VARARGS, "(builder, next values) -> last values"},
    {"while_end", while_end, METH_O, "(builder)"},
    {"operation_region", operation_region, METH_O, "(operation) -> Region or None"},
    {"graph_region", graph_region, METH_O, "(graph) -> the Region that is open, or None"},
    {"push_region", push_region, METH_VARARGS,
     "(graph, region or None) -> number: what is made in the graph until pop(number) is inside"},
    {NULL, NULL, 0, NULL},
};

/* The builders are capsules and need no type. */
int py_control_init(PyObject *module)
{
    region_type = (PyTypeObject *)PyType_FromSpec(&region_spec);
    if (!region_type)
        return -1;
    region_type->tp_new = NULL; /* a region is always one of a graph: `_core.Region()` is refused */
    Py_INCREF(region_type);
    if (PyModule_AddObject(module, "Region", (PyObject *)region_type)) {
        Py_DECREF(region_type);
        return -1;
    }
    return PyModule_AddFunctions(module, methods);
}
