/* The operands of layers of two tensors. Twin of kws/fixedpoint/layers/pair.py. */
#ifndef KWS_LAYER_PAIR_H
#define KWS_LAYER_PAIR_H

#include "kws/layers/pair.h"
#include "layer.h"

/* Where both operands are, and how far along each axis. */
typedef struct kws_pair_walk {
    const int8_t *at[2];
    uint16_t index[4];
} kws_pair_walk;

static inline kws_pair_walk kws_pair_begin(const kws_pair *pair, const kws_layer *layer, const uint8_t *memory,
                                           const int8_t *input)
{
    kws_pair_walk walk = {{pair->constants[0], pair->constants[1]}, {0, 0, 0, 0}};
    uint32_t number = 0;
    for (uint32_t i = 0; i < 2; i++) {
        if (walk.at[i] == NULL) {
            walk.at[i] = kws_layer_input(layer, number++, memory, input);
        }
    }
    return walk;
}

static inline void kws_pair_step(const kws_pair *pair, kws_pair_walk *walk)
{
    for (uint32_t axis = 4; axis-- > 0;) {
        walk->at[0] += pair->apart[0][axis];
        walk->at[1] += pair->apart[1][axis];
        if (++walk->index[axis] < pair->dims[axis]) {
            return;
        }
        walk->index[axis] = 0;
        walk->at[0] -= (uint32_t)pair->apart[0][axis] * pair->dims[axis];
        walk->at[1] -= (uint32_t)pair->apart[1][axis] * pair->dims[axis];
    }
}

#endif
