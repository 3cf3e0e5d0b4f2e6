/* The pipeline: front end, gate, network, decision. Twin of kws/fixedpoint/spotter.py. */
#include <string.h>

#include "kws/model.h"

#include "arch/copy.h"

static int aligned(const void *memory)
{
    return (uintptr_t)memory % sizeof(void *) == 0;
}

/* The next `bytes` of the caller's memory, rounded up so that everything stays aligned. */
static void *take(uint8_t **next, uint32_t bytes)
{
    void *start = *next;
    *next += KWS_ALIGN4(bytes);
    return start;
}

/* One test of all three, for the sake of flash; no set has more than 16 kinds. */
static int known(uint32_t frontend, uint32_t decision, int gated)
{
    const kws_kinds *kinds = &kws_known_kinds;
    return (frontend | decision) < 16u &&
           ((uint32_t)kinds->frontends >> frontend & (uint32_t)kinds->decisions >> decision &
            (uint32_t)kinds->gates >> gated & 1u) != 0;
}

int32_t kws_spotter_init(kws_spotter **result, const kws_model *model, void *memory, size_t bytes)
{
    if (result == NULL || model == NULL || memory == NULL) {
        return KWS_ERROR_ARGUMENT;
    }
    if (model->format != KWS_MODEL_FORMAT || model->arch != KWS_ARCH) {
        return KWS_ERROR_MODEL;
    }
    if (!aligned(memory)) {
        return KWS_ERROR_ALIGNMENT;
    }
    const kws_frontend *f = model->frontend;
    const kws_decision *d = model->decision;
    if (!known(f->kind, d->kind, model->gate != NULL)) {
        return KWS_ERROR_MODEL;
    }
    if (bytes < KWS_SPOTTER_BYTES(f->memory_bytes, model->network_bytes, (uint32_t)f->pcm_size, d->memory_bytes,
                                  (uint32_t)f->bands, model->gate_bytes)) {
        return KWS_ERROR_MEMORY;
    }
    uint8_t *next = (uint8_t *)memory;
    kws_spotter *spotter = (kws_spotter *)take(&next, (uint32_t)sizeof(kws_spotter));
    void *frontend = take(&next, f->memory_bytes);
    uint32_t *network = (uint32_t *)take(&next, model->network_bytes);
    /* First, since it refuses a network before it writes anything. */
    const int32_t code = kws_network_reset(model->network, network);
    if (code != KWS_OK) {
        return code;
    }
    spotter->model = model;
    spotter->frontend = frontend;
    spotter->network = network;
    spotter->pcm = (int16_t *)take(&next, 2u * f->pcm_size);
    spotter->decision = take(&next, d->memory_bytes);
    spotter->features = (int8_t *)take(&next, f->bands);
    memset(spotter->pcm, 0, 2u * f->pcm_size);
    spotter->magic = KWS_SPOTTER_MAGIC;
    *result = spotter;
    return kws_spotter_reset(spotter);
}

static void *gate_memory(const kws_spotter *spotter)
{
    return spotter->features + KWS_ALIGN4((uint32_t)spotter->model->frontend->bands);
}

/* KWS_OK if it came from kws_spotter_init. */
static int32_t check(const kws_spotter *spotter)
{
    return spotter == NULL                       ? KWS_ERROR_ARGUMENT
           : !aligned(spotter)                   ? KWS_ERROR_ALIGNMENT
           : spotter->magic != KWS_SPOTTER_MAGIC ? KWS_ERROR_UNINITIALISED
                                                 : KWS_OK;
}

int32_t kws_spotter_reset(kws_spotter *spotter)
{
    const int32_t code = check(spotter);
    if (code != KWS_OK) {
        return code;
    }
    spotter->frame = 0;
    spotter->filled = 0;
    const kws_model *model = spotter->model;
    kws_frontend_reset(model->frontend, spotter->frontend);
    kws_decision_reset(model->decision, spotter->decision);
    kws_gate_reset(model, gate_memory(spotter));
    return kws_network_reset(model->network, spotter->network);
}

int32_t kws_spotter_process(kws_spotter *spotter, const int16_t *pcm, size_t count, kws_result *result)
{
    const int32_t code = check(spotter);
    if (code != KWS_OK) {
        return code;
    }
    if (result == NULL || (pcm == NULL && count > 0)) {
        return KWS_ERROR_ARGUMENT;
    }
    const kws_frontend *f = spotter->model->frontend;
    const size_t wanted = f->window_size - spotter->filled;
    const size_t used = count < wanted ? count : wanted;
    result->posteriors = NULL;
    result->features = NULL;
    result->frame = spotter->frame;
    result->label = -1;
    result->score = 0;
    if (used == 0) {
        return 0; /* pcm may be NULL then, which memcpy may not be given */
    }
    /* FRONT/1 */
    kws_copy(spotter->pcm + spotter->filled, pcm, (uint32_t)(used * sizeof pcm[0]));
    spotter->filled += (uint32_t)used;
    if (spotter->filled < f->window_size) {
        return (int32_t)used;
    }
    /* SPOT/1 */
    kws_frontend_run(f, spotter->frontend, spotter->pcm, spotter->features);
    spotter->filled -= f->hop;
    kws_copy(spotter->pcm, spotter->pcm + f->hop, (uint32_t)(spotter->filled * sizeof pcm[0]));
    result->features = spotter->features;
    /* SPOT/2 */
    result->posteriors =
        kws_gate_run(spotter->model, gate_memory(spotter), spotter->network, spotter->features);
    /* SPOT/3 */
    kws_decision_step(spotter->model->decision, spotter->decision, result->posteriors, result);
    spotter->frame++;
    return (int32_t)used;
}

const char *kws_label(const kws_spotter *spotter, int32_t index)
{
    if (check(spotter) != KWS_OK || index < 0 || index >= spotter->model->label_count) {
        return NULL;
    }
    return spotter->model->labels[index];
}
