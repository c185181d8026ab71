/* SPDX-License-Identifier: Apache-2.0
 * What must hold of every kernel: on several threads it gives the bits that it gives on one, with
 * inputs long enough to be cut into cells; and where it says that an output may take over an
 * input's memory, it gives the bits that it gives into memory of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/pool.h"
#include "op/compute.h"
#include "support/samples.h"
#include "tensor/array.h"

enum { ENOUGH = 120000, LONG_SAMPLES = 1, PLACES = 40 };

static struct {
    const tw_op *op;
    size_t samples, compared, bad, ops;
} now;

static void complain(const sample *one, const char *what)
{
    now.bad++;
    printf("    %s: %s (%s)\n", now.op->name, what, one->name);
}

static bool is_tested(const tw_op *op)
{
    uint32_t state = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT;
    return !(op->definition.flags & state);
}

static void drop(tw_array **arrays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tw_array_unref(arrays[i]);
}

static bool same_bits(const tw_array *a, const tw_array *b)
{
    if (!tw_dtype_is_plain(a->dtype))
        return true;
    return tw_shape_equal(tw_array_shape(a), tw_array_shape(b)) &&
           (!a->count || !memcmp(a->data, b->data, tw_array_bytes(a)));
}

/* ---- threads ---- */

static bool compare_threads(const sample *one)
{
    tw_array *alone[GOLDEN_MANY], *shared[GOLDEN_MANY];
    size_t count = 0;
    tw_status *status = sample_evaluate(one, 1, alone, &count);
    if (status) {
        tw_status_free(status);
        return false;
    }
    status = sample_evaluate(one, 3, shared, &count);
    if (status)
        complain(one, tw_status_message(status));
    for (size_t k = 0; !status && k < count; k++)
        if (!same_bits(alone[k], shared[k]))
            complain(one, "other bits on three threads");
    if (!status)
        drop(shared, count);
    drop(alone, count);
    tw_status_free(status);
    return true;
}

/* Which inputs to repeat along which axis: what is legal differs from op to op. */
static const struct {
    uint32_t inputs;
    int axis;
} ways[] = {{UINT32_MAX, 0}, {UINT32_MAX, -1}, {1, 0},  {1, -1}, {1, 1},  {2, 0},
            {2, -1},         {3, 0},           {3, -1}, {5, 0},  {1, -2}, {4, -1}};

static size_t elements(tw_array *const *arrays, size_t count)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += arrays[i] ? arrays[i]->count : 0;
    return all;
}

/* false: it is refused. `enough`: there is work for several threads, or more would take long. */
static bool try_long(const sample *one, bool *enough)
{
    tw_array *outputs[GOLDEN_MANY];
    size_t count = 0;
    clock_t start = clock();
    tw_status *status = sample_evaluate(one, 1, outputs, &count);
    bool good = !status;
    tw_status_free(status);
    if (!good)
        return false;
    *enough = elements(one->inputs, one->input_count) + elements(outputs, count) > ENOUGH ||
              clock() - start > CLOCKS_PER_SEC / 500;
    drop(outputs, count);
    return true;
}

/* Grows by one of the ways until there is enough to share out. */
static bool use_way(const sample *one, uint32_t inputs, int axis)
{
    bool good = true, enough = false;
    for (size_t times = 4; good && !enough; times *= 4) {
        sample longer;
        if (times > ENOUGH || !sample_repeat(one, inputs, axis, times, &longer))
            return false;
        good = try_long(&longer, &enough);
        if (good && enough)
            good = compare_threads(&longer);
        sample_clear(&longer);
    }
    return good;
}

static void use_long(const sample *one, void *user)
{
    (void)user;
    bool found = false;
    if (now.samples >= LONG_SAMPLES || strstr(one->name, "@0.12.1"))
        return;
    for (size_t w = 0; w < sizeof ways / sizeof *ways && !found; w++)
        found = use_way(one, ways[w].inputs, ways[w].axis);
    now.samples += found;
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    tw_pool_set_threads(3);
    for (size_t i = 0; i < tw_op_count(); i++) {
        now.op = tw_op_at(i);
        now.samples = 0;
        if (!is_tested(now.op))
            continue;
        samples_each(now.op, use_long, NULL);
        now.ops += now.samples > 0;
    }
    tw_pool_set_threads(0);
    print_message("%zu ops ran with long inputs\n", now.ops);
    assert_true(now.ops > 200);
    if (now.bad)
        fail_msg("%zu complaints", now.bad);
}

/* ---- in place ---- */

/* The outputs are there with their sizes: a kernel that wants others is not for this test. */
static tw_status *allocate(tw_compute *c, size_t output, tw_shape shape, tw_array **out)
{
    *out = c->outputs[output];
    return tw_shape_equal(tw_array_shape(*out), shape)
               ? TW_OK
               : tw_status_new(TW_INTERNAL, "another shape");
}

static tw_status *forward(tw_compute *c, size_t output, tw_array *array)
{
    (void)c, (void)output, (void)array;
    return tw_status_new(TW_INTERNAL, "an array handed on");
}

/* Cast to the same dtype hands its input on: nothing is written at all. */
static bool hands_on(const sample *one, const tw_array *output)
{
    return !strcmp(one->op->name, "Cast") && one->inputs[0]->dtype == output->dtype;
}

static const tw_engine engine = {.allocate = allocate, .forward = forward};

/* The kernel once more, with an output where input `over` is. */
static tw_status *run_over(tw_compute *c, const tw_kernel *kernel)
{
    uint64_t mode = tw_os_float_enter(); /* as in a session */
    void *state = kernel->state_size ? tw_alloc_zero(1, kernel->state_size) : NULL;
    c->state = state;
    tw_status *status = kernel->prepare ? kernel->prepare(c, state) : TW_OK;
    size_t bytes = !status && kernel->workspace ? kernel->workspace(c) : 0;
    c->workspace = bytes ? tw_alloc_aligned(bytes) : NULL;
    if (!status)
        status = kernel->compute(c);
    tw_free_aligned(c->workspace);
    tw_free(state);
    tw_os_float_restore(mode);
    return status;
}

static void compare_over(const sample *one, const tw_spec *spec, const tw_kernel *kernel,
                         tw_array **wanted, size_t count, size_t over)
{
    tw_array *inputs[GOLDEN_MANY], *outputs[GOLDEN_MANY];
    for (size_t i = 0; i < one->input_count; i++)
        inputs[i] = tw_array_copy(one->inputs[i]);
    for (size_t k = 0; k < count; k++)
        outputs[k] = k != kernel->in_place_output
                         ? tw_array_new(wanted[k]->dtype, tw_array_shape(wanted[k]))
                         : tw_array_view(inputs[over]->storage, wanted[k]->dtype,
                                         tw_array_shape(wanted[k]), inputs[over]->data);
    tw_compute c = {.spec = spec,
                    .engine = &engine,
                    .inputs = inputs,
                    .outputs = outputs,
                    .input_count = (uint16_t)one->input_count,
                    .output_count = (uint16_t)count,
                    .threads = 1};
    tw_status *status = run_over(&c, kernel);
    if (status)
        complain(one, tw_status_message(status));
    for (size_t k = 0; !status && k < count; k++)
        if (!same_bits(outputs[k], wanted[k]))
            complain(one, "in place it gives other bits");
    tw_status_free(status);
    now.compared++;
    drop(outputs, count);
    drop(inputs, one->input_count);
}

static void use_in_place(const sample *one, void *user)
{
    tw_array *wanted[GOLDEN_MANY];
    tw_resolved resolved;
    size_t count = 0;
    (void)user;
    if (now.samples >= PLACES || strstr(one->name, "@0.12.1"))
        return;
    tw_status *status = sample_evaluate(one, 1, wanted, &count);
    bool good = !status;
    tw_status_free(status);
    if (!good)
        return;
    if (hands_on(one, wanted[0])) {
        drop(wanted, count);
        return;
    }
    assert_null(tw_op_resolve(one->op, one->dtypes, one->input_count, one->counts, one->attrs,
                              one->attr_count, one->arena, &resolved));
    tw_spec spec = {one->op,        one->op->name,       one->op->name,
                    resolved.attrs, resolved.attr_count, TW_HERE};
    const tw_kernel *kernel = tw_op_kernel(one->op, NULL, resolved.attrs, resolved.attr_count);
    for (size_t i = 0; i < one->input_count && i < 32; i++) {
        tw_array *input = one->inputs[i];
        if (!(kernel->in_place >> i & 1) || !input || tw_dtype_is_ref(one->dtypes[i]) ||
            !tw_dtype_is_plain(input->dtype) ||
            tw_array_bytes(input) != tw_array_bytes(wanted[kernel->in_place_output]))
            continue;
        compare_over(one, &spec, kernel, wanted, count, i);
        now.samples++;
    }
    for (size_t i = 0; i < resolved.attr_count; i++)
        tw_attr_release(&resolved.attrs[i]);
    drop(wanted, count);
}

static bool is_in_place(const tw_op *op)
{
    for (tw_kernel_entry *e = op->kernels; e; e = e->next)
        if (e->kernel.in_place)
            return true;
    return false;
}

static void in_place_they_give_the_same_bits(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    for (size_t i = 0; i < tw_op_count(); i++) {
        now.op = tw_op_at(i);
        now.samples = 0;
        if (!is_tested(now.op) || !is_in_place(now.op))
            continue;
        samples_each(now.op, use_in_place, NULL);
        now.ops += now.samples > 0;
        if (!now.samples && now.op->outputs[0].type_attr) { /* else sizes differ mostly */
            now.bad++;
            printf("    %s: says that it works in place, but no sample could\n", now.op->name);
        }
    }
    print_message("%zu ops ran in place, %zu times\n", now.ops, now.compared);
    if (now.bad)
        fail_msg("%zu complaints", now.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(in_place_they_give_the_same_bits),
    };
    return cmocka_run_group_tests_name("registry: kernels", tests, NULL, NULL);
}
