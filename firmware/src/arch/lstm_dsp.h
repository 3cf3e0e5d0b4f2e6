/*
 * An LSTM's pre-activations for the DSP extension, from packed weights: the rows are a unit's gates I, F, G, O,
 * the parts the input and the hidden state.
 *
 * Proved by tests/firmware/test_arch.py.
 */
#ifndef KWS_ARCH_LSTM_DSP_H
#define KWS_ARCH_LSTM_DSP_H

#include "kws/layers/lstm.h"

#include "../arithmetic.h"
#include "packed_dsp.h"

/* One gate's pre-activation: each part saturates on its own (LSTM/1, LSTM/2), then their sum (LSTM/3). */
KWS_INLINE int32_t kws_packed_gate(int32_t input, int32_t recurrent, const kws_dsp_factor *factors)
{
    return kws_sat16(kws_sat16(kws_dsp_multiply(input, &factors[0])) +
                       kws_sat16(kws_dsp_multiply(recurrent, &factors[1])));
}

/* The next unit's pre-activations. */
KWS_INLINE void kws_packed_gates(kws_packed_pass *pass, const kws_dsp_factor *factors, int32_t *i, int32_t *f,
                                 int32_t *g, int32_t *o)
{
    kws_packed_products(pass);
    const int32_t *x = pass->sums[0], *h = pass->sums[1];
    *i = kws_packed_gate((x[0] - x[1]) >> 8, (h[0] - h[1]) >> 8, factors);
    *f = kws_packed_gate(x[1], h[1], factors + 2);
    *g = kws_packed_gate((x[2] - x[3]) >> 8, (h[2] - h[3]) >> 8, factors + 4);
    *o = kws_packed_gate(x[3], h[3], factors + 6);
}

/* Ready for the first unit; pass->weights is NULL if this LSTM could not be packed. */
KWS_NOINLINE void kws_packed_begin(kws_packed_pass *pass, const kws_lstm *lstm, uint32_t *vector, const int8_t *x,
                                   const int8_t *hidden)
{
    pass->weights = lstm->packed_weights;
    pass->vector = vector;
    pass->quads[0] = (lstm->inputs + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS;
    pass->quads[1] = (lstm->units + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS;
    if (pass->weights != NULL) {
        vector = kws_widen(vector, x, lstm->inputs);
        kws_widen(vector, hidden, lstm->units);
    }
}

#endif
