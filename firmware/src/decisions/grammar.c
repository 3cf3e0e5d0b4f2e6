/* Phrases and a listening window over a detector: docs/SPEC.md, "Grammar". Twin of
 * kws/fixedpoint/decisions/grammar.py. */
#include "kws/decisions/grammar.h"

#include <stdbool.h>
#include <string.h>

static const kws_grammar *constants_of(const kws_decision *decision)
{
    return (const kws_grammar *)decision->constants;
}

static kws_grammar_state *state_of(const kws_grammar *grammar, void *memory)
{
    return (kws_grammar_state *)(void *)((uint8_t *)memory +
                                         KWS_DETECTOR_BYTES(grammar->labels, grammar->average_frames));
}

static kws_detector detector_of(const kws_grammar *grammar)
{
    const kws_detector detector = {grammar->threshold_sums, grammar->cooldown_frames, grammar->labels,
                                   grammar->average_frames, grammar->first_word};
    return detector;
}

static kws_decision decision_of(const kws_detector *detector, const kws_decision *whole)
{
    const kws_decision decision = {detector, KWS_DETECTOR_BYTES(detector->labels, detector->average_frames),
                                   whole->full_score, whole->kind};
    return decision;
}

void kws_grammar_reset(const kws_decision *decision, void *memory)
{
    memset(memory, 0, decision->memory_bytes);
    const kws_detector detector = detector_of(constants_of(decision));
    const kws_decision words = decision_of(&detector, decision);
    kws_detector_reset(&words, memory);
}

void kws_grammar_open(const kws_decision *decision, void *memory, uint32_t frames)
{
    state_of(constants_of(decision), memory)->open = frames;
}

/* Takes one frame's sums; true if the phrase of these `length` places is complete. */
static bool phrase_step(const kws_grammar *grammar, uint32_t first, uint32_t length, uint16_t within,
                        const uint16_t *sums, kws_grammar_place *places)
{
    bool complete = false;
    /* GRAMMAR/3: from the last place to the first, so that no rise serves two places. */
    for (uint32_t i = first + length; i-- > first;) {
        /* GRAMMAR/2 */
        const bool above = sums[grammar->place_labels[i]] >= grammar->place_sums[i];
        const bool rises = above && !places[i].above;
        const bool awaited = i == first || places[i].wait > 0;
        places[i].above = above;
        if (places[i].wait > 0) {
            places[i].wait--;
        }
        if (!rises || !awaited || complete) {
            continue;
        }
        places[i].wait = 0;
        if (i + 1 < first + length) {
            places[i + 1].wait = within;
            continue;
        }
        complete = true;
        for (uint32_t earlier = first; earlier < i; earlier++) {
            places[earlier].wait = 0;
        }
    }
    return complete;
}

void kws_grammar_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    const kws_grammar *grammar = constants_of(decision);
    kws_grammar_state *state = state_of(grammar, memory);
    kws_grammar_place *places = (kws_grammar_place *)(state + 1);
    /* GRAMMAR/1 */
    const kws_detector detector = detector_of(grammar);
    const kws_decision words = decision_of(&detector, decision);
    kws_detector_step(&words, memory, posteriors, result);
    const uint16_t *sums = kws_detector_sums(memory);
    uint32_t first = 0;
    int32_t phrase = -1;
    for (uint32_t i = 0; i < grammar->phrases; i++) {
        const uint32_t length = grammar->lengths[i];
        if (phrase_step(grammar, first, length, grammar->within[i], sums, places) && phrase < 0) {
            phrase = (int32_t)i;
            result->score = sums[grammar->place_labels[first + length - 1u]];
        }
        first += length;
    }
    /* GRAMMAR/4 */
    const bool quiet = state->quiet > 0;
    if (quiet) {
        state->quiet--;
    }
    if (phrase >= 0) {
        state->quiet = grammar->cooldown_frames;
        result->label = grammar->labels + phrase;
    } else if (quiet || !(grammar->report_words || result->label == grammar->wake)) {
        result->label = -1;
    }
    /* GRAMMAR/5 */
    const bool open = state->open > 0 || grammar->window == 0;
    if (state->open > 0) {
        state->open--;
    }
    if (result->label >= 0 && result->label == grammar->wake && grammar->window > 0) {
        state->open = grammar->window;
    } else if (!open) {
        result->label = -1;
    }
    if (result->label < 0) {
        result->score = 0;
    }
}

int32_t kws_spotter_open(kws_spotter *spotter, uint32_t frames)
{
    if (spotter == NULL) {
        return KWS_ERROR_ARGUMENT;
    }
    if ((uintptr_t)spotter % sizeof(void *) != 0) {
        return KWS_ERROR_ALIGNMENT;
    }
    if (spotter->magic != KWS_SPOTTER_MAGIC) {
        return KWS_ERROR_UNINITIALISED;
    }
    const kws_decision *decision = spotter->model->decision;
    if (decision->kind != KWS_DECISION_GRAMMAR || constants_of(decision)->window == 0) {
        return KWS_ERROR_ARGUMENT;
    }
    kws_grammar_open(decision, spotter->decision, frames);
    return KWS_OK;
}
