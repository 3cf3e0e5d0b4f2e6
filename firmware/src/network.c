/* A graph of layers. Twin of kws/fixedpoint/network.py. */
#include "kws/model.h"

#ifdef KWS_TRACE
kws_trace kws_tracing;
#endif

/* Of the memory: an architecture may read tensors and states in words. */
#define ALIGNMENT 4u

static int32_t check(const kws_network *network, const void *memory)
{
    return network == NULL || memory == NULL        ? KWS_ERROR_ARGUMENT
           : network->arch != KWS_ARCH              ? KWS_ERROR_MODEL
           : (uintptr_t)memory % ALIGNMENT != 0     ? KWS_ERROR_ALIGNMENT
                                                    : KWS_OK;
}

static void reset_state(const kws_state *state, uint8_t *memory)
{
    void *values = memory + state->offset;
    for (uint32_t i = 0; i < state->count; i++) {
        switch (state->element_bytes) {
        case 1:
            ((int8_t *)values)[i] = (int8_t)state->reset;
            break;
        case 2:
            ((int16_t *)values)[i] = (int16_t)state->reset;
            break;
        default:
            ((int32_t *)values)[i] = state->reset;
            break;
        }
    }
}

int32_t kws_network_reset(const kws_network *network, void *memory)
{
    const int32_t code = check(network, memory);
    if (code != KWS_OK) {
        return code;
    }
    for (uint32_t i = 0; i < network->layer_count; i++) {
        const uint32_t kind = network->layers[i].kind;
        if (kind >= KWS_KINDS || !(kws_known_kinds.layers >> kind & 1u)) {
            return KWS_ERROR_MODEL;
        }
    }
    for (uint32_t i = 0; i < network->state_count; i++) {
        reset_state(&network->states[i], (uint8_t *)memory);
    }
    return KWS_OK;
}

#ifdef KWS_TRACE
static void trace(const kws_layer *layer, uint32_t index, uint8_t *memory)
{
    if (kws_tracing.layer) {
        kws_tracing.layer(kws_tracing.context, index, (const int8_t *)memory + layer->output, layer->output_size);
    }
    for (uint32_t i = 0; kws_tracing.state && i < layer->state_count; i++) {
        const kws_state *state = &layer->states[i];
        kws_tracing.state(kws_tracing.context, index, i, memory + state->offset,
                          (size_t)state->count * state->element_bytes);
    }
}
#endif

int32_t kws_network_run(const kws_network *network, void *memory, const int8_t *input, const int8_t **result)
{
    if (input == NULL || result == NULL) {
        return KWS_ERROR_ARGUMENT;
    }
    const int32_t code = check(network, memory);
    if (code != KWS_OK) {
        return code;
    }
    const kws_layer *end = network->layers + network->layer_count;
    *result = (const int8_t *)memory + end[-1].output;
    for (const kws_layer *layer = network->layers; layer < end; layer++) {
        kws_layer_run(layer, (uint8_t *)memory, input);
#ifdef KWS_TRACE
        trace(layer, (uint32_t)(layer - network->layers), (uint8_t *)memory);
#endif
    }
    return KWS_OK;
}

#ifdef KWS_MODEL_SLOT
/*
 * A program that finds its model in the slot has all kinds of layers. In any other the generated
 * kws_model.c has this function, with the kinds of its model alone.
 */
#define KWS_KIND(NAME, name) void kws_##name##_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);
#include "kws/layers/kinds.def"
#undef KWS_KIND

void kws_layer_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    switch (layer->kind) {
#define KWS_KIND(NAME, name)            \
    case KWS_##NAME:                    \
        kws_##name##_run(layer, memory, input); \
        break;
#include "kws/layers/kinds.def"
#undef KWS_KIND
    default:
        break;
    }
}
#endif
