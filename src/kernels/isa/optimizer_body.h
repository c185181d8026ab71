/* SPDX-License-Identifier: Apache-2.0
 * Update loops of one dtype. Before it is included: T as stored, W as computed, GET(x) and PUT(x)
 * between them, SQRT, and NAME(f). */

/* var -= s0 grad */
static void NAME(gradient_descent)(const tw_update *u)
{
    T *restrict var = u->var;
    const T *restrict grad = u->grad;
    W alpha = (W)u->scalars[0];
    for (size_t i = 0; i < u->n; i++)
        var[i] = PUT(GET(var[i]) - alpha * GET(grad[i]));
}

/* s0 the rate, s1 the momentum; flag: Nesterov's */
static void NAME(momentum)(const tw_update *u)
{
    T *restrict var = u->var, *restrict accum = u->slots[0];
    const T *restrict grad = u->grad;
    W lr = (W)u->scalars[0], momentum = (W)u->scalars[1];
    if (u->flag) {
        for (size_t i = 0; i < u->n; i++) {
            W g = GET(grad[i]), a = GET(accum[i]) * momentum + g;
            accum[i] = PUT(a);
            var[i] = PUT(GET(var[i]) - (g * lr + a * momentum * lr));
        }
        return;
    }
    for (size_t i = 0; i < u->n; i++) {
        W a = GET(accum[i]) * momentum + GET(grad[i]);
        accum[i] = PUT(a);
        var[i] = PUT(GET(var[i]) - a * lr);
    }
}

/* s0 the rate, s1 epsilon; flag: the slot is updated */
static void NAME(adagrad)(const tw_update *u)
{
    T *restrict var = u->var, *restrict accum = u->slots[0];
    const T *restrict grad = u->grad;
    W lr = (W)u->scalars[0], epsilon = (W)u->scalars[1], squares = u->flag;
    for (size_t i = 0; i < u->n; i++) {
        W g = GET(grad[i]), a = GET(accum[i]) + squares * (g * g);
        accum[i] = PUT(a);
        var[i] = PUT(GET(var[i]) - g * lr / (SQRT(a) + epsilon));
    }
}

/* s0 the rate, s1 rho, s2 the momentum, s3 epsilon; slots ms, mom */
static void NAME(rmsprop)(const tw_update *u)
{
    T *restrict var = u->var, *restrict ms = u->slots[0], *restrict mom = u->slots[1];
    const T *restrict grad = u->grad;
    W lr = (W)u->scalars[0], fresh = 1 - (W)u->scalars[1];
    W momentum = (W)u->scalars[2], epsilon = (W)u->scalars[3];
    for (size_t i = 0; i < u->n; i++) {
        W g = GET(grad[i]), s = GET(ms[i]);
        s += (g * g - s) * fresh;
        W step = GET(mom[i]) * momentum + g * lr / SQRT(s + epsilon);
        ms[i] = PUT(s);
        mom[i] = PUT(step);
        var[i] = PUT(GET(var[i]) - step);
    }
}

/* The same with a third slot, the mean gradient. */
static void NAME(centered_rmsprop)(const tw_update *u)
{
    T *restrict var = u->var, *restrict ms = u->slots[0], *restrict mom = u->slots[1];
    T *restrict mg = u->slots[2];
    const T *restrict grad = u->grad;
    W lr = (W)u->scalars[0], fresh = 1 - (W)u->scalars[1];
    W momentum = (W)u->scalars[2], epsilon = (W)u->scalars[3];
    for (size_t i = 0; i < u->n; i++) {
        W g = GET(grad[i]), s = GET(ms[i]), mean = GET(mg[i]);
        s += (g * g - s) * fresh;
        mean += (g - mean) * fresh;
        W step = GET(mom[i]) * momentum + g * lr / SQRT(s - mean * mean + epsilon);
        ms[i] = PUT(s);
        mg[i] = PUT(mean);
        mom[i] = PUT(step);
        var[i] = PUT(GET(var[i]) - step);
    }
}

/* s0 the corrected rate, s1 beta1, s2 beta2, s3 epsilon; slots m, v; flag: Nesterov's */
static void NAME(adam)(const tw_update *u)
{
    T *restrict var = u->var, *restrict m = u->slots[0], *restrict v = u->slots[1];
    const T *restrict grad = u->grad;
    W lr = (W)u->scalars[0], beta1 = (W)u->scalars[1], fresh1 = 1 - beta1;
    W fresh2 = 1 - (W)u->scalars[2], epsilon = (W)u->scalars[3];
    W old = u->flag ? beta1 : 1, now = u->flag ? fresh1 : 0;
    for (size_t i = 0; i < u->n; i++) {
        W g = GET(grad[i]), mean = GET(m[i]), square = GET(v[i]);
        mean += (g - mean) * fresh1;
        square += (g * g - square) * fresh2;
        m[i] = PUT(mean);
        v[i] = PUT(square);
        var[i] = PUT(GET(var[i]) - (mean * old + g * now) * lr / (SQRT(square) + epsilon));
    }
}

#undef T
#undef W
#undef GET
#undef PUT
#undef SQRT
#undef NAME
