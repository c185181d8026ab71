/* SPDX-License-Identifier: Apache-2.0
 * Attribute values inside the library, beside what op/op.h says of them. */
#ifndef TW_OP_ATTR_H
#define TW_OP_ATTR_H

#include "op/op.h"

const char *tw_attr_kind_name(tw_attr_kind kind); /* "int", "float" ... as in signatures */
size_t tw_attr_item_size(tw_attr_kind kind);      /* of the kind's C type */
/* Element `index` of a list, or a scalar's own value (index 0): points at the kind's C type. */
const void *tw_attr_item(const tw_attr *attr, size_t index);
/* A value as C has it; 0, false, TW_INVALID_DTYPE, "" or an empty list where `attr` is NULL or of
 * another kind. Texts of copied attributes end in NUL. */
bool tw_attr_as_bool(const tw_attr *attr);
int64_t tw_attr_as_int(const tw_attr *attr);
double tw_attr_as_float(const tw_attr *attr);
tw_dtype tw_attr_as_type(const tw_attr *attr);
const char *tw_attr_as_string(const tw_attr *attr);
tw_ints tw_attr_as_ints(const tw_attr *attr);
/* The kind, list length, minimum and allowed values that `attr` of the signature asks for. */
tw_status *tw_op_check_attr(const tw_op *op, const tw_op_attr *attr, const tw_attr *value);
bool tw_op_allows_type(const tw_op_attr *attr, tw_dtype dtype);
/* The error that says that `dtype`, passed as `parameter`, is not among the allowed ones. */
tw_status *tw_op_refuse_type(const tw_op_attr *attr, const char *parameter, tw_dtype dtype);

#endif
