/* A chain of layers. Twin of kws/fixedpoint/network.py. */
#include <string.h>

#include "layers.h"

#ifdef KWS_TRACE
kws_trace kws_tracing;
#endif

/* Of the memory: c is int16, and an architecture may read h and the buffers in words. */
#define ALIGNMENT 4u

int32_t kws_network_reset(const kws_network *network, void *memory)
{
    if (network == NULL || memory == NULL) {
        return KWS_ERROR_ARGUMENT;
    }
    if (network->arch != KWS_ARCH) {
        return KWS_ERROR_MODEL;
    }
    if ((uintptr_t)memory % ALIGNMENT != 0) {
        return KWS_ERROR_ALIGNMENT;
    }
    for (uint32_t i = 0; i < network->layer_count; i++) {
        if (network->layers[i].kind == KWS_LSTM) {
            kws_lstm_reset((const kws_lstm *)network->layers[i].kernel, (uint8_t *)memory);
        }
    }
    return KWS_OK;
}

static void run_layer(const kws_layer *layer, uint32_t index, uint8_t *memory, const int8_t *x, int8_t *output)
{
    for (uint32_t row = 0; row < layer->rows_out; row++) {
        const int8_t *from = x + row * layer->size_in;
        int8_t *to = output + row * layer->size_out;
        switch (layer->kind) {
        case KWS_LSTM:
            kws_lstm_step((const kws_lstm *)layer->kernel, memory, from, to);
#ifdef KWS_TRACE
            if (kws_tracing.cell) {
                const kws_lstm *lstm = (const kws_lstm *)layer->kernel;
                kws_tracing.cell(kws_tracing.context, index,
                                 (const int16_t *)(const void *)(memory + lstm->cell_offset), lstm->units);
            }
#endif
            break;
        case KWS_FULLY_CONNECTED:
            kws_fully_connected_run((const kws_fully_connected *)layer->kernel, from, to);
            break;
        case KWS_SOFTMAX:
            kws_softmax_run((const kws_softmax *)layer->kernel, from, to, layer->size_out);
            break;
        case KWS_LOGISTIC:
            kws_logistic_run((const kws_logistic *)layer->kernel, from, to, layer->size_out);
            break;
        case KWS_ROW_SLICE: {
            const kws_row_slice *slice = (const kws_row_slice *)layer->kernel;
            memcpy(to, x + ((uint32_t)slice->start + row * slice->step) * layer->size_in, layer->size_out);
            break;
        }
        }
    }
#ifdef KWS_TRACE
    if (kws_tracing.layer) {
        kws_tracing.layer(kws_tracing.context, index, output, (size_t)layer->rows_out * layer->size_out);
    }
#else
    (void)index;
#endif
}

int32_t kws_network_run(const kws_network *network, void *memory, const int8_t *input, const int8_t **result)
{
    if (network == NULL || memory == NULL || input == NULL || result == NULL) {
        return KWS_ERROR_ARGUMENT;
    }
    if (network->arch != KWS_ARCH) {
        return KWS_ERROR_MODEL;
    }
    if ((uintptr_t)memory % ALIGNMENT != 0) {
        return KWS_ERROR_ALIGNMENT;
    }
    const int8_t *x = input;
    for (uint32_t i = 0; i < network->layer_count; i++) {
        int8_t *output = (int8_t *)memory + network->buffer_offset[i % 2];
        run_layer(&network->layers[i], i, (uint8_t *)memory, x, output);
        x = output;
    }
    *result = x;
    return KWS_OK;
}
