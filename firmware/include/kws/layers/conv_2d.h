/* The int8 convolution: docs/SPEC.md, "Convolution". */
#ifndef KWS_LAYERS_CONV_2D_H
#define KWS_LAYERS_CONV_2D_H

#include "kws/layers/rows.h"
#include "kws/layers/window.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The rows' inputs are kernel rows, kernel columns and channels of a group, their outputs those of a group; the
 * groups' weights, biases and factors lie one after another. But with KWS_ARCH_PORTABLE, the scratch holds what the
 * window sees, int8_t [inputs] rounded up to 4; with KWS_ARCH_DSP the same as int16_t.
 */
typedef struct kws_conv_2d {
    kws_rows rows;
    kws_window window;
    uint16_t groups;
    int32_t input_zero_point;
} kws_conv_2d;

void kws_conv_2d_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
