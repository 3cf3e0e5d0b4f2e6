#include "detector.h"

#include <string.h>

void kws_detector_reset(kws_spotter *spotter)
{
    const kws_model *model = spotter->model;
    memset(spotter->sums, 0, sizeof spotter->sums[0] * model->label_count);
    memset(spotter->ring, 0, (size_t)model->detector->average_frames * model->label_count);
    spotter->slot = 0;
    spotter->cooldown = 0;
    spotter->held = -1;
}

void kws_detector_step(kws_spotter *spotter, const int8_t *posteriors, kws_result *result)
{
    const kws_detector *detector = spotter->model->detector;
    const uint32_t labels = spotter->model->label_count;
    uint8_t *row = spotter->ring + spotter->slot * labels;
    uint16_t *sums = spotter->sums;
    result->label = -1;
    result->score = 0;
    for (uint32_t i = 0; i < labels; i++) {
        const uint8_t posterior = (uint8_t)(posteriors[i] + 128);
        sums[i] = (uint16_t)(sums[i] + posterior - row[i]);
        row[i] = posterior;
    }
    spotter->slot = spotter->slot + 1 < detector->average_frames ? spotter->slot + 1 : 0;
    /* A word that stays above the threshold is one detection however long it stays there. */
    if (spotter->held >= 0 && sums[spotter->held] < detector->threshold_sum) {
        spotter->held = -1;
    }
    if (spotter->cooldown > 0) {
        spotter->cooldown--;
        return;
    }
    uint32_t best = detector->first_word;
    for (uint32_t i = best + 1; i < labels; i++) {
        best = sums[i] > sums[best] ? i : best;
    }
    if (sums[best] < detector->threshold_sum || (int32_t)best == spotter->held) {
        return;
    }
    spotter->held = (int32_t)best;
    spotter->cooldown = detector->cooldown_frames;
    result->label = (int32_t)best;
    result->score = sums[best];
}
