#include "activation.h"

#include "arithmetic.h"

/* exp of Q0.31 in [-1/4, 0): a Taylor polynomial around -1/8. */
static int32_t exp_near_zero(int32_t a)
{
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t x = a + (1 << 28);
    const int32_t x2 = kws_rdhm(x, x);
    const int32_t x3 = kws_rdhm(x2, x);
    const int32_t x4 = kws_rdhm(x2, x2);
    const int32_t x4_over_4 = kws_rshift(x4, 2);
    const int32_t tail = kws_rshift(kws_rdhm(x4_over_4 + x3, third) + x2, 1);
    return exp_minus_eighth + kws_rdhm(x + tail, exp_minus_eighth);
}

int32_t kws_exp(int32_t a, uint32_t integer_bits)
{
    /* exp(-2^k) in Q0.31 for k = -2 ... 4 */
    static const int32_t powers[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const uint32_t fraction_bits = 31 - integer_bits;
    const int32_t quarter = 1 << (fraction_bits - 2);
    if (a == 0) {
        return INT32_MAX;
    }
    /* EXP/1 */
    const int32_t within = (a & (quarter - 1)) - quarter;
    const int32_t remainder = within - a;
    int32_t result = exp_near_zero(kws_satshift(within, integer_bits)); /* EXP/2 */
    /* EXP/3 */
    for (uint32_t k = 0; k < 7 && k < integer_bits + 2; k++) {
        if ((remainder >> (fraction_bits - 2 + k)) & 1) {
            result = kws_rdhm(result, powers[k]);
        }
    }
    return result;
}

/* 2 / (1 + a) of Q0.31 in [0, 1], to Q2.29. */
static inline int32_t newton(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) >> 1); /* RECIP/1 */
    int32_t x = 1515870810 + kws_rdhm(half_denominator, -1010580540);              /* RECIP/2 */
    for (int i = 0; i < 3; i++) { /* RECIP/3 */
        const int32_t error = (1 << 29) - kws_rdhm(half_denominator, x);
        x += kws_satshift(kws_rdhm(x, error), 2);
    }
    return x;
}

int32_t kws_recip(int32_t a)
{
    return kws_satshift(newton(a), 1); /* RECIP/4 */
}

int32_t kws_logistic_q31(int32_t a, uint32_t integer_bits)
{
    if (a == 0) {
        return 1 << 30;
    }
    const int32_t positive =
        kws_recip(kws_exp(a > 0 ? -a : a, integer_bits));
    return a > 0 ? positive : INT32_MAX - positive;
}

int32_t kws_tanh_q31(int32_t a, uint32_t integer_bits)
{
    if (a == 0) {
        return 0;
    }
    /* TANH_Q31/1: the bits of a with one integer bit more are 2 * a. */
    const int32_t doubled = kws_exp(a > 0 ? -a : a, integer_bits + 1);
    const int32_t magnitude = kws_satshift(newton(doubled) - (1 << 29), 2); /* TANH_Q31/2 */
    return a > 0 ? magnitude : -magnitude; /* TANH_Q31/3 */
}
