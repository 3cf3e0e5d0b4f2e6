/* Posteriors to detections: docs/SPEC.md, "Detector". Twin of kws/fixedpoint/decisions/detector.py. */
#include "kws/decisions/detector.h"

#include <stdbool.h>
#include <string.h>

static const kws_detector *constants_of(const kws_decision *decision)
{
    return (const kws_detector *)decision->constants;
}

static uint16_t *sums_of(kws_detector_state *state)
{
    return (uint16_t *)(void *)(state + 1);
}

const uint16_t *kws_detector_sums(const void *memory)
{
    return (const uint16_t *)(const void *)((const kws_detector_state *)memory + 1);
}

static uint8_t *ring_of(const kws_detector *detector, kws_detector_state *state)
{
    return (uint8_t *)(state + 1) + KWS_ALIGN4(2u * detector->labels);
}

void kws_detector_reset(const kws_decision *decision, void *memory)
{
    kws_detector_state *state = (kws_detector_state *)memory;
    memset(state, 0, decision->memory_bytes);
    state->held = -1;
}

static bool reaches_threshold(const kws_detector *detector, const uint16_t *sums, uint32_t word)
{
    return sums[word] >= detector->threshold_sums[word - detector->first_word];
}

void kws_detector_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    const kws_detector *detector = constants_of(decision);
    kws_detector_state *state = (kws_detector_state *)memory;
    const uint32_t labels = detector->labels;
    uint16_t *sums = sums_of(state);
    uint8_t *row = ring_of(detector, state) + state->slot * labels;
    /* DETECT/1 */
    for (uint32_t i = 0; i < labels; i++) {
        const uint8_t p = (uint8_t)(posteriors[i] + 128);
        sums[i] = (uint16_t)(sums[i] + p - row[i]);
        row[i] = p;
    }
    state->slot = state->slot + 1 < detector->average_frames ? state->slot + 1 : 0;
    /* DETECT/2: a word that stays above its threshold is one detection however long it stays there. */
    if (state->held >= 0 && !reaches_threshold(detector, sums, (uint32_t)state->held)) {
        state->held = -1;
    }
    /* DETECT/3 */
    if (state->cooldown > 0) {
        state->cooldown--;
        return;
    }
    /* DETECT/4 */
    int32_t best = -1;
    for (uint32_t i = detector->first_word; i < labels; i++) {
        if (reaches_threshold(detector, sums, i) && (best < 0 || sums[i] > sums[best])) {
            best = (int32_t)i;
        }
    }
    /* DETECT/5 */
    if (best < 0 || best == state->held) {
        return;
    }
    /* DETECT/6 */
    state->held = best;
    state->cooldown = detector->cooldown_frames;
    result->label = best;
    result->score = sums[best];
}
