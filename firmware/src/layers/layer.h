/* Where a layer finds what it reads and writes. */
#ifndef KWS_LAYER_H
#define KWS_LAYER_H

#include "kws/model.h"

static inline const int8_t *kws_layer_input(const kws_layer *layer, uint32_t number, const kws_tensors *tensors)
{
    const uint32_t offset = layer->inputs[number];
    return offset == KWS_NETWORK_INPUT ? tensors->input : (const int8_t *)tensors->memory + offset;
}

static inline int8_t *kws_layer_output(const kws_layer *layer, const kws_tensors *tensors)
{
    return (int8_t *)tensors->memory + layer->output;
}

/* Aligned to 4 bytes, as all is. */
static inline void *kws_layer_state(const kws_layer *layer, uint32_t number, const kws_tensors *tensors)
{
    return tensors->memory + layer->states[number].offset;
}

static inline void *kws_layer_scratch(const kws_layer *layer, const kws_tensors *tensors)
{
    return tensors->memory + layer->scratch;
}

#endif
