/* The LSTM: docs/SPEC.md, "LSTM". */
#ifndef KWS_LAYERS_LSTM_H
#define KWS_LAYERS_LSTM_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Gates are in the order input, forget, cell, output throughout. */
enum { KWS_GATE_INPUT, KWS_GATE_FORGET, KWS_GATE_CELL, KWS_GATE_OUTPUT, KWS_GATES };

/* The layer's states. */
enum { KWS_LSTM_HIDDEN, KWS_LSTM_CELL };

/*
 * A factor for KWS_ARCH_DSP: `value` is the factor's, doubled modulo 2^32. `step` is what follows: 0 for nothing,
 * 2^31 - 1 for a right shift of 1, else -2^(32 - right_shift) - 1. `shift` is the left_shift that comes first, or for
 * the gates I and G, whose sums come 256 times as large, the right shift that leaves them shifted so.
 */
typedef struct kws_gate_factor {
    int32_t value;
    int32_t step;
    uint32_t shift;
} kws_gate_factor;

/*
 * The parts of a gate are the sum over the input and the sum over the old hidden state. Where the
 * weights are packed, the scratch holds int16_t [inputs + units], each rounded up to 4; with KWS_ARCH_HELIUM
 * sums and pre-activations of eight units.
 */
typedef struct kws_lstm {
    const int8_t *input_weights;         /* [units][gates][inputs]; NULL if packed */
    const int8_t *recurrent_weights;     /* [units][gates][units]; NULL if packed */
    const int32_t *input_bias;           /* [units][gates], input zero point folded in; NULL if packed */
    const int32_t *recurrent_bias;       /* [units][gates], hidden zero point folded in; NULL if packed */
    const uint32_t *packed_weights;      /* all of the above, see src/arch/packed_dsp.h and lanes_helium.h; else NULL */
    const kws_gate_factor *packed_factors; /* KWS_ARCH_DSP: [gates][2], of input and hidden state; or NULL */
    /* [2][gates], of input and hidden state, to Q3.12. */
#if KWS_ARCH == KWS_ARCH_DSP
    const kws_factor *factors; /* NULL if packed */
#else
    kws_factor factors[2 * KWS_GATES];
#endif
    kws_factor hidden_factor;               /* output gate times tanh(cell) */
    int32_t hidden_zero_point;
    int32_t cell_scale_power; /* the cell's scale is 2 to this power */
    int32_t cell_clip;        /* 0 for none */
    uint16_t rows;            /* steps in a call */
    uint16_t inputs;
    uint16_t units;
    uint8_t add_shift; /* the add factor is 2^(-1 - add_shift); the keep factor is 2^-15 */
} kws_lstm;

void kws_lstm_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
