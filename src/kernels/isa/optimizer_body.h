/* SPDX-License-Identifier: Apache-2.0
 * Update loops of one dtype. Before it is included: T, NAME(f), the vector NAME(vec), for it FMA,
 * SPREAD (a number in all lanes) and SQRT, NAME(add_quotient) and NAME(add_over_root). */

#define V NAME(vec)
typedef T NAME(anywhere)
    __attribute__((vector_size(TW_VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* One vector: x the variable, g its gradient, slots and scalars as in tw_update. */
typedef void (*NAME(step))(const V *scalars, V *x, V *slots, V g);

static ALWAYS_INLINE V NAME(read)(const T *from, bool whole)
{
    if (whole)
        return *(const NAME(anywhere) *)from;
    return SPREAD(*from);
}

static ALWAYS_INLINE void NAME(write)(T *to, V x, bool whole)
{
    if (whole)
        *(NAME(anywhere) *)to = x;
    else
        *to = x[0];
}

/* Inlined with a step, so that all but the arrays is in registers. What fills no vector goes one by
 * one, in all lanes. */
static ALWAYS_INLINE void NAME(each)(const tw_update *u, size_t slots, NAME(step) step)
{
    const size_t lanes = TW_VECTOR_BYTES / sizeof(T);
    T *var = u->var, *slot[3] = {u->slots[0], u->slots[1], u->slots[2]};
    const T *grad = u->grad;
    V scalars[4];
    for (size_t k = 0; k < 4; k++)
        scalars[k] = SPREAD((T)u->scalars[k]);
    bool whole;
    for (size_t i = 0, n = u->n; i < n; i += whole ? lanes : 1) {
        whole = n - i >= lanes;
        V x = NAME(read)(var + i, whole), s[3];
        for (size_t k = 0; k < slots; k++)
            s[k] = NAME(read)(slot[k] + i, whole);
        step(scalars, &x, s, NAME(read)(grad + i, whole));
        NAME(write)(var + i, x, whole);
        for (size_t k = 0; k < slots; k++)
            NAME(write)(slot[k] + i, s[k], whole);
    }
}

#if TW_ISA_LEVEL < 4

/* var -= s0 grad */
static ALWAYS_INLINE void NAME(descend)(const V *scalars, V *x, V *slots, V g)
{
    (void)slots;
    *x = FMA(-scalars[0], g, *x);
}

static void NAME(gradient_descent)(const tw_update *u)
{
    NAME(each)(u, 0, NAME(descend));
}

/* s0 the rate, s1 the momentum */
static ALWAYS_INLINE void NAME(roll)(const V *scalars, V *x, V *slots, V g)
{
    slots[0] = FMA(slots[0], scalars[1], g);
    *x = FMA(-scalars[0], slots[0], *x);
}

static ALWAYS_INLINE void NAME(roll_ahead)(const V *scalars, V *x, V *slots, V g)
{
    slots[0] = FMA(slots[0], scalars[1], g);
    *x = FMA(-scalars[0], FMA(slots[0], scalars[1], g), *x);
}

/* flag: Nesterov's */
static void NAME(momentum)(const tw_update *u)
{
    if (u->flag)
        NAME(each)(u, 1, NAME(roll_ahead));
    else
        NAME(each)(u, 1, NAME(roll));
}

#endif

/* s0 the rate, s1 epsilon */
static ALWAYS_INLINE void NAME(adapt)(const V *scalars, V *x, V *slots, V g)
{
    *x = NAME(add_quotient)(g * -scalars[0], SQRT(slots[0]) + scalars[1], *x);
}

static ALWAYS_INLINE void NAME(add_and_adapt)(const V *scalars, V *x, V *slots, V g)
{
    slots[0] = FMA(g, g, slots[0]);
    NAME(adapt)(scalars, x, slots, g);
}

/* flag: the slot is updated */
static void NAME(adagrad)(const tw_update *u)
{
    if (u->flag)
        NAME(each)(u, 1, NAME(add_and_adapt));
    else
        NAME(each)(u, 1, NAME(adapt));
}

/* A moving mean of squares. */
static ALWAYS_INLINE V NAME(mean_square)(V mean, V g, V fresh)
{
    return FMA(FMA(g, g, -mean), fresh, mean);
}

/* s0 the rate, s1 rho, s2 the momentum, s3 epsilon; slots ms, mom */
static ALWAYS_INLINE void NAME(divide)(const V *scalars, V *x, V *slots, V g)
{
    V half = g * (scalars[0] * SPREAD((T)0.5));
    slots[0] = NAME(mean_square)(slots[0], g, SPREAD(1) - scalars[1]);
    slots[1] = NAME(add_over_root)(half, slots[0] + scalars[3], slots[1] * scalars[2]);
    *x -= slots[1];
}

static void NAME(rmsprop)(const tw_update *u)
{
    NAME(each)(u, 2, NAME(divide));
}

/* The same with a third slot, the mean gradient. Products are rounded: where the mean square has
 * come to be the square of the mean, 0 is left, not what rounding took off, which has no root. */
static ALWAYS_INLINE void NAME(divide_centered)(const V *scalars, V *x, V *slots, V g)
{
    V half = g * (scalars[0] * SPREAD((T)0.5)), fresh = SPREAD(1) - scalars[1];
    slots[0] += (g * g - slots[0]) * fresh;
    slots[2] += (g - slots[2]) * fresh;
    V spread = slots[0] - slots[2] * slots[2] + scalars[3];
    slots[1] = NAME(add_over_root)(half, spread, slots[1] * scalars[2]);
    *x -= slots[1];
}

static void NAME(centered_rmsprop)(const tw_update *u)
{
    NAME(each)(u, 3, NAME(divide_centered));
}

/* s0 the corrected rate, s1 beta1, s2 beta2, s3 epsilon; slots m, v. `mean` is m, or what looks
 * ahead of it. */
static ALWAYS_INLINE void NAME(take_means)(const V *scalars, V *slots, V g)
{
    slots[0] = FMA(g - slots[0], SPREAD(1) - scalars[1], slots[0]);
    slots[1] = NAME(mean_square)(slots[1], g, SPREAD(1) - scalars[2]);
}

static ALWAYS_INLINE void NAME(move_by)(const V *scalars, V *x, const V *slots, V mean)
{
    *x = NAME(add_quotient)(mean * -scalars[0], SQRT(slots[1]) + scalars[3], *x);
}

static ALWAYS_INLINE void NAME(move)(const V *scalars, V *x, V *slots, V g)
{
    NAME(take_means)(scalars, slots, g);
    NAME(move_by)(scalars, x, slots, slots[0]);
}

static ALWAYS_INLINE void NAME(move_ahead)(const V *scalars, V *x, V *slots, V g)
{
    NAME(take_means)(scalars, slots, g);
    V ahead = FMA(slots[0], scalars[1], g * (SPREAD(1) - scalars[1]));
    NAME(move_by)(scalars, x, slots, ahead);
}

/* flag: Nesterov's */
static void NAME(adam)(const tw_update *u)
{
    if (u->flag)
        NAME(each)(u, 2, NAME(move_ahead));
    else
        NAME(each)(u, 2, NAME(move));
}

#undef V
#undef T
#undef NAME
