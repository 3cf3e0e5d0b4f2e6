/* The mean over axes: docs/SPEC.md, "Mean". */
#ifndef KWS_LAYERS_MEAN_H
#define KWS_LAYERS_MEAN_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values `apart` elements from one another. */
typedef struct kws_run {
    uint16_t count;
    uint16_t apart;
} kws_run;

typedef struct kws_mean {
    kws_factor factor;
    kws_run kept[2];   /* the output's values */
    kws_run summed[2]; /* what each is the mean of */
    int32_t offset;    /* minus the input's zero point, as often as it is summed */
    int32_t output_zero_point;
} kws_mean;

void kws_mean_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
