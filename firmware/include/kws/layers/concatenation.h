/* Tensors one behind another: docs/SPEC.md, "Layers that move values". */
#ifndef KWS_LAYERS_CONCATENATION_H
#define KWS_LAYERS_CONCATENATION_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_concatenation {
    const uint16_t *sizes; /* [parts]: values that each gives to a block */
    uint16_t parts;
    uint16_t blocks;
} kws_concatenation;

void kws_concatenation_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
