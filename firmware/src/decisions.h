/* Any kind of decision: which there are is in kws/decisions.def. Twin of kws/fixedpoint/decisions. */
#ifndef KWS_DECISIONS_H
#define KWS_DECISIONS_H

#include "kws/model.h"

/* What each kind has, in src/decisions/<name>.c. */
#define KWS_DECISION(NAME, name)                                         \
    void kws_##name##_reset(const kws_decision *decision, void *memory); \
    void kws_##name##_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);
#include "kws/decisions.def"
#undef KWS_DECISION

/* Whether this build of the library can run the decision. */
static inline int kws_decision_known(const kws_decision *decision)
{
#define KWS_DECISION(NAME, name) (KWS_USES(NAME) && decision->kind == KWS_DECISION_##NAME) ||
    return
#include "kws/decisions.def"
        0;
#undef KWS_DECISION
}

/* Forget all that came before. `memory` is decision->memory_bytes large. */
static inline void kws_decision_reset(const kws_decision *decision, void *memory)
{
    switch ((kws_decision_kind)decision->kind) {
#define KWS_DECISION(NAME, name)                  \
    case KWS_DECISION_##NAME:                     \
        if (KWS_USES(NAME)) {                     \
            kws_##name##_reset(decision, memory); \
        }                                         \
        break;
#include "kws/decisions.def"
#undef KWS_DECISION
    }
}

/* Feed one frame's posteriors; where something is detected, sets result->label and result->score. */
static inline void kws_decision_step(const kws_decision *decision, void *memory, const int8_t *posteriors,
                                     kws_result *result)
{
    switch ((kws_decision_kind)decision->kind) {
#define KWS_DECISION(NAME, name)                                     \
    case KWS_DECISION_##NAME:                                        \
        if (KWS_USES(NAME)) {                                        \
            kws_##name##_step(decision, memory, posteriors, result); \
        }                                                            \
        break;
#include "kws/decisions.def"
#undef KWS_DECISION
    }
}

#endif
