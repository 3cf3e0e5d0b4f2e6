/* The hyperbolic tangent, element by element: docs/SPEC.md, "Hyperbolic tangent". */
#ifndef KWS_LAYERS_TANH8_H
#define KWS_LAYERS_TANH8_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_tanh8 {
    kws_factor factor; /* to Q4.27 */
    int32_t input_zero_point;
    int32_t radius;
} kws_tanh8;

void kws_tanh8_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
