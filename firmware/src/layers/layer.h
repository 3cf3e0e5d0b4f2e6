/* Where a layer finds what it reads and writes. */
#ifndef KWS_LAYER_H
#define KWS_LAYER_H

#include "kws/model.h"

/* The tensor that it reads as its number-th; `input` is the network's. */
static inline const int8_t *kws_layer_input(const kws_layer *layer, uint32_t number, const uint8_t *memory,
                                            const int8_t *input)
{
    const uint32_t offset = layer->inputs[number];
    return offset == KWS_NETWORK_INPUT ? input : (const int8_t *)memory + offset;
}

static inline int8_t *kws_layer_output(const kws_layer *layer, uint8_t *memory)
{
    return (int8_t *)memory + layer->output;
}

/* Aligned to 4 bytes, as all is. */
static inline void *kws_layer_state(const kws_layer *layer, uint32_t number, uint8_t *memory)
{
    return memory + layer->states[number].offset;
}

static inline void *kws_layer_scratch(const kws_layer *layer, uint8_t *memory)
{
    return memory + layer->scratch;
}

#endif
