/* SPDX-License-Identifier: Apache-2.0
 * What kernels ask of the engine while they run: memory for outputs of unknown size, variables,
 * state. */
#include <string.h>

#include "base/status.h"
#include "runtime/run.h"

/* Memory of an earlier run is used again where it is large enough and nobody shares it. */
tw_status *tw_slot_allocate(tw_array *slot, tw_shape shape)
{
    size_t count;
    TW_TRY(tw_shape_check(slot->dtype, shape, &count));
    bool fits = slot->storage && tw_storage_unique(slot->storage) &&
                slot->storage->count >= count && slot->storage->dtype == slot->dtype &&
                (tw_dtype_is_plain(slot->dtype) || slot->storage->count == count);
    if (!fits) {
        tw_storage *storage = tw_storage_new(slot->dtype, count);
        if (!storage)
            return tw_no_memory();
        tw_storage_unref(slot->storage);
        slot->storage = storage;
    }
    slot->data = slot->storage->data;
    slot->rank = shape.rank;
    slot->count = count;
    if (shape.rank)
        memmove(slot->dims, shape.dims, shape.rank * sizeof *shape.dims);
    return TW_OK;
}

/* Lent memory is copied, since the caller may take it back after the run. A slot of another dtype
 * takes the same bytes. */
tw_status *tw_slot_share(tw_array *slot, const tw_array *from, tw_shape shape)
{
    size_t count = from->count;
    if (slot->dtype != from->dtype && tw_dtype_is_plain(slot->dtype))
        count = tw_array_bytes(from) / tw_dtype_size(slot->dtype);
    if (!from->storage || from->storage->release) {
        TW_TRY(tw_slot_allocate(slot, shape));
        return count ? tw_elements_copy(slot->dtype, slot->data, from->data, count) : TW_OK;
    }
    tw_storage *storage = tw_storage_ref(from->storage);
    tw_storage_unref(slot->storage);
    slot->storage = storage;
    slot->data = from->data;
    slot->count = count;
    slot->rank = shape.rank;
    if (shape.rank)
        memmove(slot->dims, shape.dims, shape.rank * sizeof *shape.dims);
    return TW_OK;
}

/* Decided by the plan: planned memory must never be replaced. */
static bool has_own_storage(const tw_frame *frame, const tw_compute *c, size_t output)
{
    const tw_step *step = &frame->variant->steps.items[c->step];
    return frame->variant->values[step->outputs[output]].place == TW_PLACE_HEAP;
}

/* A planned output may be asked for as well: kernels need not know which of the two they have. */
static tw_status *allocate(tw_compute *c, size_t output, tw_shape shape, tw_array **out)
{
    tw_array *slot = c->outputs[output];
    *out = slot;
    if (!has_own_storage(c->frame, c, output)) {
        if (tw_shape_equal((tw_shape){slot->dims, slot->rank}, shape))
            return TW_OK;
        return tw_status_new(
            TW_INTERNAL, "output %zu was planned with shape %s, the kernel makes %s", output,
            tw_shape_text((tw_shape){slot->dims, slot->rank}).s, tw_shape_text(shape).s);
    }
    return tw_slot_allocate(slot, shape);
}

/* Shares memory where the slot may hold it, and copies where the plan has placed the output. */
static tw_status *forward(tw_compute *c, size_t output, tw_array *array)
{
    tw_array *slot = c->outputs[output];
    tw_shape shape = {array->dims, array->rank};
    if (has_own_storage(c->frame, c, output))
        return tw_slot_share(slot, array, shape);
    if (!tw_shape_equal((tw_shape){slot->dims, slot->rank}, shape))
        return tw_value_error("output %zu was planned with shape %s, but what came has shape %s",
                              output, tw_shape_text((tw_shape){slot->dims, slot->rank}).s,
                              tw_shape_text(shape).s);
    if (slot->data != array->data && array->count)
        return tw_elements_copy(slot->dtype, slot->data, array->data, array->count);
    return TW_OK;
}

/* The step's lock on it is held while its kernel runs. */
static tw_variable *variable_of(tw_compute *c, size_t input)
{
    tw_frame *frame = c->frame;
    return frame->refs[frame->variant->steps.items[c->step].inputs[input]];
}

/* The caller may write: readers that hold the old array keep it unchanged. */
static tw_status *ref_get(tw_compute *c, size_t input, tw_array **out)
{
    tw_variable *variable = variable_of(c, input);
    TW_TRY(tw_variable_own(variable));
    if (variable->value)
        c->inputs[input] = variable->value;
    variable->version++;
    *out = variable->value;
    return TW_OK;
}

/* The old contents are gone: the kernel writes every element. */
static tw_status *ref_assign(tw_compute *c, size_t input, tw_shape shape, tw_array **out)
{
    tw_variable *variable = variable_of(c, input);
    TW_TRY(tw_variable_renew(variable, shape));
    variable->version++;
    c->inputs[input] = variable->value;
    *out = variable->value;
    return TW_OK;
}

/* What lives for one run is never seen by another, so it needs no lock. */
static tw_status *resource(tw_compute *c, const tw_state_class *type, const char *key, void **out)
{
    tw_frame *frame = c->frame;
    const char *name = key ? key : c->spec->name;
    if (type->per_run)
        return tw_run_resource(&frame->run->resources, type, name, c, out);
    return tw_session_resource(frame->session, type, name, c, out);
}

const tw_engine tw_frame_engine = {.allocate = allocate,
                                   .forward = forward,
                                   .ref_get = ref_get,
                                   .ref_assign = ref_assign,
                                   .resource = resource,
                                   .waker = tw_frame_waker};
