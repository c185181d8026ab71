/* SPDX-License-Identifier: Apache-2.0
 * Optimizers: gradients, then an update operation for each variable, tied together by a group that
 * is named as the optimizer. An optimizer is a value; its slots are found again by its rule, its
 * name and the place where it was made. */
#include <stdio.h>
#include <string.h>

#include "train/train.h"

/* NULL: a number that is no rule, which a caller of the plain functions might give. */
static const tw_rule *rule_of(const tw_optimizer *optimizer)
{
    bool known = (unsigned)optimizer->rule <= TW_ADAM;
    return known ? &tw_rules[optimizer->rule] : NULL;
}

/* Without a name the rule's own, "GradientDescent" and so on, which the group of updates is
 * called by. */
static const char *name_of(const tw_optimizer *optimizer)
{
    return optimizer->name && *optimizer->name ? optimizer->name : rule_of(optimizer)->name;
}

/* Its `where` is empty: all that are made so share their slots by name alone. */
tw_optimizer tw_optimizer_default(tw_optimizer_rule rule)
{
    double rate = rule == TW_ADAM ? 0.001 : 0.01;
    tw_optimizer optimizer = TW_OPTIMIZER_(rule, rate, );
    optimizer.where = (tw_where){NULL, 0};
    return optimizer;
}

/* ---- slots ---- */

/* Name, place and slot as text: an optimizer is a value, so calls with copies of it must find
 * the same slots. */
typedef struct slot_key {
    char text[512];
} slot_key;

/* Two optimizers of one name from different lines keep different slots, as different objects do
 * in TensorFlow. */
static slot_key key_of(const tw_optimizer *o, const char *slot)
{
    slot_key key;
    snprintf(key.text, sizeof key.text, "_slots/%s/%.300s:%d/%s", name_of(o),
             o->where.file ? o->where.file : "", o->where.line, slot);
    return key;
}

/* An invalid tensor where there is no such slot, or the variable was never applied a gradient
 * to. */
tw_tensor tw_optimizer_slot(tw_optimizer optimizer, tw_tensor variable, const char *slot)
{
    if (!tw_tensor_valid(variable) || !slot || !rule_of(&optimizer))
        return (tw_tensor){NULL, 0};
    return tw_slot_get(tw_operation_graph(variable.op), key_of(&optimizer, slot).text, variable);
}

/* In the order of the rule, so that names count up as TensorFlow's: v/Adam, v/Adam_1. */
static void make_slots(const tw_optimizer *o, tw_tensor variable)
{
    const tw_rule *rule = rule_of(o);
    tw_graph *graph = tw_operation_graph(variable.op);
    for (size_t i = 0; i < TW_RULE_SLOTS && rule->slots[i]; i++) {
        slot_key key = key_of(o, rule->slots[i]);
        if (tw_tensor_valid(tw_slot_get(graph, key.text, variable)))
            continue;
        tw_tensor slot = tw_slot_new(variable, name_of(o), tw_tensor_shape(variable),
                                     rule->initializer(o, i));
        tw_slot_set(graph, key.text, variable, slot);
    }
}

/* Adam's powers of beta stand beside the first variable in order of name. */
static tw_tensor make_power(const tw_optimizer *o, const char *name, double beta, tw_tensor first)
{
    slot_key key = key_of(o, name);
    tw_graph *graph = tw_operation_graph(first.op);
    tw_tensors kept = tw_graph_collection(graph, key.text);
    if (kept.count)
        return kept.items[0];
    tw_status *status = tw_scope_push_colocate(first);
    if (status)
        return tw_build_fail(status);
    tw_tensor power = tw_variable(beta, .name = name, .trainable = false);
    tw_scope_pop();
    status = tw_tensor_valid(power) ? tw_graph_collect(graph, key.text, power) : NULL;
    return status ? tw_build_fail(status) : power;
}

/* Where TensorFlow puts them; only variables with a gradient count. */
static tw_tensor first_by_name(tw_grads grads, tw_tensors variables)
{
    tw_tensor first = {NULL, 0};
    for (size_t i = 0; i < grads.count; i++) {
        tw_tensor v = variables.items[i];
        if (grads.grads[i].kind == TW_GRAD_NONE)
            continue;
        if (!first.op || strcmp(tw_operation_name(v.op), tw_operation_name(first.op)) < 0)
            first = v;
    }
    return first;
}

/* ---- gradients ---- */

/* A list that may be read: its pointer is not NULL, its count zero. */
static tw_grads no_grads(void)
{
    static const tw_grad none[1];
    return (tw_grads){none, 0};
}

/* Anything else could be differentiated for, but not updated. */
static bool check_variables(tw_tensors variables)
{
    for (size_t i = 0; i < variables.count; i++) {
        tw_tensor v = variables.items[i];
        if (!tw_train_is_variable(v)) {
            tw_train_refuse("an optimizer changes variables; %s is none", tw_tensor_text(v).s);
            return false;
        }
    }
    return true;
}

/* With the nodes that TensorFlow's optimizers add between derivatives counted for later seeds. */
static tw_grads gradients(const tw_optimizer *o, tw_tensor loss, tw_tensors variables,
                          tw_tensor grad_loss)
{
    if (!rule_of(o))
        tw_train_refuse("no optimizer has the rule %d", (int)o->rule);
    else if (!tw_tensor_valid(loss))
        tw_train_refuse("the loss is an invalid tensor: it was never built");
    else if (!variables.count)
        tw_train_refuse("No variables to optimize.");
    else if (check_variables(variables))
        return tw_gradients((tw_tensors){&loss, 1}, variables,
                            .grad_ys = {&grad_loss, grad_loss.op ? 1 : 0}, .gate = true);
    return no_grads();
}

/* Without a list, by all trainable variables of the graph, in the order in which they were made. */
tw_grads tw_compute_gradients(tw_optimizer optimizer, tw_tensor loss, tw_tensors variables)
{
    tw_composite_scope scope;
    tw_train_enter(&scope, optimizer.where, loss);
    if (!variables.items)
        variables = tw_trainable_variables();
    tw_grads grads = gradients(&optimizer, loss, variables, (tw_tensor){NULL, 0});
    tw_composite_leave(&scope);
    return grads;
}

/* ---- updates ---- */

/* A row that stands in several places gets the sum of what stands there. */
static void sum_rows(tw_grad *grad)
{
    struct tw_unique_result rows = tw_unique(grad->indices);
    grad->values = tw_unsorted_segment_sum(grad->values, rows.idx, tw_size(rows.y));
    grad->indices = rows.y;
}

/* Rows that stand twice are summed first unless adding twice is the same. */
static tw_tensor update_one(tw_update *u, const tw_rule *rule, tw_grad grad)
{
    if (grad.kind == TW_GRAD_TENSOR)
        return rule->dense(u, grad.values);
    if (!rule->repeats)
        sum_rows(&grad);
    return rule->sparse(u, grad.values, grad.indices);
}

/* Everything for one variable stands in Adam/update_NAME, where the variable lives. */
static tw_tensor update(tw_update *u, tw_tensor variable, tw_grad grad)
{
    const tw_rule *rule = rule_of(u->optimizer);
    char name[1024];
    snprintf(name, sizeof name, "update_%s", tw_operation_name(variable.op));
    u->variable = variable;
    u->dtype = tw_dtype_base(tw_tensor_dtype(variable));
    for (size_t i = 0; i < TW_RULE_SLOTS && rule->slots[i]; i++)
        u->slots[i] = tw_optimizer_slot(*u->optimizer, variable, rule->slots[i]);
    tw_status *status = tw_scope_push_name(name);
    if (status)
        return tw_build_fail(status);
    tw_tensor done = {NULL, 0};
    status = tw_scope_push_colocate(variable);
    if (!status) {
        done = update_one(u, rule, grad);
        tw_scope_pop();
    }
    tw_scope_pop();
    return status ? tw_build_fail(status) : done;
}

/* float32 constants, whatever the variables are: each update casts them. */
static void make_hypers(tw_update *u)
{
    const tw_rule *rule = rule_of(u->optimizer);
    for (size_t i = 0; i < TW_RULE_HYPERS && rule->hypers[i]; i++) {
        bool given = i == 0 && tw_tensor_valid(u->optimizer->learning_rate_tensor);
        u->hypers[i] = given ? u->optimizer->learning_rate_tensor
                             : tw_train_number(rule->hyper(u->optimizer, i), rule->hypers[i]);
    }
}

/* The powers of beta go on once all variables were updated. */
static size_t advance_powers(const tw_update *u, tw_tensor *updates, size_t count)
{
    bool locking = u->optimizer->use_locking;
    tw_status *status = tw_scope_push_control((tw_tensors){updates, count});
    if (!status)
        status = tw_scope_push_colocate(u->powers[0]);
    if (status) {
        tw_build_fail(status);
        return count;
    }
    for (size_t i = 0; i < 2; i++) {
        tw_tensor next = tw_mul(tw_variable_read(u->powers[i]), u->hypers[1 + i], .name = "mul");
        updates[count + i] = tw_assign(u->powers[i], next, .use_locking = locking);
    }
    tw_scope_pop();
    tw_scope_pop();
    return count + 2;
}

/* Counts the step after the updates; the operation to run then is the counting. */
static tw_tensor finish(tw_tensors updates, tw_tensor global_step, const char *name)
{
    if (!tw_tensor_valid(global_step))
        return tw_train_group(updates, name);
    tw_tensor all = tw_train_group(updates, "update"), counted = {NULL, 0};
    tw_status *status = tw_scope_push_control((tw_tensors){&all, 1});
    if (!status)
        status = tw_scope_push_colocate(global_step);
    if (status)
        return tw_build_fail(status);
    counted = tw_assign_add(global_step, 1, .name = name);
    tw_scope_pop();
    tw_scope_pop();
    return counted;
}

/* The scope that is named as the optimizer; its last operation takes the scope's name. */
static tw_tensor make_updates(tw_update *u, tw_grads grads, tw_tensors variables,
                              tw_tensor *updates, const struct tw_minimize_args *args)
{
    tw_composite_scope scope;
    size_t count = 0;
    tw_operand place = tw_of_tensor(variables.items[0]);
    tw_composite_enter(&scope, args->where, &place, args->name, name_of(u->optimizer));
    make_hypers(u);
    for (size_t i = 0; i < grads.count; i++) {
        if (grads.grads[i].kind != TW_GRAD_NONE)
            updates[count++] = update(u, variables.items[i], grads.grads[i]);
    }
    if (rule_of(u->optimizer)->powers)
        count = advance_powers(u, updates, count);
    tw_tensor train = {NULL, 0};
    if (!scope.ctx.status)
        train = finish((tw_tensors){updates, count}, args->global_step, scope.name);
    tw_composite_leave(&scope);
    return (tw_tensor){train.op, train.op ? -1 : 0};
}

/* ---- the two halves together ---- */

/* What cannot be applied, in TensorFlow's words. */
static bool check_apply(const tw_optimizer *o, tw_grads grads, tw_tensors variables)
{
    bool any = false;
    if (!rule_of(o)) {
        tw_train_refuse("no optimizer has the rule %d", (int)o->rule);
        return false;
    }
    if (!grads.count || grads.count != variables.count) {
        tw_train_refuse("%zu gradients for %zu variables", grads.count, variables.count);
        return false;
    }
    if (!check_variables(variables))
        return false;
    for (size_t i = 0; i < grads.count; i++) {
        tw_tensor v = variables.items[i];
        if (grads.grads[i].kind == TW_GRAD_NONE)
            continue;
        any = true;
        if (!tw_train_is_trainable(tw_tensor_dtype(v))) {
            tw_train_refuse("Invalid type %s for %s, expected: float32, float64, float16, "
                            "bfloat16.",
                            tw_dtype_name(tw_dtype_base(tw_tensor_dtype(v))), tw_tensor_name(v).s);
            return false;
        }
    }
    if (!any)
        tw_train_refuse("No gradients provided for any variable, check your graph for ops that do "
                        "not support gradients, between %s and the loss.",
                        tw_tensor_text(variables.items[0]).s);
    return any;
}

/* Variables first, outside of the optimizer's scope: a slot is named after its variable. */
static tw_tensor apply(const tw_optimizer *o, tw_grads grads, tw_tensors variables,
                       const struct tw_minimize_args *args)
{
    tw_update u = {.optimizer = o};
    if (!check_apply(o, grads, variables))
        return (tw_tensor){NULL, 0};
    if (rule_of(o)->powers) {
        tw_tensor first = first_by_name(grads, variables);
        u.powers[0] = make_power(o, "beta1_power", o->beta1, first);
        u.powers[1] = make_power(o, "beta2_power", o->beta2, first);
    }
    for (size_t i = 0; i < grads.count; i++) {
        if (grads.grads[i].kind != TW_GRAD_NONE)
            make_slots(o, variables.items[i]);
    }
    tw_tensor *updates = tw_build_tensors(NULL, grads.count + 2), train = {NULL, 0};
    if (updates)
        train = make_updates(&u, grads, variables, updates, args);
    if (!tw_tensor_valid(train))
        return train;
    tw_status *status = tw_graph_collect(tw_operation_graph(train.op), "train_op", train);
    return status ? tw_build_fail(status) : train;
}

/* What the caller knew of the arguments. */
static struct tw_minimize_args whole(const struct tw_minimize_args *given)
{
    struct tw_minimize_args args = {.size = sizeof args};
    if (given)
        memcpy(&args, given, given->size < sizeof args ? given->size : sizeof args);
    return args;
}

/* Gradients and variables belong together by their place in the lists; variables without a
 * gradient are left out. */
tw_tensor tw_apply_gradients_(tw_optimizer optimizer, tw_grads grads, tw_tensors variables,
                              const struct tw_minimize_args *given)
{
    struct tw_minimize_args args = whole(given);
    tw_composite_scope scope;
    tw_train_enter(&scope, args.where, variables.count ? variables.items[0] : (tw_tensor){NULL, 0});
    tw_tensor train = apply(&optimizer, grads, variables, &args);
    tw_composite_leave(&scope);
    return train;
}

/* Both steps in one. After an error in the gradients no update is built. */
tw_tensor tw_minimize_(tw_optimizer optimizer, tw_tensor loss, const struct tw_minimize_args *given)
{
    struct tw_minimize_args args = whole(given);
    tw_composite_scope scope;
    tw_tensor train = {NULL, 0};
    tw_train_enter(&scope, args.where, loss);
    tw_tensors variables = args.variables.items ? args.variables : tw_trainable_variables();
    tw_grads grads = gradients(&optimizer, loss, variables, args.grad_loss);
    if (!scope.ctx.status)
        train = apply(&optimizer, grads, variables, &args);
    tw_composite_leave(&scope);
    return train;
}
