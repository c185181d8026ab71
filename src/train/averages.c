/* SPDX-License-Identifier: Apache-2.0
 * ExponentialMovingAverage: a shadow beside each variable (or tensor) that moves towards it:
 * shadow -= (shadow - value) * (1 - decay). */
#include <stdio.h>

#include "train/train.h"

/* An average without a name is called as TensorFlow's class, which shadows carry in their names. */
static const char *name_of(const tw_exponential_moving_average *average)
{
    return average->name && *average->name ? average->name : "ExponentialMovingAverage";
}

/* What the shadows of an average are found by in the collections of the graph; long names are
 * cut to fit. */
typedef struct average_key {
    char text[256];
} average_key;

/* Averages of one name share their shadows: the name is what they are found by. */
static average_key key_of(const tw_exponential_moving_average *average, const char *what)
{
    average_key key;
    snprintf(key.text, sizeof key.text, "_averages/%.200s%s", name_of(average), what);
    return key;
}

/* An invalid tensor where the variable has no shadow in its graph: apply was not called for it. */
tw_tensor tw_average_of(tw_exponential_moving_average average, tw_tensor variable)
{
    if (!tw_tensor_valid(variable))
        return (tw_tensor){NULL, 0};
    return tw_slot_get(tw_operation_graph(variable.op), key_of(&average, "").text, variable);
}

/* The branches of first_value; `user` is the variable. */
static void as_it_is(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_identity(*(const tw_tensor *)user);
}

static void as_it_will_be(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_variable_initial_value(*(const tw_tensor *)user);
}

/* A variable that has a value, perhaps restored from a file, gives that one; else the value that it
 * will be initialized with. */
static tw_tensor first_value(tw_tensor variable)
{
    return tw_cond(tw_is_variable_initialized(variable), .on_true = as_it_is,
                   .on_false = as_it_will_be, .user = &variable);
}

/* The shadow of a variable starts as the variable does, that of another tensor at zero. */
static tw_tensor make_shadow(const tw_exponential_moving_average *average, tw_tensor value)
{
    bool is_variable = tw_train_is_variable(value);
    tw_graph *graph = tw_operation_graph(value.op);
    tw_initializer start = is_variable ? tw_initializer_of(first_value(value))
                                       : tw_zeros_initializer();
    tw_tensor shadow = tw_slot_new(value, name_of(average), tw_tensor_shape(value), start);
    tw_slot_set(graph, key_of(average, "").text, value, shadow);
    if (is_variable && tw_tensor_valid(shadow)) {
        tw_status *status = tw_graph_collect(graph, "moving_average_variables", value);
        if (status)
            tw_build_fail(status);
    }
    return shadow;
}

/* shadow -= amount */
static tw_tensor move(tw_tensor shadow, tw_tensor amount, const char *name)
{
    return tw_assign_sub(shadow, amount, .name = name);
}

/* Of a shadow that starts at zero: what it would be without that start, biased / (1 - decay^n).
 * (Kingma and Ba 2014, section 3.) `step` is 1 - decay. */
static tw_tensor unbiased_amount(tw_tensor shadow, tw_tensor value, tw_tensor step)
{
    tw_initializer zeros = tw_zeros_initializer();
    tw_tensor biased = tw_slot_new(shadow, "biased", tw_tensor_shape(shadow), zeros);
    tw_tensor count = tw_slot_new(shadow, "local_step", TW_SHAPE(), zeros);
    tw_tensor change = tw_mul(tw_sub(tw_variable_read(biased), value), step);
    tw_tensor moved = tw_assign_sub(biased, change), counted = tw_assign_add(count, 1);
    tw_tensor after[] = {moved, counted};
    tw_status *status = tw_scope_push_control((tw_tensors){after, 2});
    if (status)
        return tw_build_fail(status);
    tw_tensor weight = tw_sub(1, tw_pow(tw_sub(1, step), tw_identity(count)));
    tw_tensor amount = tw_sub(tw_variable_read(shadow), tw_real_div(tw_identity(biased), weight));
    tw_scope_pop();
    return amount;
}

/* A variable is read through NAME/read, so that later writes of the same run are not seen. */
static tw_tensor update(const tw_exponential_moving_average *average, tw_tensor value,
                        tw_tensor decay)
{
    tw_tensor shadow = tw_average_of(*average, value);
    tw_composite_scope scope;
    tw_operand place = tw_of_tensor(shadow);
    tw_status *status = tw_scope_push_colocate(shadow);
    if (status)
        return tw_build_fail(status);
    tw_composite_enter(&scope, TW_HERE, &place, NULL, "AssignMovingAvg");
    bool debias = average->zero_debias && !tw_train_is_variable(value);
    tw_tensor now = tw_train_is_variable(value) ? tw_variable_read(value) : value;
    tw_tensor step = tw_train_cast(tw_sub(1.0, decay), tw_dtype_base(tw_tensor_dtype(shadow)));
    tw_tensor amount = debias ? unbiased_amount(shadow, now, step)
                              : tw_mul(tw_sub(tw_variable_read(shadow), now), step);
    tw_tensor moved = move(shadow, amount, scope.name);
    tw_composite_leave(&scope);
    tw_scope_pop();
    return moved;
}

/* Early on, with few updates, the average follows faster: min(decay, (1 + n) / (10 + n)). */
static tw_tensor decay_of(const tw_exponential_moving_average *average)
{
    tw_tensor decay = tw_train_number(average->decay, "decay");
    if (!tw_tensor_valid(average->num_updates))
        return decay;
    tw_tensor n = average->num_updates;
    n = tw_train_is_variable(n) ? tw_variable_read(n) : n;
    n = tw_cast(n, TW_FLOAT32, .name = "num_updates");
    tw_tensor above = tw_add(1.0, n), below = tw_add(10.0, n);
    return tw_minimum(decay, tw_real_div(above, below));
}

/* Integers have no average that moves by fractions. */
static bool check(tw_tensors variables)
{
    if (!variables.count) {
        tw_train_refuse("an average needs at least one variable");
        return false;
    }
    for (size_t i = 0; i < variables.count; i++) {
        tw_tensor v = variables.items[i];
        if (!tw_train_is_trainable(tw_tensor_dtype(v))) {
            tw_train_refuse("The variables must be half, float, or double: %s",
                            tw_tensor_text(v).s);
            return false;
        }
    }
    return true;
}

/* Shadows come first, outside of the scope of the updates: their names are those of the
 * variables. */
tw_tensor tw_average_apply(tw_exponential_moving_average average, tw_tensors variables)
{
    tw_composite_scope scope;
    if (!variables.items)
        variables = tw_trainable_variables();
    if (!check(variables))
        return (tw_tensor){NULL, 0};
    for (size_t i = 0; i < variables.count; i++) {
        if (!tw_tensor_valid(tw_average_of(average, variables.items[i])))
            make_shadow(&average, variables.items[i]);
    }
    tw_operand place = tw_of_tensor(variables.items[0]);
    tw_composite_enter(&scope, (tw_where){NULL, 0}, &place, NULL, name_of(&average));
    tw_tensor *updates = tw_build_tensors(NULL, variables.count), group = {NULL, 0};
    tw_tensor decay = decay_of(&average);
    for (size_t i = 0; updates && i < variables.count; i++)
        updates[i] = update(&average, variables.items[i], decay);
    if (!scope.ctx.status)
        group = tw_train_group((tw_tensors){updates, variables.count}, scope.name);
    tw_composite_leave(&scope);
    return group;
}
