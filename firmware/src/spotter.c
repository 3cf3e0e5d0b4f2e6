/* The pipeline: front end, network, detector. Twin of kws/fixedpoint/spotter.py. */
#include <string.h>

#include "decisions/detector.h"
#include "frontends/log_mel.h"

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
    const uint32_t ring_bytes = (uint32_t)model->detector->average_frames * model->label_count;
    if (bytes < KWS_SPOTTER_BYTES((uint32_t)f->n_fft, f->bands, (uint32_t)model->label_count,
                                  (uint32_t)model->detector->average_frames, model->network_bytes)) {
        return KWS_ERROR_MEMORY;
    }
    uint8_t *next = (uint8_t *)memory;
    kws_spotter *spotter = (kws_spotter *)take(&next, (uint32_t)sizeof(kws_spotter));
    spotter->model = model;
    spotter->spectrum = (int32_t *)take(&next, 4u * f->n_fft);
    spotter->network = (uint32_t *)take(&next, model->network_bytes);
    spotter->pcm = (int16_t *)take(&next, 2u * f->n_fft);
    spotter->sums = (uint16_t *)take(&next, 2u * model->label_count);
    spotter->ring = (uint8_t *)take(&next, ring_bytes);
    spotter->features = (int8_t *)take(&next, f->bands);
    memset(spotter->pcm, 0, 2u * f->n_fft);
    spotter->magic = KWS_SPOTTER_MAGIC;
    *result = spotter;
    return kws_spotter_reset(spotter);
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
    kws_detector_reset(spotter);
    return kws_network_reset(spotter->model->network, spotter->network);
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
    memcpy(spotter->pcm + spotter->filled, pcm, used * sizeof pcm[0]);
    spotter->filled += (uint32_t)used;
    if (spotter->filled < f->window_size) {
        return (int32_t)used;
    }
    kws_log_mel(f, spotter->pcm, spotter->spectrum, spotter->features);
    spotter->filled -= f->hop;
    memmove(spotter->pcm, spotter->pcm + f->hop, spotter->filled * sizeof pcm[0]);
    result->features = spotter->features;
    (void)kws_network_run(spotter->model->network, spotter->network, spotter->features, &result->posteriors);
    kws_detector_step(spotter, result->posteriors, result);
    spotter->frame++;
    return (int32_t)used;
}

const char *kws_label(const kws_spotter *spotter, int32_t index)
{
    return check(spotter) == KWS_OK && index >= 0 && index < spotter->model->label_count ? spotter->model->labels[index] : NULL;
}

const char *kws_error_name(int32_t code)
{
    switch (code) {
    case KWS_OK:
        return "KWS_OK";
    case KWS_ERROR_ARGUMENT:
        return "KWS_ERROR_ARGUMENT";
    case KWS_ERROR_MEMORY:
        return "KWS_ERROR_MEMORY";
    case KWS_ERROR_ALIGNMENT:
        return "KWS_ERROR_ALIGNMENT";
    case KWS_ERROR_MODEL:
        return "KWS_ERROR_MODEL";
    case KWS_ERROR_UNINITIALISED:
        return "KWS_ERROR_UNINITIALISED";
    default:
        return "not a code of kws";
    }
}
