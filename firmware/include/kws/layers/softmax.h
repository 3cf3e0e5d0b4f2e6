/* Softmax over rows: docs/SPEC.md, "Softmax". */
#ifndef KWS_LAYERS_SOFTMAX_H
#define KWS_LAYERS_SOFTMAX_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_softmax {
    const int32_t *exponentials; /* [differences]: of 0, -1, ... from the greatest value, Q0.31; of any other none counts */
    uint16_t differences;
    uint16_t rows;
    uint16_t size; /* of a row */
} kws_softmax;

void kws_softmax_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
