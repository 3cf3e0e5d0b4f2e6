/* The int8 LSTM with an int16 cell: docs/SPEC.md, "LSTM". Twin of kws/fixedpoint/layers/lstm.py. */
#include "kws/layers/lstm.h"

#include <string.h>

#include "../arithmetic.h"
#include "../sigmoid.h"
#include "layer.h"
#if KWS_ARCH == KWS_ARCH_DSP
#include "../arch/lstm_dsp.h"
#elif KWS_ARCH == KWS_ARCH_HELIUM
#include "../arch/lstm_helium.h"
#endif
#if KWS_ARCH != KWS_ARCH_HELIUM
#include "../arch/dot4.h"
#endif

/* The power of two of the cell's scale that makes 3 * c what kws_tanh_of_scaled takes. */
#define TANH_SCALE_POWER (-12)

/* What an update of a cell needs to know, the same for all units. */
typedef struct cell_constants {
    kws_curves curves;
    uint32_t clip;
    int32_t add_half;
    uint32_t add_shift;
    int32_t tanh_multiplier;
    int32_t tanh_half;
    uint32_t tanh_shift;
#if KWS_HAS_DSP
    kws_dsp_factor hidden_factor;
#endif
} cell_constants;

static cell_constants constants_of(const kws_lstm *lstm)
{
    const int32_t power = lstm->cell_scale_power - TANH_SCALE_POWER;
    cell_constants k;
    k.curves = kws_curves_of_table();
    k.clip = lstm->cell_clip > 0 ? (uint32_t)lstm->cell_clip : 32768u;
    k.add_half = (int32_t)(1u << lstm->add_shift) + 1;
    k.add_shift = lstm->add_shift + 1u;
    k.tanh_multiplier = power >= 0 ? 3 << power : 3;
    k.tanh_half = power >= 0 ? 0 : 1 << (-power - 1);
    k.tanh_shift = power >= 0 ? 0 : (uint32_t)-power;
#if KWS_HAS_DSP
    k.hidden_factor = kws_dsp_factor_of(&lstm->hidden_factor);
#endif
    return k;
}

#if KWS_ARCH == KWS_ARCH_HELIUM

/* One step: reads x [inputs] and the old hidden state, updates both states, writes the new h to output [units]. */
static void step(const kws_lstm *lstm, int8_t *hidden, int16_t *cell, void *scratch, const int8_t *x, int8_t *output)
{
    (void)scratch;
    const cell_constants k = constants_of(lstm);
    kws_lane_part parts[2] = {{lstm->input_bias, lstm->input_weights, x, lstm->inputs},
                              {lstm->recurrent_bias, lstm->recurrent_weights, hidden, lstm->units}};
    for (uint32_t first = 0; first < lstm->units; first += KWS_LANES) {
        const uint32_t lanes = lstm->units - first < KWS_LANES ? lstm->units - first : KWS_LANES;
        const mve_pred16_t some = vctp32q(lanes);
        int32_t sums[2 * KWS_GATES * KWS_LANES];
        for (uint32_t lane = 0; lane < lanes; lane++) {
            kws_lane_sums(parts, sums + lane);
        }
        const int32x4_t i = kws_lanes_sigmoid(&k.curves, kws_lanes_gate(sums, lstm, KWS_GATE_INPUT));
        const int32x4_t f = kws_lanes_sigmoid(&k.curves, kws_lanes_gate(sums, lstm, KWS_GATE_FORGET));
        const int32x4_t g = kws_lanes_tanh(&k.curves, vmulq_n_s32(kws_lanes_gate(sums, lstm, KWS_GATE_CELL), 3));
        const int32x4_t o = kws_lanes_sigmoid(&k.curves, kws_lanes_gate(sums, lstm, KWS_GATE_OUTPUT));
        const int32x4_t kept = kws_lanes_product(f, vldrhq_z_s32(cell + first, some), (1 << 14) + 1, 15);
        const int32x4_t added = kws_lanes_limit16(kws_lanes_product(i, g, k.add_half, k.add_shift));
        const int32x4_t sum = kws_lanes_limit16(vaddq_s32(kept, added));
        const int32x4_t c = kws_lanes_clip(sum, (int32_t)k.clip);
        vstrhq_p_s32(cell + first, c, some);
        const int32x4_t scaled = vaddq_n_s32(vmulq_n_s32(c, k.tanh_multiplier), k.tanh_half);
        const int32x4_t squashed = kws_lanes_tanh(&k.curves, vshlq_r_s32(scaled, -(int32_t)k.tanh_shift));
        const int32x4_t h = kws_lanes_multiply(vmulq_s32(o, squashed), &lstm->hidden_factor);
        const int32x4_t placed = vaddq_n_s32(h, lstm->hidden_zero_point);
        vstrbq_p_s32(output + first, kws_lanes_limit8(placed), some);
    }
    /* Only now: every gate of every unit reads the old h. */
    memcpy(hidden, output, lstm->units);
}

#else

/*
 * multiply(a * b, 2^(-1 - shift)) where a >= 0: both roundings in one. half is 2^shift + 1. The
 * rounding asks for the sign of the first one's result; where b's is another, the result is 0.
 */
KWS_INLINE int32_t scaled_product(int32_t a, int32_t b, int32_t half, uint32_t shift)
{
    return (a * b + (half + 2 * kws_sign(b))) >> shift;
}

/* From the pre-activations of gates i, f, g, o to the new c; returns the new h before its requantization. */
KWS_INLINE int32_t update(const cell_constants *k, int16_t *cell, int32_t i, int32_t f, int32_t g, int32_t o)
{
    const int32_t kept = scaled_product(kws_sigmoid_int16(&k->curves, f), *cell, (1 << 14) + 1, 15);
    const int32_t product = scaled_product(kws_sigmoid_int16(&k->curves, i), kws_tanh_of_scaled(&k->curves, 3 * g),
                                           k->add_half, k->add_shift);
    int32_t c = kws_limit16(kept + kws_limit16(product));
    if ((uint32_t)c + k->clip > 2u * k->clip) { /* one comparison for both ends */
        c = c < 0 ? -(int32_t)k->clip : (int32_t)k->clip;
    }
    *cell = (int16_t)c;
    const int32_t scaled = (c * k->tanh_multiplier + k->tanh_half) >> k->tanh_shift;
    return kws_sigmoid_int16(&k->curves, o) * kws_tanh_of_scaled(&k->curves, scaled);
}

/* One unit's sums: biases, then four rows of weights one after another. */
static void plain_sums(const int32_t *bias, const int8_t *weights, const int8_t *x, uint32_t count,
                       int32_t sums[KWS_GATES])
{
    for (uint32_t gate = 0; gate < KWS_GATES; gate++) {
        sums[gate] = bias[gate];
    }
    kws_dot4(weights, x, count, sums);
}

/* One unit's pre-activations: each part saturates on its own, then their sum. */
KWS_NOINLINE void plain_gates(const kws_lstm *lstm, uint32_t unit, const int8_t *x, const int8_t *hidden,
                              int32_t gates[KWS_GATES])
{
    const uint32_t first = KWS_GATES * unit;
    int32_t recurrent[KWS_GATES];
    plain_sums(lstm->input_bias + first, lstm->input_weights + first * lstm->inputs, x, lstm->inputs, gates);
    plain_sums(lstm->recurrent_bias + first, lstm->recurrent_weights + first * lstm->units, hidden, lstm->units,
               recurrent);
    for (uint32_t gate = 0; gate < KWS_GATES; gate++) {
        gates[gate] = kws_limit16(kws_limit16(kws_multiply(gates[gate], &lstm->input_factor[gate])) +
                                  kws_limit16(kws_multiply(recurrent[gate], &lstm->recurrent_factor[gate])));
    }
}

/* One step: reads x [inputs] and the old hidden state, updates both states, writes the new h to output [units]. */
static void step(const kws_lstm *lstm, int8_t *hidden, int16_t *cell, void *scratch, const int8_t *x, int8_t *output)
{
    const cell_constants k = constants_of(lstm);
#if KWS_ARCH == KWS_ARCH_DSP
    kws_packed_pass pass;
    kws_packed_begin(&pass, lstm, (uint32_t *)scratch, x, hidden);
#else
    (void)scratch;
#endif
    for (uint32_t unit = 0; unit < lstm->units; unit++) {
        int32_t i, f, g, o;
#if KWS_ARCH == KWS_ARCH_DSP
        if (pass.weights != NULL) {
            kws_packed_gates(&pass, &i, &f, &g, &o);
        } else
#endif
        {
            int32_t gates[KWS_GATES];
            plain_gates(lstm, unit, x, hidden, gates);
            i = gates[KWS_GATE_INPUT];
            f = gates[KWS_GATE_FORGET];
            g = gates[KWS_GATE_CELL];
            o = gates[KWS_GATE_OUTPUT];
        }
        const int32_t product = update(&k, cell + unit, i, f, g, o);
#if KWS_HAS_DSP
        const int32_t h = kws_dsp_multiply(product, &k.hidden_factor);
#else
        const int32_t h = kws_multiply(product, &lstm->hidden_factor);
#endif
        output[unit] = kws_add_zero_point(h, lstm->hidden_zero_point, INT8_MIN, INT8_MAX);
    }
    /* Only now: every gate of every unit reads the old h. */
    memcpy(hidden, output, lstm->units);
}

#endif

void kws_lstm_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
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
