/*
 * Fixed-point exponential, reciprocal, logistic function and hyperbolic tangent: docs/SPEC.md,
 * "Activations". Those of the LSTM's gates are in sigmoid.h. Twin of kws/fixedpoint/activation.py.
 */
#ifndef KWS_ACTIVATION_H
#define KWS_ACTIVATION_H

#include <stdint.h>

/* exp of a <= 0 with integer_bits integer bits, to Q0.31. */
int32_t kws_exp(int32_t a, uint32_t integer_bits);

/* 1 / (1 + a) of Q0.31 in [0, 1], to Q0.31. */
int32_t kws_recip(int32_t a);

/* Logistic function of a with integer_bits integer bits, to Q0.31. */
int32_t kws_logistic_q31(int32_t a, uint32_t integer_bits);

/* Hyperbolic tangent of a with integer_bits integer bits, to Q0.31. */
int32_t kws_tanh_q31(int32_t a, uint32_t integer_bits);

#endif
