/* The constants of a detector, which `kws export` fills in, and its state: docs/SPEC.md, "Detector". */
#ifndef KWS_DECISIONS_DETECTOR_H
#define KWS_DECISIONS_DETECTOR_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_detector {
    const uint16_t *threshold_sums; /* one a word, from label first_word on */
    uint16_t cooldown_frames;
    uint16_t labels;
    uint8_t average_frames;
    uint8_t first_word;
} kws_detector;

/* The first part of its memory; uint16_t sums[labels] and uint8_t ring[average_frames][labels] follow. */
typedef struct kws_detector_state {
    uint32_t slot;     /* next row of ring */
    uint32_t cooldown; /* frames left */
    int32_t held;      /* label that has not fallen below its threshold since it was detected, or -1 */
} kws_detector_state;

#define KWS_DETECTOR_BYTES(labels, average_frames) \
    (KWS_SIZEOF(kws_detector_state) + KWS_ALIGN4(2u * (labels)) + KWS_ALIGN4((average_frames) * (labels)))

void kws_detector_reset(const kws_decision *decision, void *memory);
void kws_detector_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);
/* The words' sums as of the last step, uint16_t [labels], for decisions that stand on a detector. */
const uint16_t *kws_detector_sums(const void *memory);

#ifdef __cplusplus
}
#endif

#endif
