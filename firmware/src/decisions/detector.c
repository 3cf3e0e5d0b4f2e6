#include "detector.h"

#include <stdbool.h>
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

static bool reaches_threshold(const kws_spotter *spotter, uint32_t word)
{
    const kws_detector *detector = spotter->model->detector;
    return spotter->sums[word] >= detector->threshold_sums[word - detector->first_word];
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
    /* A word that stays above its threshold is one detection however long it stays there. */
    if (spotter->held >= 0 && !reaches_threshold(spotter, (uint32_t)spotter->held)) {
        spotter->held = -1;
    }
    if (spotter->cooldown > 0) {
        spotter->cooldown--;
        return;
    }
    int32_t best = -1;
    for (uint32_t i = detector->first_word; i < labels; i++) {
        if (reaches_threshold(spotter, i) && (best < 0 || sums[i] > sums[best])) {
            best = (int32_t)i;
        }
    }
    if (best < 0 || best == spotter->held) {
        return;
    }
    spotter->held = best;
    spotter->cooldown = detector->cooldown_frames;
    result->label = best;
    result->score = sums[best];
}
