/*
 * Posteriors to a transcription by prefix beam search: docs/SPEC.md, "Beam search". Twin of
 * kws/fixedpoint/decisions/ctc_beam.py.
 */
#include "kws/decisions/ctc_beam.h"

#include <stdbool.h>
#include <string.h>

#define NOTHING (-30000) /* the log of 0 */
#define NOT_ALLOWED 256u

typedef struct beam {
    const kws_ctc_beam *p;
    const int8_t *posteriors;
    kws_ctc_beam_state *state;
    kws_ctc_hypothesis *now;
    kws_ctc_candidate *candidates;
    uint32_t found;
    int32_t blank; /* this frame's log of no word */
} beam;

static kws_ctc_hypothesis *row_of(const kws_ctc_beam *p, kws_ctc_beam_state *state, uint32_t row)
{
    return (kws_ctc_hypothesis *)(void *)(state + 1) + row * p->width;
}

void kws_ctc_beam_reset(const kws_decision *decision, void *memory)
{
    kws_ctc_beam_state *state = (kws_ctc_beam_state *)memory;
    kws_ctc_hypothesis *first = row_of((const kws_ctc_beam *)decision->constants, state, 0);
    memset(memory, 0, decision->memory_bytes);
    state->count = 1;
    first->label = NOTHING;
    first->last = KWS_CTC_NONE;
}

static int32_t posterior_of(const beam *b, uint32_t word)
{
    return b->posteriors[word] + 128;
}

static int32_t log_of(const beam *b, uint32_t word)
{
    return b->p->logs[posterior_of(b, word)];
}

static int32_t add(const kws_ctc_beam *p, int32_t one, int32_t other)
{
    const int32_t greater = one > other ? one : other;
    const int32_t apart = one > other ? one - other : other - one;
    return greater + (apart < (int32_t)KWS_CTC_SUMS ? p->sums[apart] : 0);
}

/* The log of all that a word may follow in a hypothesis: its own repetition needs a blank between. */
static int32_t before(const kws_ctc_beam *p, const kws_ctc_hypothesis *h, uint32_t word)
{
    return h->last == word ? h->blank : add(p, h->blank, h->label);
}

static bool begins(const beam *b, uint32_t word)
{
    return posterior_of(b, word) >= b->p->least;
}

/* Whether `longer` is `shorter` and one word more. */
static bool follows(const kws_ctc_hypothesis *shorter, const kws_ctc_hypothesis *longer)
{
    uint32_t same = 0;
    while (same < shorter->length && shorter->words[same] == longer->words[same]) {
        same++;
    }
    return longer->length == shorter->length + 1u && same == shorter->length;
}

static uint32_t child(const kws_ctc_beam *p, uint32_t node, uint32_t word)
{
    for (uint32_t next = p->nodes[KWS_CTC_NODE * node + 1u]; next != 0; next = p->nodes[KWS_CTC_NODE * next + 2u]) {
        if (p->nodes[KWS_CTC_NODE * next] == word) {
            return next;
        }
    }
    return NOT_ALLOWED;
}

/* The node of the word list after one word more, or NOT_ALLOWED. */
static uint32_t after(const kws_ctc_beam *p, uint32_t node, uint32_t word)
{
    if (!p->listed) {
        return 0;
    }
    const uint32_t deeper = child(p, node, word);
    return deeper == NOT_ALLOWED && p->nodes[KWS_CTC_NODE * node + 3u] ? child(p, 0, word) : deeper;
}

/* BEAM/4: in its place among the best; of equals the first that came is before. */
static void offer(beam *b, uint32_t from, uint32_t word, uint32_t node, int32_t blank, int32_t label)
{
    const int32_t score = add(b->p, blank, label);
    uint32_t place = b->found;
    if (place == b->p->width) {
        if (score <= b->candidates[place - 1u].score) {
            return;
        }
        place--;
    } else {
        b->found++;
    }
    for (; place > 0 && score > b->candidates[place - 1u].score; place--) {
        b->candidates[place] = b->candidates[place - 1u];
    }
    b->candidates[place].score = score;
    b->candidates[place].blank = blank;
    b->candidates[place].label = label;
    b->candidates[place].from = (uint8_t)from;
    b->candidates[place].word = (uint8_t)word;
    b->candidates[place].node = (uint8_t)node;
}

/* BEAM/2 */
static void stay(beam *b, uint32_t index)
{
    const kws_ctc_beam *p = b->p;
    const kws_ctc_hypothesis *h = &b->now[index];
    const int32_t blank = add(p, h->blank, h->label) + b->blank;
    int32_t label = h->last == KWS_CTC_NONE ? NOTHING : h->label + log_of(b, h->last);
    for (uint32_t i = 0; h->length > 0 && i < b->state->count; i++) {
        if (follows(&b->now[i], h) && begins(b, h->last)) {
            label = add(p, label, before(p, &b->now[i], h->last) + log_of(b, h->last));
        }
    }
    offer(b, index, KWS_CTC_NONE, h->node, blank, label);
}

static bool is_there(const beam *b, const kws_ctc_hypothesis *h, uint32_t word)
{
    for (uint32_t i = 0; i < b->state->count; i++) {
        if (follows(h, &b->now[i]) && b->now[i].last == word) {
            return true;
        }
    }
    return false;
}

/* BEAM/3 */
static void extend(beam *b, uint32_t index)
{
    const kws_ctc_beam *p = b->p;
    const kws_ctc_hypothesis *h = &b->now[index];
    for (uint32_t word = p->first_word; word < p->labels && h->length < KWS_CTC_WORDS; word++) {
        const uint32_t node = begins(b, word) ? after(p, h->node, word) : NOT_ALLOWED;
        if (node != NOT_ALLOWED && !is_there(b, h, word)) {
            offer(b, index, word, node, NOTHING, before(p, h, word) + log_of(b, word));
        }
    }
}

static int16_t lowered(int32_t log, int32_t best)
{
    return (int16_t)(log - best < NOTHING ? NOTHING : log - best);
}

/* BEAM/4: the candidates become the hypotheses. */
static void take_over(beam *b)
{
    const int32_t best = b->candidates[0].score;
    kws_ctc_hypothesis *next = row_of(b->p, b->state, b->state->row ^ 1u);
    uint32_t count = 0;
    for (; count < b->found && best - b->candidates[count].score <= b->p->margin; count++) {
        const kws_ctc_candidate *c = &b->candidates[count];
        kws_ctc_hypothesis *h = &next[count];
        *h = b->now[c->from];
        h->blank = lowered(c->blank, best);
        h->label = lowered(c->label, best);
        h->node = c->node;
        if (c->word != KWS_CTC_NONE) {
            h->words[h->length] = c->word;
            h->peaks[h->length] = 0;
            h->length++;
            h->last = c->word;
        }
        if (h->length > 0 && posterior_of(b, h->last) > h->peaks[h->length - 1u]) {
            h->peaks[h->length - 1u] = (uint8_t)posterior_of(b, h->last);
        }
    }
    b->state->count = (uint8_t)count;
    b->state->row ^= 1u;
    b->now = next;
}

/* BEAM/6 */
static void settle(beam *b)
{
    uint32_t kept = 1;
    for (uint32_t i = 1; i < b->state->count; i++) {
        if (b->now[i].length > 0 && b->now[i].words[0] == b->now[0].words[0]) {
            b->now[kept++] = b->now[i];
        }
    }
    b->state->count = (uint8_t)kept;
}

/* BEAM/7 */
static void report(beam *b, kws_result *result)
{
    for (uint32_t i = 0; i < b->state->count; i++) {
        if (b->now[i].length == 0 || b->now[i].words[0] != b->now[0].words[0]) {
            return;
        }
    }
    result->label = b->now[0].words[0];
    result->score = b->now[0].peaks[0];
    for (uint32_t i = 0; i < b->state->count; i++) {
        kws_ctc_hypothesis *h = &b->now[i];
        h->length--;
        memmove(h->words, h->words + 1, h->length);
        memmove(h->peaks, h->peaks + 1, h->length);
    }
}

void kws_ctc_beam_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    const kws_ctc_beam *p = (const kws_ctc_beam *)decision->constants;
    kws_ctc_beam_state *state = (kws_ctc_beam_state *)memory;
    beam b = {.p = p, .posteriors = posteriors, .state = state, .now = row_of(p, state, state->row)};
    b.candidates = (kws_ctc_candidate *)(void *)row_of(p, state, 2);
    /* BEAM/1 */
    int32_t none = 0;
    for (uint32_t i = 0; i < p->first_word; i++) {
        none += posterior_of(&b, i);
    }
    b.blank = p->logs[none < 255 ? none : 255];
    for (uint32_t i = 0; i < state->count; i++) {
        stay(&b, i);
    }
    for (uint32_t i = 0; i < state->count; i++) {
        extend(&b, i);
    }
    /* BEAM/5 */
    const bool same = b.candidates[0].from == 0 && b.candidates[0].word == KWS_CTC_NONE;
    state->steady = (uint16_t)(!same ? 0u : state->steady < p->patience ? state->steady + 1u : p->patience);
    take_over(&b);
    if (state->steady == p->patience && b.now[0].length > 0) {
        settle(&b);
    }
    report(&b, result);
}
