/* The fully connected layer: docs/SPEC.md, "Fully connected". */
#ifndef KWS_LAYERS_FULLY_CONNECTED_H
#define KWS_LAYERS_FULLY_CONNECTED_H

#include "kws/layers/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the weights are packed, the scratch holds int16_t [inputs], rounded up to 4. */
typedef struct kws_fully_connected {
    kws_rows rows;
} kws_fully_connected;

void kws_fully_connected_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
