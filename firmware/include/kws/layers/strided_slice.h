/* Some of the values along each axis: docs/SPEC.md, "Layers that move values". */
#ifndef KWS_LAYERS_STRIDED_SLICE_H
#define KWS_LAYERS_STRIDED_SLICE_H

#include "kws/layers/move.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_strided_slice {
    kws_move move;
} kws_strided_slice;

void kws_strided_slice_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
