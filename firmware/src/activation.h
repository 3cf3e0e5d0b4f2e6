/*
 * The fixed-point reciprocal of docs/SPEC.md, "Activations". The curves of the LSTM's gates are in sigmoid.h; of
 * int8 the exporter makes tables. Twin of kws/fixedpoint/activation.py.
 */
#ifndef KWS_ACTIVATION_H
#define KWS_ACTIVATION_H

#include <stdint.h>

/* 1 / (1 + a) of Q0.31 in [0, 1], to Q0.31. */
int32_t kws_recip(int32_t a);

#endif
