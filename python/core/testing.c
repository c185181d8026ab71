/* SPDX-License-Identifier: Apache-2.0
 * Op types for tests alone, registered when a test asks for them: those of TensorFlow's own test
 * library, and two that wait for each other. */
#include "run.h"

#include <pythread.h>

/* ---- TensorFlow's ---- */

/* Its kernel cannot be made there; here a run finds out. */
static tw_status *fail(tw_compute *c)
{
    return tw_compute_fail(c, "Failure during construction.");
}

/* All of these ops give scalars. */
static void scalar(tw_infer *in)
{
    tw_infer_output(in, 0, TW_SHAPE());
}

/* Says which kernel of several was chosen. */
static tw_status *say(tw_compute *c, const char *text, size_t length)
{
    return tw_array_set_string(tw_compute_output(c, 0), 0, text, length);
}

/* By the attribute _kernel; this one where it is empty. */
static tw_status *say_default(tw_compute *c)
{
    return say(c, "My label is: default", 20);
}

/* As the labels of TensorFlow's own test op. */
static tw_status *say_first(tw_compute *c)
{
    return say(c, "My label is: overload_1", 23);
}

static tw_status *say_second(tw_compute *c)
{
    return say(c, "My label is: overload_2", 23);
}

/* A kernel does not see its graph: who adds the operation says which version that has. */
static tw_status *say_version(tw_compute *c)
{
    *(int32_t *)tw_array_data(tw_compute_output(c, 0)) = (int32_t)tw_compute_int(c, "producer");
    return NULL;
}

/* ---- waiting ---- */

enum { MOST_WAITING = 64 };

/* A heap of tokens in a session: TestGo adds one, TestWait takes one or waits for it. */
typedef struct heap {
    PyThread_type_lock lock;
    int tokens, count;
    tw_waker *waiting[MOST_WAITING];
} heap;

/* Memory of Python's raw allocator: kernels run without the GIL. */
static tw_status *make_heap(tw_compute *c, void **out)
{
    heap *made = PyMem_RawCalloc(1, sizeof *made);
    if (made)
        made->lock = PyThread_allocate_lock();
    if (!made || !made->lock)
        return tw_compute_fail(c, "no memory for a heap of tokens");
    *out = made;
    return NULL;
}

/* With the session; runs that wait are over by then. A waker that was never woken is freed here. */
static void free_heap(void *object)
{
    heap *h = object;
    for (int i = 0; i < h->count; i++)
        tw_waker_free(h->waiting[i]);
    PyThread_free_lock(h->lock);
    PyMem_RawFree(h);
}

static const tw_state_class heap_class = {.size = sizeof(tw_state_class),
                                          .name = "tokens of a test",
                                          .make = make_heap,
                                          .free = free_heap};

/* Asked again each time somebody adds a token; the first who comes takes it. */
static tw_status *wait_for_token(tw_compute *c)
{
    heap *h;
    TW_TRY(tw_compute_resource(c, &heap_class, "the heap", (void **)&h));
    PyThread_acquire_lock(h->lock, 1);
    bool taken = h->tokens > 0;
    h->tokens -= taken;
    tw_status *status = NULL;
    if (!taken && h->count == MOST_WAITING)
        tw_waker_free(h->waiting[--h->count]); /* the oldest ones are those of tests long over */
    if (!taken)
        status = tw_compute_waker(c, &h->waiting[h->count]);
    h->count += !taken && !status;
    PyThread_release_lock(h->lock);
    if (taken)
        *(float *)tw_array_data(tw_compute_output(c, 0)) = 7;
    return status || taken ? status : tw_compute_wait(c);
}

/* All are woken; those that come too late wait again. */
static tw_status *add_token(tw_compute *c)
{
    heap *h;
    TW_TRY(tw_compute_resource(c, &heap_class, "the heap", (void **)&h));
    PyThread_acquire_lock(h->lock, 1);
    h->tokens++;
    while (h->count)
        tw_waker_wake(h->waiting[--h->count]);
    PyThread_release_lock(h->lock);
    return NULL;
}

/* ---- registration ---- */

/* The order is that in which they are tried. */
static const tw_kernel labelled[] = {{.compute = say_default},
                                     {.label = "overload_1", .compute = say_first},
                                     {.label = "overload_2", .compute = say_second}};

static const tw_op_definition definitions[] = {
    {.size = sizeof(tw_op_definition),
     .name = "ConstructionFails",
     .signature = "->",
     .doc = "Fails.",
     .flags = TW_OP_STATEFUL,
     .compute = fail,
     .gradient = tw_not_differentiable},
    {.size = sizeof(tw_op_definition),
     .name = "KernelLabel",
     .signature = "-> result: string",
     .doc = "Says which of its kernels was chosen.",
     .infer = scalar,
     .flags = TW_OP_STATEFUL,
     .kernels = labelled,
     .kernel_count = 3,
     .gradient = tw_not_differentiable},
    {.size = sizeof(tw_op_definition),
     .name = "GraphDefVersion",
     .signature = "-> version: int32; producer: int = 0",
     .doc = "The version of the graph that it was added to.",
     .infer = scalar,
     .flags = TW_OP_STATEFUL,
     .compute = say_version,
     .gradient = tw_not_differentiable},
    {.size = sizeof(tw_op_definition),
     .name = "TestWait",
     .signature = "-> token: float",
     .doc = "Waits for a token.",
     .infer = scalar,
     .flags = TW_OP_STATEFUL | TW_OP_WAITS,
     .compute = wait_for_token,
     .gradient = tw_not_differentiable},
    {.size = sizeof(tw_op_definition),
     .name = "TestGo",
     .signature = "->",
     .doc = "Adds a token.",
     .flags = TW_OP_STATEFUL,
     .compute = add_token,
     .gradient = tw_not_differentiable},
};

/* Any number of times. */
static PyObject *register_all(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
        tw_status *status = tw_op_find(definitions[i].name) ? NULL
                                                            : tw_register_op(&definitions[i]);
        if (status)
            return py_raise(status);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"register_test_ops", register_all, METH_NOARGS,
     "register_test_ops(): ConstructionFails, KernelLabel, GraphDefVersion, TestWait, "
     "TestGo."},
    {NULL, NULL, 0, NULL}};

int py_testing_init(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
