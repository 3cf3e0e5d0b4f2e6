#include "decisions.h"

int kws_decision_known(const kws_decision *decision)
{
#define KWS_DECISION(NAME, name) (KWS_USES(NAME) && decision->kind == KWS_DECISION_##NAME) ||
    return
#include "kws/decisions.def"
        0;
#undef KWS_DECISION
}

void kws_decision_reset(const kws_decision *decision, void *memory)
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

void kws_decision_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    switch ((kws_decision_kind)decision->kind) {
#define KWS_DECISION(NAME, name)                                  \
    case KWS_DECISION_##NAME:                                     \
        if (KWS_USES(NAME)) {                                     \
            kws_##name##_step(decision, memory, posteriors, result); \
        }                                                         \
        break;
#include "kws/decisions.def"
#undef KWS_DECISION
    }
}
