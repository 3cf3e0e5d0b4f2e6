/*
 * The constants of a lexicon, which `kws export` fills in, and its state: docs/SPEC.md, "Lexicon".
 */
#ifndef KWS_DECISIONS_CTC_LEXICON_H
#define KWS_DECISIONS_CTC_LEXICON_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_ctc_lexicon {
    const int8_t *logs;      /* of each posterior, in 1/16 nat */
    const uint8_t *tokens;   /* of all words, one word behind the other */
    const uint8_t *lengths;  /* of each word: its tokens */
    const uint16_t *reports; /* of each word: the label that is reported */
    uint16_t labels;
    uint16_t patience; /* frames */
    uint8_t words;
    uint8_t first_word;
    uint8_t limit; /* greatest cost of a word's own frames, in 1/16 nat */
    uint8_t other; /* greatest cost of a frame outside words */
} kws_ctc_lexicon;

#define KWS_LEXICON_NONE 255u

/* The cheapest way to be in a place. */
typedef struct kws_lexicon_path {
    uint8_t cost;  /* more than the cheapest path of all; KWS_LEXICON_NONE: there is no way */
    uint8_t own;   /* the cost of the frames of the word that it is in */
    uint8_t word;  /* the last word that ended and was not reported yet, or KWS_LEXICON_NONE */
    uint8_t score; /* the cost of that word's frames */
} kws_lexicon_path;

/* The paths in words follow: of each word a place for each token and one between each two. */
typedef struct kws_ctc_lexicon_state {
    kws_lexicon_path rest; /* the path between words */
    uint16_t steady;       /* frames for which `rest` has had the same word */
    uint8_t waiting;       /* that word, or KWS_LEXICON_NONE */
    uint8_t last;          /* the token that needs a blank before it can begin a word, or KWS_LEXICON_NONE */
} kws_ctc_lexicon_state;

#define KWS_CTC_LEXICON_BYTES(words, tokens) \
    (KWS_SIZEOF(kws_ctc_lexicon_state) +     \
     KWS_SIZEOF(kws_lexicon_path) * (2u * (tokens) - (words)))

void kws_ctc_lexicon_reset(const kws_decision *decision, void *memory);
void kws_ctc_lexicon_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);

#ifdef __cplusplus
}
#endif

#endif
