/* The pipeline: front end, network, detector. Twin of kws/fixedpoint/spotter.py. */
#include <string.h>

#include "detector.h"
#include "frontend.h"

/* The next `bytes` of the caller's memory, rounded up so that everything stays aligned. */
static void *take(uint8_t **next, uint32_t bytes)
{
    void *start = *next;
    *next += KWS_ALIGN4(bytes);
    return start;
}

kws_spotter *kws_spotter_init(const kws_model *model, void *memory, size_t bytes)
{
    const kws_frontend *f = model->frontend;
    const uint32_t ring_bytes = (uint32_t)model->detector->average_frames * model->label_count;
    if ((uintptr_t)memory % sizeof(void *) != 0 ||
        bytes < KWS_SPOTTER_BYTES((uint32_t)f->window_size, f->n_fft, f->bands, (uint32_t)model->label_count,
                                  (uint32_t)model->detector->average_frames, model->network_bytes)) {
        return NULL;
    }
    uint8_t *next = (uint8_t *)memory;
    kws_spotter *spotter = (kws_spotter *)take(&next, (uint32_t)sizeof(kws_spotter));
    spotter->model = model;
    spotter->spectrum = (int32_t *)take(&next, 4u * f->n_fft);
    spotter->network = (uint32_t *)take(&next, model->network_bytes);
    spotter->pcm = (int16_t *)take(&next, 2u * f->window_size);
    spotter->sums = (uint16_t *)take(&next, 2u * model->label_count);
    spotter->ring = (uint8_t *)take(&next, ring_bytes);
    spotter->features = (int8_t *)take(&next, f->bands);
    kws_spotter_reset(spotter);
    return spotter;
}

void kws_spotter_reset(kws_spotter *spotter)
{
    spotter->frame = 0;
    spotter->filled = 0;
    kws_network_reset(spotter->model->network, spotter->network);
    kws_detector_reset(spotter);
}

size_t kws_spotter_process(kws_spotter *spotter, const int16_t *pcm, size_t count, kws_result *result)
{
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
        return used;
    }
    kws_log_mel(f, spotter->pcm, spotter->spectrum, spotter->features);
    spotter->filled -= f->hop;
    memmove(spotter->pcm, spotter->pcm + f->hop, spotter->filled * sizeof pcm[0]);
    result->features = spotter->features;
    result->posteriors = kws_network_run(spotter->model->network, spotter->network, spotter->features);
    kws_detector_step(spotter, result->posteriors, result);
    spotter->frame++;
    return used;
}

const char *kws_label(const kws_spotter *spotter, int32_t index)
{
    return index >= 0 && index < spotter->model->label_count ? spotter->model->labels[index] : NULL;
}
