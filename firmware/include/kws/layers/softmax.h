/* Softmax over rows: docs/SPEC.md, "Softmax". */
#ifndef KWS_LAYERS_SOFTMAX_H
#define KWS_LAYERS_SOFTMAX_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_softmax {
    kws_factor factor; /* to Q5.26 */
    int32_t difference_min;
    uint16_t rows;
    uint16_t size; /* of a row */
} kws_softmax;

void kws_softmax_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
