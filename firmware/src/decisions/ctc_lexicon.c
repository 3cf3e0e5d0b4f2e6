/*
 * Posteriors of tokens to words by token passing: docs/SPEC.md, "Lexicon". Twin of
 * kws/fixedpoint/decisions/ctc_lexicon.py.
 */
#include "kws/decisions/ctc_lexicon.h"

#include <stdbool.h>
#include <string.h>

#define NONE KWS_LEXICON_NONE

static const kws_lexicon_path gone = {NONE, 0, NONE, 0};

static kws_lexicon_path *paths_of(kws_ctc_lexicon_state *state)
{
    return (kws_lexicon_path *)(void *)(state + 1);
}

static uint32_t places_of(const kws_ctc_lexicon *p, uint32_t word)
{
    return 2u * p->lengths[word] - 1u;
}

void kws_ctc_lexicon_reset(const kws_decision *decision, void *memory)
{
    kws_ctc_lexicon_state *state = (kws_ctc_lexicon_state *)memory;
    const uint32_t places = (decision->memory_bytes - (uint32_t)sizeof *state) / (uint32_t)sizeof(kws_lexicon_path);
    memset(state, 0, sizeof *state);
    state->rest.word = state->waiting = state->last = NONE;
    for (uint32_t i = 0; i < places; i++) {
        paths_of(state)[i] = gone;
    }
}

static int32_t log_of(const kws_ctc_lexicon *p, int32_t posterior)
{
    return p->logs[posterior < 255 ? posterior : 255];
}

/* The cheaper of two paths; of equals the one that is further. */
static const kws_lexicon_path *cheaper(const kws_lexicon_path *further, const kws_lexicon_path *other)
{
    return other->cost < further->cost ? other : further;
}

static kws_lexicon_path moved(const kws_ctc_lexicon *p, const kws_lexicon_path *from, int32_t cost)
{
    kws_lexicon_path path = *from;
    if (path.cost + cost >= (int32_t)NONE || path.own + cost > p->limit) {
        return gone;
    }
    path.cost = (uint8_t)(path.cost + cost);
    path.own = (uint8_t)(path.own + cost);
    return path;
}

/* LEX/2: a word's paths, from the last place on, so that each finds those before it as they were. */
static void advance(const kws_ctc_lexicon *p, const kws_ctc_lexicon_state *state, kws_lexicon_path *paths,
                    const uint8_t *tokens, uint32_t places, const int8_t *posteriors, int32_t best, int32_t blank)
{
    for (uint32_t place = places; place-- > 0;) {
        const uint8_t token = tokens[place / 2u];
        const kws_lexicon_path *came = &paths[place];
        if (place > 0) {
            came = cheaper(&paths[place - 1u], came);
        }
        if (place % 2u != 0) {
            paths[place] = moved(p, came, blank);
            continue;
        }
        if (place == 0 && token != state->last) {
            came = cheaper(&state->rest, came);
        } else if (place > 0 && token != tokens[place / 2u - 1u]) {
            came = cheaper(&paths[place - 2u], came);
        }
        paths[place] = moved(p, came, best - log_of(p, posteriors[token] + 128));
    }
}

/* LEX/6: the path whose word is reported, or NULL. */
static const kws_lexicon_path *decided(const kws_ctc_lexicon *p, kws_ctc_lexicon_state *state,
                                       const kws_lexicon_path *ended)
{
    const bool same = state->rest.word == state->waiting;
    state->steady = (uint16_t)(!same ? 0u : state->steady < p->patience ? state->steady + 1u : p->patience);
    state->waiting = state->rest.word;
    if (ended->word != NONE) {
        return ended;
    }
    return state->rest.word != NONE && state->steady == p->patience ? &state->rest : NULL;
}

/* LEX/7 */
static void report(const kws_ctc_lexicon *p, kws_ctc_lexicon_state *state, kws_lexicon_path said, uint32_t places,
                   kws_result *result)
{
    kws_lexicon_path *paths = paths_of(state);
    for (uint32_t i = 0; i < places; i++) {
        if (paths[i].word != said.word) {
            paths[i] = gone;
        }
        paths[i].word = NONE;
        paths[i].score = 0;
    }
    state->steady = 0;
    uint32_t score = 255;
    while (-p->logs[score] < said.score) {
        score--;
    }
    result->label = p->reports[said.word];
    result->score = score;
}

void kws_ctc_lexicon_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    const kws_ctc_lexicon *p = (const kws_ctc_lexicon *)decision->constants;
    kws_ctc_lexicon_state *state = (kws_ctc_lexicon_state *)memory;
    /* LEX/1 */
    int32_t none = 0;
    for (uint32_t i = 0; i < p->first_word; i++) {
        none += posteriors[i] + 128;
    }
    int32_t greatest = none;
    for (uint32_t i = p->first_word; i < p->labels; i++) {
        greatest = posteriors[i] + 128 > greatest ? posteriors[i] + 128 : greatest;
    }
    const int32_t best_log = log_of(p, greatest);
    const int32_t blank = best_log - log_of(p, none);
    const uint8_t *tokens = p->tokens;
    kws_lexicon_path *paths = paths_of(state);
    for (uint32_t word = 0; word < p->words; word++) {
        advance(p, state, paths, tokens, places_of(p, word), posteriors, best_log, blank);
        paths += places_of(p, word);
        tokens += p->lengths[word];
    }
    /* LEX/3 */
    if (blank <= p->other) {
        state->last = NONE;
    }
    const int32_t rest = state->rest.cost + (blank < p->other ? blank : p->other);
    state->rest.cost = (uint8_t)(rest < (int32_t)NONE - 1 ? rest : (int32_t)NONE - 1);
    /* LEX/4 */
    kws_lexicon_path ended = gone;
    uint32_t place = 0, token = 0;
    for (uint32_t word = 0; word < p->words; word++) {
        place += places_of(p, word);
        token += p->lengths[word];
        const kws_lexicon_path end = paths_of(state)[place - 1u];
        if (end.cost < state->rest.cost) {
            ended = end;
            state->rest = (kws_lexicon_path){end.cost, 0, (uint8_t)word, end.own};
            state->last = p->tokens[token - 1u];
        }
    }
    /* LEX/5 */
    paths = paths_of(state);
    uint8_t least = state->rest.cost;
    for (uint32_t i = 0; i < place; i++) {
        least = paths[i].cost < least ? paths[i].cost : least;
    }
    state->rest.cost = (uint8_t)(state->rest.cost - least);
    for (uint32_t i = 0; i < place; i++) {
        if (paths[i].cost != NONE) {
            paths[i].cost = (uint8_t)(paths[i].cost - least);
        }
    }
    const kws_lexicon_path *said = decided(p, state, &ended);
    if (said != NULL) {
        report(p, state, *said, place, result);
    }
    if (said == &state->rest) {
        state->rest.word = state->waiting = NONE;
        state->rest.score = 0;
    }
}
