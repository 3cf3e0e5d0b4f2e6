/* Any kind of decision: which there are is in kws/decisions.def. Twin of kws/fixedpoint/decisions. */
#ifndef KWS_DECISIONS_H
#define KWS_DECISIONS_H

#include "kws/model.h"

/* Whether this build of the library can run the decision. */
int kws_decision_known(const kws_decision *decision);

/* Forget all that came before. `memory` is decision->memory_bytes large. */
void kws_decision_reset(const kws_decision *decision, void *memory);

/* Feed one frame's posteriors; where something is detected, sets result->label and result->score. */
void kws_decision_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);

/* The same of each kind, in src/decisions/<name>.c. */
#define KWS_DECISION(NAME, name)                                         \
    void kws_##name##_reset(const kws_decision *decision, void *memory); \
    void kws_##name##_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);
#include "kws/decisions.def"
#undef KWS_DECISION

#endif
