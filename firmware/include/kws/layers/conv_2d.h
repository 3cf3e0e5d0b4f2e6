/* The int8 convolution: docs/SPEC.md, "Convolution". */
#ifndef KWS_LAYERS_CONV_2D_H
#define KWS_LAYERS_CONV_2D_H

#include "kws/layers/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_conv_2d {
    const int8_t *weights; /* [outputs][kernel rows][kernel columns][channels of a group] */
    const int32_t *bias;   /* [outputs], input zero point folded in */
    kws_window window;
    uint16_t groups;
    uint16_t outputs;
    int32_t input_zero_point;
    const kws_factor *factors; /* one, or one an output */
    uint8_t per_channel;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
} kws_conv_2d;

void kws_conv_2d_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
