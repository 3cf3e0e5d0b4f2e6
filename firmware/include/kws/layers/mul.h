/* The product of two tensors, element by element: docs/SPEC.md, "Product". */
#ifndef KWS_LAYERS_MUL_H
#define KWS_LAYERS_MUL_H

#include "kws/layers/pair.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_mul {
    kws_pair pair;
    kws_factor factor;
} kws_mul;

void kws_mul_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
