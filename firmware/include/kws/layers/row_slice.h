/* Some of the rows of a tensor: docs/SPEC.md, "Network". */
#ifndef KWS_LAYERS_ROW_SLICE_H
#define KWS_LAYERS_ROW_SLICE_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps rows start, start + step, ... */
typedef struct kws_row_slice {
    uint16_t start;
    uint16_t step;
    uint16_t rows; /* kept */
    uint16_t size; /* of a row */
} kws_row_slice;

void kws_row_slice_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
