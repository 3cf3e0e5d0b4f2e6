/* What layers of two tensors have in common: docs/SPEC.md, "Sum and difference". */
#ifndef KWS_LAYERS_PAIR_H
#define KWS_LAYERS_PAIR_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Both are walked through in the output's order; what is broadcast has steps of 0. */
typedef struct kws_pair {
    const int8_t *constants[2]; /* an operand's values, or NULL where it is a tensor that the layer reads */
    uint16_t dims[4];
    uint16_t apart[2][4];   /* elements from one index to the next, of each operand */
    int16_t zero_points[2]; /* of each operand */
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
} kws_pair;

#ifdef __cplusplus
}
#endif

#endif
