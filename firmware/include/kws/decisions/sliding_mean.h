/* The constants of a sliding mean, which `kws export` fills in, and its state: docs/SPEC.md, "Sliding mean". */
#ifndef KWS_DECISIONS_SLIDING_MEAN_H
#define KWS_DECISIONS_SLIDING_MEAN_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_sliding_mean {
    uint16_t limit; /* what the sum must exceed */
    uint16_t cooldown_frames;
    uint8_t window;
} kws_sliding_mean;

/* The first part of its memory; uint8_t ring[window] follows. */
typedef struct kws_sliding_mean_state {
    uint16_t sum;
    uint16_t cooldown; /* frames left */
    uint8_t slot;      /* next place in ring */
    uint8_t filled;    /* places of ring that have been written */
    uint8_t held;      /* whether the sum has been above the limit since the detection */
} kws_sliding_mean_state;

#define KWS_SLIDING_MEAN_BYTES(window) (KWS_SIZEOF(kws_sliding_mean_state) + (window))

void kws_sliding_mean_reset(const kws_decision *decision, void *memory);
void kws_sliding_mean_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);

#ifdef __cplusplus
}
#endif

#endif
