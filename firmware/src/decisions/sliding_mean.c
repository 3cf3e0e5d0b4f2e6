/* One word's posteriors to detections: docs/SPEC.md, "Sliding mean". Twin of kws/fixedpoint/decisions/sliding_mean.py. */
#include "kws/decisions/sliding_mean.h"

#include <string.h>

void kws_sliding_mean_reset(const kws_decision *decision, void *memory)
{
    memset(memory, 0, decision->memory_bytes);
}

void kws_sliding_mean_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    const kws_sliding_mean *mean = (const kws_sliding_mean *)decision->constants;
    kws_sliding_mean_state *state = (kws_sliding_mean_state *)memory;
    uint8_t *oldest = (uint8_t *)(state + 1) + state->slot;
    /* SLIDE/1 */
    const uint8_t p = (uint8_t)(posteriors[0] + 128);
    state->sum = (uint16_t)(state->sum + p - *oldest);
    *oldest = p;
    state->slot = (uint8_t)(state->slot + 1u < mean->window ? state->slot + 1u : 0u);
    /* SLIDE/2 */
    if (state->filled < mean->window) {
        state->filled++;
    }
    /* SLIDE/3: a word that stays above the cut-off is one detection however long it stays there. */
    const int above = state->filled == mean->window && state->sum > mean->limit;
    if (!above) {
        state->held = 0;
    }
    /* SLIDE/4 */
    if (state->cooldown > 0) {
        state->cooldown--;
        return;
    }
    /* SLIDE/5 */
    if (!above || state->held) {
        return;
    }
    /* SLIDE/6 */
    state->held = 1;
    state->cooldown = mean->cooldown_frames;
    result->label = 0;
    result->score = state->sum;
}
