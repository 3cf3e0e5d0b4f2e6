/*
 * An LSTM's pre-activations for the DSP extension, from packed weights: the rows are a unit's gates I, F, G, O,
 * the parts the input and the hidden state.
 *
 * Proved by tests/firmware/test_arch.py.
 */
#ifndef KWS_ARCH_LSTM_DSP_H
#define KWS_ARCH_LSTM_DSP_H

#include "kws/layers/lstm.h"

#include "packed_dsp.h"

/* Ready for the first unit of an LSTM that could be packed. */
KWS_NOINLINE void kws_packed_begin(kws_packed_pass *pass, const kws_lstm *lstm, uint32_t *vector, const int8_t *x,
                                   const int8_t *hidden)
{
    kws_packed_start(pass, lstm->packed_weights, vector, (lstm->inputs + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS,
                     (lstm->units + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS);
    vector = kws_widen(vector, x, lstm->inputs);
    kws_widen(vector, hidden, lstm->units);
    pass->factors = lstm->packed_factors;
}

#endif
