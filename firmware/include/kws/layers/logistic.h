/* The logistic function, element by element: docs/SPEC.md, "Logistic". */
#ifndef KWS_LAYERS_LOGISTIC_H
#define KWS_LAYERS_LOGISTIC_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_logistic {
    kws_factor factor; /* to Q4.27 */
    int32_t input_zero_point;
    int32_t radius;
} kws_logistic;

void kws_logistic_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
