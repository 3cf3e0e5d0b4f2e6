/*
 * The constants of a transcription by prefix beam search, which `kws export` fills in, and its state: docs/SPEC.md,
 * "Beam search".
 */
#ifndef KWS_DECISIONS_CTC_BEAM_H
#define KWS_DECISIONS_CTC_BEAM_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KWS_CTC_WORDS 8u  /* most words of a hypothesis that are not reported yet */
#define KWS_CTC_NODE 4u   /* bytes of a node of the word list: label, first child, next sibling, whether one may end */
#define KWS_CTC_SUMS 56u  /* entries of the table of log-adds */

typedef struct kws_ctc_beam {
    const int8_t *logs;   /* of each posterior, in 1/16 nat */
    const uint8_t *sums;  /* what the greater of two logs gains by the lesser, by their difference */
    const uint8_t *nodes; /* of the word list; node 0 is its root */
    uint16_t labels;
    uint16_t patience; /* frames */
    uint16_t margin;   /* in 1/16 nat */
    uint8_t first_word;
    uint8_t least; /* posterior below which no word is begun */
    uint8_t width;
    uint8_t listed; /* 0: any word may follow any other */
} kws_ctc_beam;

/* Some words, and the logs of the probabilities that a blank ended them, or their last word itself. */
typedef struct kws_ctc_hypothesis {
    int16_t blank;
    int16_t label;
    uint8_t length;
    uint8_t last; /* the last word, reported or not; KWS_CTC_NONE */
    uint8_t node;
    uint8_t words[KWS_CTC_WORDS];
    uint8_t peaks[KWS_CTC_WORDS]; /* their greatest posteriors */
} kws_ctc_hypothesis;

#define KWS_CTC_NONE 255u

/* A hypothesis of the next frame: a present one as it is (word KWS_CTC_NONE) or with one word more. */
typedef struct kws_ctc_candidate {
    int32_t score;
    int32_t blank;
    int32_t label;
    uint8_t from;
    uint8_t word;
    uint8_t node;
} kws_ctc_candidate;

/* Two rows of kws_ctc_hypothesis and one of kws_ctc_candidate follow, `width` each. */
typedef struct kws_ctc_beam_state {
    uint16_t steady; /* frames for which the best hypothesis has had the same words */
    uint8_t count;
    uint8_t row; /* the one that counts */
} kws_ctc_beam_state;

#define KWS_CTC_BEAM_BYTES(width)     \
    (KWS_SIZEOF(kws_ctc_beam_state) + \
     (width) * (2u * KWS_SIZEOF(kws_ctc_hypothesis) + KWS_SIZEOF(kws_ctc_candidate)))

void kws_ctc_beam_reset(const kws_decision *decision, void *memory);
void kws_ctc_beam_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);

#ifdef __cplusplus
}
#endif

#endif
