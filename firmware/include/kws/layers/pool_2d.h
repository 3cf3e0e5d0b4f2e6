/* Averages and maxima of windows: docs/SPEC.md, "Pools". */
#ifndef KWS_LAYERS_POOL_2D_H
#define KWS_LAYERS_POOL_2D_H

#include "kws/layers/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_pool_2d {
    kws_window window;
    uint8_t average; /* or else the maximum */
    int32_t activation_min;
    int32_t activation_max;
} kws_pool_2d;

void kws_pool_2d_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
