/* Values that move from one tensor to another: docs/SPEC.md, "Layers that move values". */
#ifndef KWS_LAYERS_MOVE_H
#define KWS_LAYERS_MOVE_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_move {
    uint16_t source; /* the first element that is read */
    uint16_t target; /* the first that is written */
    uint16_t dims[4];
    uint16_t source_apart[4]; /* elements from one index to the next */
    uint16_t target_apart[4];
} kws_move;

#ifdef __cplusplus
}
#endif

#endif
