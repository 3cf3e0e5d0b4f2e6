/* Rows of weights times a vector, and from the sums to int8: what fully connected layers and convolutions share. */
#ifndef KWS_LAYERS_ROWS_H
#define KWS_LAYERS_ROWS_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_rows {
    const int8_t *weights;                /* [outputs][inputs]; NULL if packed */
    const int32_t *bias;                  /* [outputs], input zero point folded in; NULL if packed */
    const kws_factor *factors;            /* one, or one an output; NULL if packed */
    const uint32_t *packed_weights;       /* KWS_ARCH_DSP: of four rows at a time, see src/arch/packed_dsp.h; else NULL */
    const kws_dsp_factor *packed_factors; /* one, or one a row, their number rounded up to 4; else NULL */
    uint16_t inputs;
    uint16_t outputs;
    uint16_t vectors; /* that a call multiplies by them: a convolution's pixels */
    uint8_t per_channel;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
} kws_rows;

#ifdef __cplusplus
}
#endif

#endif
