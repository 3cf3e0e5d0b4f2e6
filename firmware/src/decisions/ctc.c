/* Posteriors to a transcription: docs/SPEC.md, "Transcription". Twin of kws/fixedpoint/decisions/ctc.py. */
#include "kws/decisions/ctc.h"

void kws_ctc_reset(const kws_decision *decision, void *memory)
{
    (void)decision;
    ((kws_ctc_state *)memory)->last = -1;
}

void kws_ctc_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    const kws_ctc *ctc = (const kws_ctc *)decision->constants;
    kws_ctc_state *state = (kws_ctc_state *)memory;
    /* CTC/1 */
    int32_t best = 0;
    for (int32_t i = 1; i < ctc->labels; i++) {
        if (posteriors[i] > posteriors[best]) {
            best = i;
        }
    }
    const int32_t score = posteriors[best] + 128;
    const int32_t symbol = score >= ctc->least ? best : -1;
    /* CTC/2 */
    if (symbol != state->last) {
        state->last = symbol;
        /* CTC/3 */
        if (symbol >= ctc->first_word) {
            result->label = symbol;
            result->score = (uint32_t)score;
        }
    }
}
