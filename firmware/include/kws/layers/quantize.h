/* int8 at another scale and zero point: docs/SPEC.md, "Quantize". */
#ifndef KWS_LAYERS_QUANTIZE_H
#define KWS_LAYERS_QUANTIZE_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_quantize {
    kws_factor factor;
    int32_t input_zero_point;
    int32_t output_zero_point;
} kws_quantize;

void kws_quantize_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
