/* SPDX-License-Identifier: Apache-2.0
 * A TensorArray while it lives: a list of arrays of one dtype that operations of one run fill and
 * read. The handle that flows between them is a shared reference (TensorArrayV3) or a name that the
 * run knows (the older forms). */
#ifndef TW_OPS_TENSOR_ARRAY_H
#define TW_OPS_TENSOR_ARRAY_H

#include "op/define.h"

typedef struct tw_array_list tw_array_list;

typedef struct tw_array_list_options {
    tw_dtype dtype;
    tw_shape element_shape; /* of every element, as far as it is said */
    bool dynamic_size;      /* a write behind the end makes it longer */
    bool clear_after_read;
    bool identical_shapes; /* the first write fixes the shape of all */
    bool adds;             /* a gradient: values written to one place add up */
} tw_array_list_options;

/* A new list of `size` elements, none written. One reference, the caller's. */
tw_status *tw_array_list_new(const char *name, int64_t size, const tw_array_list_options *options,
                             tw_array_list **out);
void tw_array_list_unref(tw_array_list *list);

/* The list that input `input` is the handle of; borrowed while the step runs. */
tw_status *tw_array_list_of(tw_compute *c, size_t input, tw_array_list **out);
/* Makes output 0 the list's handle (whichever form it has). Takes the reference. */
tw_status *tw_array_list_hand_out(tw_compute *c, tw_array_list *list);
/* "NAME_3": a name for a new list, unlike all others of the run; in `out`. Or `exact`: as it is,
 * and refused if another has it. */
tw_status *tw_array_list_name(tw_compute *c, const char *base, bool exact, tw_text *out);
/* The list of gradients of `list` for `source`, made if need be; a new reference. */
tw_status *tw_array_list_gradient(tw_array_list *list, const char *source, tw_array_list **out);

tw_status *tw_array_list_size(tw_array_list *list, int64_t *out);
/* `dtype` is the one that the operation wants. */
tw_status *tw_array_list_check(tw_array_list *list, tw_dtype dtype, bool writes);
/* Room for indices up to `size` - 1, where the list may grow. */
tw_status *tw_array_list_reserve(tw_array_list *list, int64_t size, bool *grown);
/* Keeps a reference where the array has storage of its own, or else a copy. */
tw_status *tw_array_list_write(tw_array_list *list, int64_t index, const tw_array *value);
/* A new reference. Zeros where nothing was written but the shape is known. */
tw_status *tw_array_list_read(tw_array_list *list, int64_t index, tw_array **out);
tw_shape tw_array_list_element_shape(const tw_array_list *list);
void tw_array_list_close(tw_array_list *list);

/* ---- tensor_array_kernels.c: what the forms of an operation share ----
 * Inputs stand in the order of V3's signatures; outputs likewise, but that only V3's handles have a
 * flow beside them. */
tw_status *tw_array_list_do_make(tw_compute *c);
tw_status *tw_array_list_do_gradient(tw_compute *c);
tw_status *tw_array_list_do_write(tw_compute *c);
tw_status *tw_array_list_do_read(tw_compute *c);
tw_status *tw_array_list_do_gather(tw_compute *c);
tw_status *tw_array_list_do_pack(tw_compute *c);
tw_status *tw_array_list_do_scatter(tw_compute *c);
tw_status *tw_array_list_do_unpack(tw_compute *c);
tw_status *tw_array_list_do_concat(tw_compute *c);
tw_status *tw_array_list_do_split(tw_compute *c);
tw_status *tw_array_list_do_size(tw_compute *c);
tw_status *tw_array_list_do_close(tw_compute *c);

void tw_array_list_infer_make(tw_infer *in);
void tw_array_list_infer_gather(tw_infer *in);
void tw_array_list_infer_pack(tw_infer *in);
void tw_array_list_infer_scatter(tw_infer *in);
void tw_array_list_infer_concat(tw_infer *in);

/* ---- tensor_array_gradients.c ---- */
tw_status *tw_array_list_write_gradient(tw_gradient *g);
tw_status *tw_array_list_read_gradient(tw_gradient *g);
tw_status *tw_array_list_gather_gradient(tw_gradient *g);
tw_status *tw_array_list_scatter_gradient(tw_gradient *g);
tw_status *tw_array_list_pack_gradient(tw_gradient *g);
tw_status *tw_array_list_unpack_gradient(tw_gradient *g);
tw_status *tw_array_list_concat_gradient(tw_gradient *g);
tw_status *tw_array_list_split_gradient(tw_gradient *g);

#endif
