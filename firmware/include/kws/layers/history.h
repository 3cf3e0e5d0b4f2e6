/* The newest rows of earlier calls in front of this call's: docs/SPEC.md, "History". */
#ifndef KWS_LAYERS_HISTORY_H
#define KWS_LAYERS_HISTORY_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_history {
    uint16_t kept;       /* values of earlier calls */
    uint16_t new_values; /* of a call */
} kws_history;

void kws_history_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
