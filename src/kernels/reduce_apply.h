/* SPDX-License-Identifier: Apache-2.0
 * One step of a reduction; part of the bodies that are included for each dtype. Integers wrap:
 * WORK is unsigned for them. A comparison with NaN is false, so Max and Min skip it. */

/* `fold` is a constant wherever this is inlined, so that the switch is gone from the loops. */
static inline ACC NAME(apply)(tw_fold fold, ACC a, ACC b)
{
    switch (fold) {
    case TW_FOLD_SUM: return (ACC)((WORK)a + (WORK)b);
    case TW_FOLD_PROD: return (ACC)((WORK)a * (WORK)b);
    case TW_FOLD_MAX: return b > a ? b : a;
    case TW_FOLD_MIN: return b < a ? b : a;
    default: return (ACC)((WORK)a + (WORK)b * (WORK)b);
    }
}
