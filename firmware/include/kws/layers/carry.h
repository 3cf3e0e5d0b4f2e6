/* A state that a network hands to itself: docs/SPEC.md, "Carried states". */
#ifndef KWS_LAYERS_CARRY_H
#define KWS_LAYERS_CARRY_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The layer's output is its state: the layers before it read what it kept in the call before. */
typedef struct kws_carry {
    uint16_t size;
} kws_carry;

void kws_carry_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#ifdef __cplusplus
}
#endif

#endif
