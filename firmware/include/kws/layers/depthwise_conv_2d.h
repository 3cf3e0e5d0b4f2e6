/* The int8 depthwise convolution: docs/SPEC.md, "Depthwise convolution". */
#ifndef KWS_LAYERS_DEPTHWISE_CONV_2D_H
#define KWS_LAYERS_DEPTHWISE_CONV_2D_H

#include "kws/layers/window.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where it is fast, with KWS_ARCH_DSP if the weights are packed and with KWS_ARCH_HELIUM if at_once is not 0, the
 * scratch holds a pointer to what each tap sees, one more if their number is odd, and a pixel of zero points.
 */
typedef struct kws_depthwise_conv_2d {
    const int8_t *weights;                /* [kernel rows][kernel columns][outputs]; NULL if packed */
    const uint32_t *packed_weights;       /* KWS_ARCH_DSP: see src/arch/depthwise_dsp.h; else NULL */
    const kws_factor *factors;            /* one, or one an output; NULL if packed */
    const kws_dsp_factor *packed_factors; /* as factors; else NULL */
    const int32_t *bias;                  /* [outputs], input zero point folded in */
    kws_window window;
    uint16_t multiplier; /* outputs of a channel */
    uint16_t outputs;
    uint8_t at_once; /* KWS_ARCH_HELIUM: taps one after another whose sums fit int16; 0 if it is not fast */
    int32_t input_zero_point;
    uint8_t per_channel;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
} kws_depthwise_conv_2d;

void kws_depthwise_conv_2d_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
