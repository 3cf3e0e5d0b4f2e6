/* int8 or int16 at another scale, zero point and type: docs/SPEC.md, "Quantize". */
#ifndef KWS_LAYERS_QUANTIZE16_H
#define KWS_LAYERS_QUANTIZE16_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_quantize16 {
    kws_factor factor;
    int32_t input_zero_point;
    int32_t output_zero_point;
    uint8_t input_bytes; /* of a value: 1 or 2 */
    uint8_t output_bytes;
} kws_quantize16;

void kws_quantize16_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
