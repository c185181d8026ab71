/* SPDX-License-Identifier: Apache-2.0
 * getitem: NumPy's text for slices over StridedSlice. */
#include "composites/composite.h"

/* int32 where all numbers fit, as TensorFlow packs them. */
static tw_dtype dtype_of(const tw_slices *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const int64_t numbers[] = {s->begin[i], s->end[i], s->stride[i]};
        for (size_t k = 0; k < 3; k++) {
            if (numbers[k] < INT32_MIN || numbers[k] > INT32_MAX)
                return TW_INT64;
        }
    }
    return TW_INT32;
}

/* Three constants, named as TensorFlow's, and the masks that the text says. A text that cannot
 * be read makes nothing but the error. */
tw_tensor tw_getitem_build(const struct tw_getitem_args *args)
{
    tw_composite_scope scope;
    tw_slices s;
    tw_tensor result = {NULL, 0};
    tw_composite_enter(&scope, args->where, &args->tensor, args->name, "strided_slice");
    tw_tensor x = tw_as_tensor(args->tensor, "tensor");
    tw_status *status = args->slices
                            ? tw_slices_parse(args->slices, &s)
                            : tw_status_new(TW_INVALID_ARGUMENT, "getitem needs a text of slices");
    if (status) {
        tw_build_fail(status);
    } else {
        tw_dtype dtype = dtype_of(&s);
        tw_ints begin = {s.begin, s.count}, end = {s.end, s.count}, stride = {s.stride, s.count};
        tw_tensor b = tw_operand_tensor(tw_of_ints(begin), dtype, "stack");
        tw_tensor e = tw_operand_tensor(tw_of_ints(end), dtype, "stack_1");
        tw_tensor t = tw_operand_tensor(tw_of_ints(stride), dtype, "stack_2");
        result = tw_strided_slice(x, b, e, t, .begin_mask = s.begin_mask, .end_mask = s.end_mask,
                                  .ellipsis_mask = s.ellipsis_mask,
                                  .new_axis_mask = s.new_axis_mask,
                                  .shrink_axis_mask = s.shrink_axis_mask, .name = scope.name);
    }
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_getitem = {
    .signature = "tensor: tensor, slices: string -> output: tensor",
    .doc =
        "What NumPy gives for tensor[slices], such as \"0, :\", \"::-2, 1:3\", \"..., newaxis\".",
};
