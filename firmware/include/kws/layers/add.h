/* The sum and the difference of two tensors: docs/SPEC.md, "Sum and difference". */
#ifndef KWS_LAYERS_ADD_H
#define KWS_LAYERS_ADD_H

#include "kws/layers/pair.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_add {
    kws_pair pair;
    kws_factor factors[3]; /* of the first, of the second, of the result */
    uint8_t subtract;
} kws_add;

void kws_add_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
