/*
 * What a browser calls: one spotter of one model, and the places where samples and int8 values go in and
 * results come out. Addresses are offsets into the module's memory, which never grows. Nothing is traced: it is
 * the library as a board has it.
 */
#include "kws/model.h"
#include "kws_model.h"

#define SAMPLES 4096u
#define EXPORT(name) __attribute__((export_name(#name)))

/* Exported to JavaScript only, so no header declares them. */
uint32_t web_tag(void);
int32_t web_init(void);
int16_t *web_pcm(void);
uint32_t web_pcm_size(void);
int8_t *web_input(void);
const kws_result *web_result(void);
int32_t web_process(uint32_t first, uint32_t count);
int32_t web_run(void);
void web_decide(void);
int32_t web_open(uint32_t frames);

static kws_result result;

/* The first digits of the model's id. */
EXPORT(tag) uint32_t web_tag(void)
{
    return KWS_MODEL_TAG;
}

EXPORT(result) const kws_result *web_result(void)
{
    return &result;
}

#if KWS_MODEL_HAS_FRONTEND

#define MOST(a, b) ((a) > (b) ? (a) : (b))

static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
static kws_spotter *spotter;
static int16_t pcm[SAMPLES];
static int8_t input[MOST(KWS_MODEL_INPUT_SIZE, KWS_MODEL_LABELS)];

/* Also what forgets all samples, states and detections. */
EXPORT(init) int32_t web_init(void)
{
    result = (kws_result){.label = -1, .score = 0};
    return kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory);
}

EXPORT(pcm) int16_t *web_pcm(void)
{
    return pcm;
}

EXPORT(pcm_size) uint32_t web_pcm_size(void)
{
    return SAMPLES;
}

/* Samples `first` to `first + count` of pcm: as kws_spotter_process, with its result where web_result says. */
EXPORT(process) int32_t web_process(uint32_t first, uint32_t count)
{
    if (first > SAMPLES || count > SAMPLES - first) {
        return KWS_ERROR_ARGUMENT;
    }
    return kws_spotter_process(spotter, pcm + first, count, &result);
}

/* The posteriors that lie where web_input says, to the decision alone: one frame. */
EXPORT(decide) void web_decide(void)
{
    result = (kws_result){.label = -1, .score = 0, .frame = spotter->frame++};
    kws_decision_step(spotter->model->decision, spotter->decision, input, &result);
}

/* The listening window, for so many frames. */
EXPORT(open) int32_t web_open(uint32_t frames)
{
    return kws_spotter_open(spotter, frames);
}

static void *network_memory(void)
{
    return spotter->network;
}

#else

static kws_word memory[KWS_MODEL_NETWORK_WORDS];
static int8_t input[KWS_MODEL_INPUT_SIZE];

EXPORT(init) int32_t web_init(void)
{
    return kws_network_reset(&kws_model_network, memory);
}

static void *network_memory(void)
{
    return memory;
}

#endif

EXPORT(input) int8_t *web_input(void)
{
    return input;
}

/* The values that lie where web_input says, through the network alone: result.posteriors says where its output lies. */
EXPORT(run) int32_t web_run(void)
{
    return kws_network_run(&kws_model_network, network_memory(), input, &result.posteriors);
}
