/* The hyperbolic tangent, element by element: docs/SPEC.md, "Hyperbolic tangent". */
#ifndef KWS_LAYERS_TANH8_H
#define KWS_LAYERS_TANH8_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_tanh8 {
    const int8_t *values; /* [256]: of 0, 1, ... 127, -128, ... -1 */
} kws_tanh8;

void kws_tanh8_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
