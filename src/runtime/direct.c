/* SPDX-License-Identifier: Apache-2.0
 * Fetched values that are made where the caller wants them, in an array that was given or in a new
 * one: what is large is neither there twice nor copied. */
#include "runtime/frame.h"

enum {
    ALIGNMENT = 64,       /* as kernels expect of what they write */
    LEAST_TAKEN = 1 << 15 /* bytes: a copy of less costs no more than an object around them */
};

/* Memory may be borrowed from another array's. */
static bool meet(const tw_array *a, const tw_array *b)
{
    return tw_bytes_meet((uintptr_t)a->data, tw_array_bytes(a), (uintptr_t)b->data,
                         tw_array_bytes(b));
}

/* Nobody else has the caller's array, so that no step reads there what another one writes. */
static bool is_free(const tw_frame *frame, const tw_direct *d, tw_array *const *feeds,
                    tw_array *const *outputs)
{
    const tw_plan *plan = frame->variant->plan;
    tw_array *to = outputs[d->fetch];
    const tw_array *slot = &frame->slots[d->value];
    bool good = to->dtype == slot->dtype && tw_same_shape(to, slot) &&
                tw_storage_unique(to->storage) && (uintptr_t)to->data % ALIGNMENT == 0 &&
                atomic_load_explicit(&to->refs, memory_order_relaxed) == 1;
    for (size_t i = 0; good && i < plan->feed_count; i++)
        good = !meet(feeds[i], to);
    for (size_t i = 0; good && i < plan->fetch_count; i++)
        good = i == d->fetch || !outputs[i] || !meet(outputs[i], to);
    return good;
}

tw_status *tw_frame_aim(tw_frame *frame, tw_array *const *feeds, tw_array *const *outputs)
{
    const tw_variant *v = frame->variant;
    for (uint32_t k = 0; k < v->direct_count; k++) {
        const tw_direct *d = &v->directs[k];
        tw_array *slot = &frame->slots[d->value], *to = outputs ? outputs[d->fetch] : NULL;
        if (!outputs && v->values[d->value].bytes < LEAST_TAKEN)
            continue;
        if (!to) {
            TW_TRY(tw_array_create_for(slot->dtype, tw_array_shape(slot), &frame->made[k]));
            slot->data = frame->made[k]->data;
        } else if (d->over && is_free(frame, d, feeds, outputs)) {
            slot->data = to->data;
        }
    }
    return TW_OK;
}

void tw_frame_hand(tw_frame *frame, tw_array **outputs)
{
    const tw_variant *v = frame->variant;
    for (uint32_t k = 0; k < v->direct_count; k++) {
        if (frame->made[k])
            outputs[v->directs[k].fetch] = frame->made[k];
    }
}

tw_array *tw_frame_take_made(tw_frame *frame, size_t fetch)
{
    const tw_variant *v = frame->variant;
    for (uint32_t k = 0; k < v->direct_count; k++) {
        tw_array *made = frame->made[k];
        if (v->directs[k].fetch != fetch || !made)
            continue;
        frame->made[k] = NULL;
        return made;
    }
    return NULL;
}

/* Where arrays are new there were none: that is what a failure goes back to. */
void tw_frame_aim_back(tw_frame *frame, tw_array **outputs, bool failed)
{
    const tw_variant *v = frame->variant;
    for (uint32_t k = 0; k < v->direct_count; k++) {
        const tw_direct *d = &v->directs[k];
        frame->slots[d->value].data = (char *)frame->arena + v->values[d->value].offset;
        if (failed && frame->made[k]) {
            if (outputs)
                outputs[d->fetch] = NULL;
            tw_array_unref(frame->made[k]);
        }
        frame->made[k] = NULL;
    }
}
