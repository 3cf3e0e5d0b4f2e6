/*
 * Fixed-point sigmoid, tanh, exponential and reciprocal: docs/SPEC.md, "Activations".
 * Twin of kws/fixedpoint/activation.py.
 */
#ifndef KWS_ACTIVATION_H
#define KWS_ACTIVATION_H

#include <stdint.h>

/* int16 in Q3.12 to int16 in Q0.15. */
int16_t kws_sigmoid_int16(int16_t x);

/* int16 at scale 2^scale_power to int16 in Q0.15. */
int16_t kws_tanh_int16(int16_t x, int32_t scale_power);

/* exp of a <= 0 with integer_bits integer bits, to Q0.31. */
int32_t kws_exp_on_negative_values(int32_t a, uint32_t integer_bits);

/* 1 / (1 + a) of Q0.31 in [0, 1], to Q0.31. */
int32_t kws_reciprocal_of_one_plus(int32_t a);

/* Logistic function of a with integer_bits integer bits, to Q0.31. */
int32_t kws_logistic_q31(int32_t a, uint32_t integer_bits);

#endif
