/* Values around a tensor: docs/SPEC.md, "Layers that move values". */
#ifndef KWS_LAYERS_PAD_H
#define KWS_LAYERS_PAD_H

#include "kws/layers/move.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_pad {
    kws_move move;
    int8_t value;
} kws_pad;

void kws_pad_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
