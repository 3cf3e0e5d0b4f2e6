/* SVDF with an int16 state: docs/SPEC.md, "SVDF". */
#ifndef KWS_LAYERS_SVDF_H
#define KWS_LAYERS_SVDF_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_svdf {
    const int8_t *features;  /* [units][rank][inputs] */
    const int32_t *offsets;  /* [units][rank], minus the input's zero point times the weights */
    const int16_t *time;     /* [units][rank][memory], the oldest first */
    const int32_t *bias;     /* [units] */
    kws_factor factor_1;     /* to the state */
    kws_factor factor_2;     /* to the output */
    uint16_t inputs;
    uint16_t units;
    uint16_t rank;
    uint16_t memory;
    int32_t output_zero_point;
} kws_svdf;

void kws_svdf_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
