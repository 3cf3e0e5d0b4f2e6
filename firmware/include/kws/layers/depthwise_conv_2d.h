/* The int8 depthwise convolution: docs/SPEC.md, "Depthwise convolution". */
#ifndef KWS_LAYERS_DEPTHWISE_CONV_2D_H
#define KWS_LAYERS_DEPTHWISE_CONV_2D_H

#include "kws/layers/window.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where the weights are packed, the scratch holds a pointer to what each tap sees, one more if their number is odd,
 * and a pixel of zero points; where they are laid out in tiles, with KWS_ARCH_DSP 9 words of numbers and two strips of
 * 28 for each of four channels, with Helium 16 bytes and 64 for each row of a strip, of which there are two more than
 * rows of the output rounded up to a multiple of 4, and at most 30.
 */
typedef struct kws_depthwise_conv_2d {
    const int8_t *weights;          /* [kernel rows][kernel columns][outputs]; NULL if packed or in tiles */
    const int32_t *bias;            /* [outputs], input zero point folded in; NULL likewise */
    const kws_factor *factors;      /* one, or one an output; NULL likewise */
    const uint32_t *packed_weights; /* all of these, see src/arch/depthwise_dsp.h and depthwise_helium.h; else NULL */
    const uint32_t *tile_weights;   /* all of these, see src/arch/depthwise_tiles_*.h; else NULL */
    kws_window window;
    uint16_t multiplier; /* outputs of a channel */
    uint16_t outputs;
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
