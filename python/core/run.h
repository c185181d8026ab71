/* SPDX-License-Identifier: Apache-2.0
 * Runs: what sessions, callables and partial runs share. A prepared run is a C callable with what
 * Python needs to feed it; it is found again by the objects that were fetched and fed. */
#ifndef PY_CORE_RUN_H
#define PY_CORE_RUN_H

#include "ndarray.h"

/* Of a tensor that is fed. */
typedef struct py_feed {
    tw_dtype dtype;
    int number; /* NumPy's; -1: none, or strings */
} py_feed;

/* An object that Python code never sees, so that the collector can tell how many of its references
 * come from sessions and callables that nobody needs any more: they share it. */
typedef struct py_prepared {
    PyObject_VAR_HEAD tw_callable *callable;
    size_t fetch_count, feed_count;
    bool used; /* since the table was last swept */
    size_t hash;
    py_feed *feeds;
    PyObject *keys[]; /* fetched objects, then fed tensors; references */
} py_prepared;

/* The session's graph must be that of all objects; NULL with an exception. */
py_prepared *py_prepare(tw_session *session, PyObject *const *keys, size_t fetches, size_t feeds,
                        bool any_shapes);
size_t py_prepared_hash(PyObject *const *keys, size_t fetches, size_t feeds);

/* How one run goes; zeros: plainly. */
typedef struct py_run_options {
    int64_t timeout_ms;
    tw_trace *trace;
} py_run_options;

/* Feeds `values` (feed_count of them) and puts fetch_count new references into `results`: None for
 * an operation. -1 with an exception, and no results; *at_fault, where it is not NULL, is then
 * whether a fed value was refused before anything ran. */
int py_run(py_prepared *prepared, PyObject *const *values, PyObject **results,
           const py_run_options *options, bool *at_fault);

/* The hooks of a run that is going on, for partial runs. */
typedef struct py_running {
    PyThreadState *released; /* the GIL is not held: what to take it back with */
    PyObject **results;
} py_running;
struct tw_call_options py_running_options(py_running *running, const py_run_options *options);
void py_running_end(py_running *running); /* takes the GIL back, if it was let go */

/* How results are handed over: 1 object, a list, a tuple. */
typedef enum py_shape_of_results { PY_SINGLE, PY_LIST, PY_TUPLE } py_shape_of_results;
/* Takes the results. */
PyObject *py_pack(PyObject **results, size_t count, py_shape_of_results shape);

/* The session object's part that other files need. */
typedef struct py_session {
    PyObject_HEAD tw_session *session; /* NULL before _open */
    py_graph *graph;
    py_prepared **table; /* open addressing; NULL entries are free */
    size_t table_size, table_count;
    bool any_shapes;
    PyObject *weak_references;
} py_session;
extern PyTypeObject *py_session_type;
/* From the session's table, prepared and put there if need be; a new reference. */
py_prepared *py_session_prepared(py_session *self, PyObject *const *keys, size_t fetches,
                                 size_t feeds);
/* The same of two lists, whose objects are checked. */
py_prepared *py_prepared_of_lists(py_session *self, PyObject *fetches, PyObject *feeds);
int py_session_check(py_session *self); /* RuntimeError if it was never opened */

int py_run_init(PyObject *module);
int py_callable_init(PyObject *module);
int py_partial_init(PyObject *module);
int py_evaluate_init(PyObject *module);
int py_func_init(PyObject *module);
int py_testing_init(PyObject *module);

/* Room for a handful on the stack, for more from Python's allocator. */
enum { PY_FEW = 16 };

#endif
