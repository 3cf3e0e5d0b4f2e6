/* The int8 LSTM with an int16 cell: docs/SPEC.md, "LSTM". Twin of kws/fixedpoint/layers/lstm.py. */
#include "kws/layers/lstm.h"

#include "../arithmetic.h"
#include "../arch/copy.h"
#include "../sigmoid.h"
#include "layer.h"

/* With the DSP extension nearly all instructions are in assembler; few models have weights that can't be packed. */
#if KWS_ARCH == KWS_ARCH_DSP
#define KWS_LSTM_COLD KWS_COLD
#else
#define KWS_LSTM_COLD
#endif

/* 0 for the specification's steps one by one: the same bytes from more instructions. */
#ifndef KWS_FUSED
#define KWS_FUSED 1
#endif
#if !KWS_FUSED && KWS_ARCH != KWS_ARCH_PORTABLE
#error "KWS_FUSED=0 goes with KWS_ARCH=0"
#endif

#if KWS_ARCH == KWS_ARCH_DSP
#include "../arch/lstm_dsp.h"
#elif KWS_ARCH == KWS_ARCH_HELIUM
#include "../arch/lstm_helium.h"
#elif KWS_FUSED
#include "../arch/lstm_fused.h"
#endif

#if KWS_ARCH == KWS_ARCH_HELIUM

static void step(const kws_lstm *lstm, int8_t *hidden, int16_t *cell, void *scratch, const int8_t *x, int8_t *output)
{
    kws_lanes_step(lstm, hidden, cell, scratch, x, output);
}

#else

#include "../arch/dot4.h"

#if !KWS_FUSED

typedef struct kws_cell_constants {
    kws_factor keep;
    kws_factor add;
    int32_t power;
    int32_t clip;
} kws_cell_constants;

static kws_cell_constants kws_cell_constants_of(const kws_lstm *lstm)
{
    const kws_cell_constants k = {
        {1 << 30, 0, 14}, {1 << 30, 0, lstm->add_shift}, lstm->cell_scale_power, lstm->cell_clip};
    return k;
}

/* From the pre-activations of gates i, f, g, o to the new c; returns o * tanh(c), of which LSTM/8 makes h. */
static int32_t kws_cell_update(const kws_cell_constants *k, int16_t *cell, int32_t i, int32_t f, int32_t g, int32_t o)
{
    i = kws_sigmoid(i); /* LSTM/4 */
    f = kws_sigmoid(f);
    g = kws_tanh(g, -12);
    o = kws_sigmoid(o);
    const int32_t kept = kws_sat16(kws_multiply(f * *cell, &k->keep)); /* LSTM/5 */
    const int32_t added = kws_sat16(kws_multiply(i * g, &k->add));     /* LSTM/6 */
    int32_t c = kws_sat16(kept + added);                               /* LSTM/7 */
    if (k->clip > 0) {
        c = kws_clamp(c, -k->clip, k->clip);
    }
    *cell = (int16_t)c;
    return o * kws_tanh(c, k->power);
}

/* LSTM/8. */
static int8_t kws_cell_hidden(const kws_lstm *lstm, int32_t product)
{
    return kws_add_zero_point(kws_multiply(product, &lstm->hidden_factor), lstm->hidden_zero_point, INT8_MIN, INT8_MAX);
}

#endif

/* One unit's sums: biases, then four rows of weights one after another. */
KWS_LSTM_COLD static void plain_sums(const int32_t *bias, const int8_t *weights, const int8_t *x, uint32_t count,
                                      int32_t sums[KWS_GATES])
{
    for (uint32_t gate = 0; gate < KWS_GATES; gate++) {
        sums[gate] = bias[gate];
    }
    kws_dot4(weights, x, count, sums);
}

/* One unit's pre-activations: each part saturates on its own (LSTM/1, LSTM/2), then their sum (LSTM/3). */
KWS_LSTM_COLD KWS_NOINLINE void plain_gates(const kws_lstm *lstm, uint32_t unit, const int8_t *x, const int8_t *hidden,
                                             int32_t gates[KWS_GATES])
{
    const uint32_t first = KWS_GATES * unit;
    int32_t recurrent[KWS_GATES];
    plain_sums(lstm->input_bias + first, lstm->input_weights + first * lstm->inputs, x, lstm->inputs, gates);
    plain_sums(lstm->recurrent_bias + first, lstm->recurrent_weights + first * lstm->units, hidden, lstm->units,
               recurrent);
    for (uint32_t gate = 0; gate < KWS_GATES; gate++) {
        gates[gate] = kws_sat16(kws_sat16(kws_multiply(gates[gate], &lstm->factors[gate])) +
                                kws_sat16(kws_multiply(recurrent[gate], &lstm->factors[KWS_GATES + gate])));
    }
}

/* One step: reads x [inputs] and the old hidden state, updates both states, writes the new h to output [units]. */
static void step(const kws_lstm *lstm, int8_t *hidden, int16_t *cell, void *scratch, const int8_t *x, int8_t *output)
{
#if KWS_ARCH == KWS_ARCH_DSP
    kws_lstm_pass pass;
    kws_lstm_start(&pass, lstm, cell, output);
    if (lstm->packed_weights != NULL) {
        kws_lstm_packed(&pass, lstm, (uint32_t *)scratch, x, hidden);
    } else {
        for (uint32_t unit = 0; unit < lstm->units; unit++) {
            plain_gates(lstm, unit, x, hidden, pass.products.parts[0].sums);
            kws_lstm_next(&pass);
        }
    }
#else
    const kws_cell_constants k = kws_cell_constants_of(lstm);
    (void)scratch;
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        int32_t gates[KWS_GATES];
        plain_gates(lstm, unit, x, hidden, gates);
        const int32_t product = kws_cell_update(&k, cell + unit, gates[KWS_GATE_INPUT], gates[KWS_GATE_FORGET],
                                                gates[KWS_GATE_CELL], gates[KWS_GATE_OUTPUT]);
        output[unit] = kws_cell_hidden(lstm, product);
    }
#endif
    /* Only now: every gate of every unit reads the old h. */
    kws_copy(hidden, output, lstm->units);
}

#endif

KWS_LSTM_COLD void kws_lstm_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_lstm *lstm = (const kws_lstm *)layer->kernel;
    int8_t *hidden = (int8_t *)kws_layer_state(layer, KWS_LSTM_HIDDEN, memory);
    int16_t *cell = (int16_t *)kws_layer_state(layer, KWS_LSTM_CELL, memory);
    void *scratch = kws_layer_scratch(layer, memory);
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t rows = lstm->rows; rows > 0; rows--) {
        step(lstm, hidden, cell, scratch, x, output);
        x += lstm->inputs;
        output += lstm->units;
    }
}
