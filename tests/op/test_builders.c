/* SPDX-License-Identifier: Apache-2.0
 * The generated macros: what is set to 0, false or NULL arrives, what is left out is the default,
 * and defaults are those of the signatures. The generator writes a check for each builder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "op/attr.h"
#include "thalweg/thalweg.h"

#define NO_OPERAND ((tw_operand){.kind = TW_OPERAND_NONE})
#define ZERO(builder, member, value) expect_zero(builder, member, &(value), sizeof(value))
#define SAME(builder, member, value, known) \
    expect_same(builder, member, (double)(value), (double)(known))

static size_t checked;

static void expect_zero(const char *builder, const char *member, const void *value, size_t size)
{
    static const char zeros[256];
    checked++;
    if (size > sizeof zeros || memcmp(value, zeros, size) != 0)
        fail_msg("tw_%s: .%s set to zero does not arrive", builder, member);
}

static void expect_same(const char *builder, const char *member, double value, double known)
{
    checked++;
    if (memcmp(&value, &known, sizeof value) != 0)
        fail_msg("tw_%s: .%s is %g by the macro, %g by tw_%s_args_default", builder, member, value,
                 known, builder);
}

#include "builders_check.inc"

static void zero_false_and_null_arrive_and_defaults_agree(void **state)
{
    (void)state;
    check_every_builder();
    assert_true(checked > 200);
}

static double field_value(const tw_builder *builder, const tw_field *field)
{
    const char *at = (const char *)builder->defaults + field->offset;
    switch ((tw_field_kind)field->kind) {
    case TW_FIELD_INT: return (double)*(const int64_t *)(const void *)at;
    case TW_FIELD_FLOAT: return *(const double *)(const void *)at;
    default: return *(const bool *)(const void *)at;
    }
}

static double attr_value(const tw_attr *attr)
{
    return attr->kind == TW_ATTR_INT     ? (double)attr->value.i
           : attr->kind == TW_ATTR_FLOAT ? (double)attr->value.f
                                         : (double)attr->value.b;
}

static void defaults_are_those_of_the_signatures(void **state)
{
    (void)state;
    size_t compared = 0;
    for (const tw_builder *const *b = tw_builtin_builders; *b; b++) {
        const tw_op *op = tw_op_find((*b)->type);
        assert_non_null(op);
        for (size_t i = 0; i < (*b)->field_count; i++) {
            const tw_field *field = &(*b)->fields[i];
            const tw_op_attr *attr = tw_op_find_attr(op, field->name);
            bool number = field->kind == TW_FIELD_INT || field->kind == TW_FIELD_FLOAT ||
                          field->kind == TW_FIELD_BOOL;
            if (!number)
                continue;
            assert_non_null(attr);
            if (!attr->has_default)
                continue;
            compared++;
            if ((float)field_value(*b, field) != (float)attr_value(&attr->default_value))
                fail_msg("%s: the default of %s", (*b)->type, field->name);
        }
    }
    assert_true(compared > 0);
}

/* Every input and every attribute that a caller must or may give is a member. */
static void every_input_and_attribute_has_a_member(void **state)
{
    (void)state;
    for (const tw_builder *const *b = tw_builtin_builders; *b; b++) {
        const tw_op *op = tw_op_find((*b)->type), *other;
        size_t inputs = 0;
        assert_ptr_equal(tw_op_at((*b)->place - 1u), op);
        /* any place will do, but the right one is fast */
        for (size_t place = 0; place < 3; place++) {
            assert_null(tw_op_lookup_at(place, (*b)->type, &other));
            assert_ptr_equal(other, op);
        }
        assert_null(tw_op_lookup_at(UINT16_MAX, (*b)->type, &other));
        assert_ptr_equal(other, op);
        for (size_t i = 0; i < (*b)->field_count; i++) {
            const tw_field *field = &(*b)->fields[i];
            bool input = field->kind == TW_FIELD_INPUT || field->kind == TW_FIELD_INPUTS;
            assert_true(field->offset < (*b)->args_size);
            if (input || field->kind == TW_FIELD_SEED)
                assert_int_equal(field->place, 0);
            else
                assert_string_equal(op->attrs[field->place - 1].name, field->name);
            if (input)
                assert_string_equal(field->name, op->inputs[inputs++].name);
            else
                assert_non_null(tw_op_find_attr(op, field->name));
        }
        assert_int_equal(inputs, op->input_count);
        for (size_t i = 0; i < op->attr_count; i++) {
            bool found = op->attrs[i].inferred || strcmp(op->attrs[i].name, "seed2") == 0 ||
                         op->attrs[i].has_default;
            for (size_t k = 0; k < (*b)->field_count; k++)
                found |= strcmp((*b)->fields[k].name, op->attrs[i].name) == 0;
            if (!found)
                fail_msg("%s: no member for %s", op->name, op->attrs[i].name);
        }
    }
}

/* As a front end calls it: the struct filled by what the table says of it. */
static void a_composite_is_called_by_name(void **state)
{
    (void)state;
    static const int64_t axes[] = {0};
    const tw_composite_face *face = tw_composite_find("moments");
    assert_non_null(face);
    assert_int_equal(face->args_size, sizeof(struct tw_moments_args));
    assert_int_equal(face->result_count, 2);
    union {
        struct tw_moments_args known;
        char bytes[sizeof(struct tw_moments_args)];
    } args;
    memcpy(args.bytes, face->defaults, face->args_size);
    *(const char **)(void *)(args.bytes + face->name_offset) = "m";
    for (size_t i = 0; i < face->field_count; i++) {
        void *at = args.bytes + face->fields[i].offset;
        if (strcmp(face->fields[i].name, "x") == 0)
            *(tw_operand *)at = tw_of_tensor(tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(4, 3)));
        else if (strcmp(face->fields[i].name, "axes") == 0)
            *(tw_ints *)at = (tw_ints){axes, 1};
    }
    struct tw_moments_result result;
    assert_int_equal(face->result_size, sizeof result);
    face->call(args.bytes, &result);
    const tw_tensor *variance = (const void *)((char *)&result + face->results[1].offset);
    assert_string_equal(face->results[1].name, "variance");
    assert_string_equal(tw_tensor_name(*variance).s, "m/Squeeze_1:0");
    assert_null(tw_composite_find("no such composite"));
    assert_null(tw_composite_find("static_rnn")); /* it takes a cell */
    assert_null(tw_composite_find(NULL));
    tw_reset_default_graph();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_false_and_null_arrive_and_defaults_agree),
        cmocka_unit_test(defaults_are_those_of_the_signatures),
        cmocka_unit_test(every_input_and_attribute_has_a_member),
        cmocka_unit_test(a_composite_is_called_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
