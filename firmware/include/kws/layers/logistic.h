/* The logistic function, element by element: docs/SPEC.md, "Logistic". */
#ifndef KWS_LAYERS_LOGISTIC_H
#define KWS_LAYERS_LOGISTIC_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_logistic {
    const int8_t *values; /* [256]: of 0, 1, ... 127, -128, ... -1 */
} kws_logistic;

void kws_logistic_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
