/* The constants of a transcription, which `kws export` fills in, and its state: docs/SPEC.md, "Transcription". */
#ifndef KWS_DECISIONS_CTC_H
#define KWS_DECISIONS_CTC_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_ctc {
    uint16_t labels;
    uint8_t first_word;
    uint8_t least; /* posterior below which a frame says nothing */
} kws_ctc;

typedef struct kws_ctc_state {
    int32_t last; /* the last frame's symbol, or -1 */
} kws_ctc_state;

void kws_ctc_reset(const kws_decision *decision, void *memory);
void kws_ctc_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);

#ifdef __cplusplus
}
#endif

#endif
