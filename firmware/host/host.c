/*
 * What the Python engine `c` calls: the same library and model as a board's, with every
 * intermediate result gathered on the way. Built only into the host's shared library.
 */
#include <string.h>

#include "kws/model.h"
#include "kws_model.h"

/*
 * Arrays for as many frames or calls as there will be. Of a call the outputs of all layers lie back to
 * back, and so do the bytes of all states. Both may be NULL: then they are not gathered. `calls` is how many calls
 * of the network kws_host_process made; behind a gate they are not as many as frames.
 */
typedef struct kws_host_output {
    int8_t *features;
    int8_t *layers;
    uint8_t *states;
    int8_t *posteriors;
    int32_t *labels;
    uint32_t *scores;
    uint32_t *frames;
    uint32_t *calls;
} kws_host_output;

/* Exported to ctypes only, so no header declares them. */
size_t kws_host_memory_bytes(void);
const char *kws_host_model_id(void);
int kws_host_init(void *memory, size_t bytes);
void kws_host_reset(void *memory);
int64_t kws_host_process(void *memory, const int16_t *pcm, size_t count, const kws_host_output *out);
void kws_host_decide(void *memory, const int8_t *posteriors, size_t count, const kws_host_output *out);
int kws_host_run_network(void *memory, const int8_t *input, size_t calls, const kws_host_output *out);

typedef struct cursor {
    int8_t *layers;
    uint8_t *states;
    uint32_t calls;
} cursor;

static void keep_layer(void *context, uint32_t layer, const int8_t *output, size_t count)
{
    cursor *c = (cursor *)context;
    c->calls += layer == 0;
    memcpy(c->layers, output, count);
    c->layers += count;
}

static void keep_state(void *context, uint32_t layer, uint32_t state, const void *values, size_t bytes)
{
    cursor *c = (cursor *)context;
    (void)layer;
    (void)state;
    memcpy(c->states, values, bytes);
    c->states += bytes;
}

static void trace_into(cursor *c)
{
    kws_tracing.layer = c && c->layers ? keep_layer : NULL;
    kws_tracing.state = c && c->states ? keep_state : NULL;
    kws_tracing.context = c;
}

const char *kws_host_model_id(void)
{
    return KWS_MODEL_ID;
}

#if KWS_MODEL_HAS_FRONTEND

size_t kws_host_memory_bytes(void)
{
    return KWS_MODEL_SPOTTER_WORDS * sizeof(kws_word);
}

int kws_host_init(void *memory, size_t bytes)
{
    kws_spotter *spotter;
    return kws_spotter_init(&spotter, &kws_model_data, memory, bytes);
}

void kws_host_reset(void *memory)
{
    kws_spotter_reset((kws_spotter *)memory);
}

static void *network_memory(void *memory)
{
    return ((kws_spotter *)memory)->network;
}

int64_t kws_host_process(void *memory, const int16_t *pcm, size_t count, const kws_host_output *out)
{
    cursor c = {out->layers, out->states, 0};
    int64_t frame = 0;
    int64_t code = KWS_OK;
    trace_into(&c);
    while (count > 0) {
        kws_result result;
        const int32_t used = kws_spotter_process((kws_spotter *)memory, pcm, count, &result);
        if (used < 0) {
            code = used;
            break;
        }
        pcm += used;
        count -= (size_t)used;
        if (!result.posteriors) {
            continue;
        }
        memcpy(out->features + frame * KWS_MODEL_BANDS, result.features, KWS_MODEL_BANDS);
        memcpy(out->posteriors + frame * KWS_MODEL_LABELS, result.posteriors, KWS_MODEL_LABELS);
        out->labels[frame] = result.label;
        out->scores[frame] = result.score;
        out->frames[frame] = result.frame;
        frame++;
    }
    trace_into(NULL); /* however it went: the cursor ends here */
    *out->calls = c.calls;
    return code < 0 ? code : frame;
}

void kws_host_decide(void *memory, const int8_t *posteriors, size_t count, const kws_host_output *out)
{
    kws_spotter *spotter = (kws_spotter *)memory;
    for (size_t i = 0; i < count; i++) {
        kws_result result = {.label = -1, .score = 0};
        kws_decision_step(spotter->model->decision, spotter->decision, posteriors + i * KWS_MODEL_LABELS, &result);
        out->labels[i] = result.label;
        out->scores[i] = result.score;
        out->frames[i] = spotter->frame++;
    }
}

#else

size_t kws_host_memory_bytes(void)
{
    return KWS_MODEL_NETWORK_WORDS * sizeof(kws_word);
}

int kws_host_init(void *memory, size_t bytes)
{
    return bytes < kws_host_memory_bytes() ? KWS_ERROR_MEMORY : kws_network_reset(&kws_model_network, memory);
}

void kws_host_reset(void *memory)
{
    kws_network_reset(&kws_model_network, memory);
}

static void *network_memory(void *memory)
{
    return memory;
}

int64_t kws_host_process(void *memory, const int16_t *pcm, size_t count, const kws_host_output *out)
{
    (void)memory;
    (void)pcm;
    (void)count;
    (void)out;
    return 0;
}

void kws_host_decide(void *memory, const int8_t *posteriors, size_t count, const kws_host_output *out)
{
    (void)memory;
    (void)posteriors;
    (void)count;
    (void)out;
}

#endif

int kws_host_run_network(void *memory, const int8_t *input, size_t calls, const kws_host_output *out)
{
    cursor c = {out->layers, out->states, 0};
    int32_t code = KWS_OK;
    trace_into(&c);
    for (size_t i = 0; i < calls && code == KWS_OK; i++) {
        const int8_t *result = NULL;
        code = kws_network_run(&kws_model_network, network_memory(memory), input + i * KWS_MODEL_INPUT_SIZE, &result);
        if (code == KWS_OK) {
            memcpy(out->posteriors + i * KWS_MODEL_OUTPUT_SIZE, result, KWS_MODEL_OUTPUT_SIZE);
        }
    }
    trace_into(NULL);
    return code;
}
