/* Values that move from one tensor to another. Twin of kws/fixedpoint/layers/moves.py. */
#ifndef KWS_LAYER_MOVE_H
#define KWS_LAYER_MOVE_H

#include "kws/layers/move.h"

static inline void kws_move_values(const kws_move *move, const int8_t *from, int8_t *to)
{
    const uint16_t *dims = move->dims;
    from += move->source;
    to += move->target;
    for (uint32_t i = 0; i < dims[0]; i++) {
        for (uint32_t j = 0; j < dims[1]; j++) {
            for (uint32_t k = 0; k < dims[2]; k++) {
                const int8_t *x = from + i * move->source_apart[0] + j * move->source_apart[1] +
                                  k * move->source_apart[2];
                int8_t *y = to + i * move->target_apart[0] + j * move->target_apart[1] + k * move->target_apart[2];
                for (uint32_t l = 0; l < dims[3]; l++) {
                    *y = *x;
                    x += move->source_apart[3];
                    y += move->target_apart[3];
                }
            }
        }
    }
}

#endif
