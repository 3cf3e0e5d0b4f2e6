/* The int8 LSTM with an int16 cell: docs/SPEC.md, "LSTM". Twin of kws/fixedpoint/lstm.py. */
#include <string.h>

#include "activation.h"
#include "arithmetic.h"
#include "layers.h"

#define GATE_SCALE_POWER (-12)

void kws_lstm_reset(const kws_lstm *lstm, uint8_t *memory)
{
    memset(memory + lstm->cell_offset, 0, 2u * lstm->units);
    memset(memory + lstm->hidden_offset, (int)(uint8_t)lstm->hidden_zero_point, lstm->units);
}

/* A gate's pre-activation: each part saturates on its own, then their sum. */
static int16_t gate(const kws_lstm *lstm, uint32_t which, uint32_t unit, const int8_t *x, const int8_t *h)
{
    const int32_t from_input = lstm->input_bias[which][unit] +
                               kws_dot(lstm->input_weights[which] + unit * lstm->inputs, x, lstm->inputs);
    const int32_t from_hidden = lstm->recurrent_bias[which][unit] +
                                kws_dot(lstm->recurrent_weights[which] + unit * lstm->units, h, lstm->units);
    const int16_t input_part = kws_saturate16(kws_multiply(from_input, &lstm->input_factor[which]));
    const int16_t recurrent_part = kws_saturate16(kws_multiply(from_hidden, &lstm->recurrent_factor[which]));
    return kws_saturate16(input_part + recurrent_part);
}

void kws_lstm_step(const kws_lstm *lstm, uint8_t *memory, const int8_t *x, int8_t *output)
{
    int16_t *cell = (int16_t *)(void *)(memory + lstm->cell_offset);
    int8_t *hidden = (int8_t *)(memory + lstm->hidden_offset);
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        const int32_t i = kws_sigmoid_int16(gate(lstm, KWS_GATE_INPUT, unit, x, hidden));
        const int32_t f = kws_sigmoid_int16(gate(lstm, KWS_GATE_FORGET, unit, x, hidden));
        const int32_t g = kws_tanh_int16(gate(lstm, KWS_GATE_CELL, unit, x, hidden), GATE_SCALE_POWER);
        const int32_t o = kws_sigmoid_int16(gate(lstm, KWS_GATE_OUTPUT, unit, x, hidden));
        const int16_t kept = kws_saturate16(kws_multiply(f * cell[unit], &lstm->keep_factor));
        const int16_t added = kws_saturate16(kws_multiply(i * g, &lstm->add_factor));
        int32_t c = kws_saturate16(kept + added);
        if (lstm->cell_clip > 0) {
            c = kws_clamp(c, -lstm->cell_clip, lstm->cell_clip);
        }
        cell[unit] = (int16_t)c;
        const int32_t squashed = kws_tanh_int16((int16_t)c, lstm->cell_scale_power);
        const int32_t h = kws_multiply(o * squashed, &lstm->hidden_factor);
        output[unit] = kws_add_zero_point(h, lstm->hidden_zero_point, INT8_MIN, INT8_MAX);
    }
    /* Only now: every gate of every unit reads the old h. */
    memcpy(hidden, output, lstm->units);
}
