/* The constants of a grammar, which `kws export` fills in, and its state: docs/SPEC.md, "Grammar". */
#ifndef KWS_DECISIONS_GRAMMAR_H
#define KWS_DECISIONS_GRAMMAR_H

#include "kws/decisions/detector.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_grammar {
    const uint16_t *threshold_sums; /* one a word, from label first_word on */
    const uint16_t *place_labels;   /* words of all phrases, one phrase behind the other */
    const uint16_t *place_sums;     /* their thresholds there */
    const uint16_t *within;         /* of each phrase: frames from a word to the next */
    const uint8_t *lengths;         /* of each phrase: its words */
    uint16_t cooldown_frames;
    uint16_t labels; /* phrase i is reported as labels + i */
    uint8_t average_frames;
    uint8_t first_word;
    uint8_t report_words; /* 0: words are reported as parts of phrases alone */
    uint8_t phrases;
    uint16_t window; /* frames; 0: there is no window */
    int16_t wake;    /* the label or phrase that opens it, or -1 */
} kws_grammar;

/* A word of a phrase. */
typedef struct kws_grammar_place {
    uint16_t wait;  /* frames left in which its rise counts */
    uint16_t above; /* 1 if its sum was at its threshold in the last frame */
} kws_grammar_place;

/* What lies behind the detector's memory; kws_grammar_place places[] follow. */
typedef struct kws_grammar_state {
    uint32_t quiet; /* frames left in which no word is reported */
    uint32_t open;  /* frames left in which the window is open */
} kws_grammar_state;

#define KWS_GRAMMAR_BYTES(labels, average_frames, places)                         \
    (KWS_DETECTOR_BYTES(labels, average_frames) + KWS_SIZEOF(kws_grammar_state) + \
     KWS_SIZEOF(kws_grammar_place) * (places))

void kws_grammar_reset(const kws_decision *decision, void *memory);
void kws_grammar_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);
/* Opens the window for the next `frames` frames; with 0 it closes it. */
void kws_grammar_open(const kws_decision *decision, void *memory, uint32_t frames);

#ifdef __cplusplus
}
#endif

#endif
