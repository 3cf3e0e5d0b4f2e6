/*
 * Front ends, decisions and gates by kind, for a program that finds its model in the slot: it has all kinds. In any
 * other the generated kws_model.c has these functions, for the kinds of its model alone.
 */
#include "kws/voice_gate.h"

#ifdef KWS_MODEL_SLOT

const kws_kinds kws_known_kinds = {
    (1u << KWS_KINDS) - 1u,
    (1u << KWS_DECISION_KINDS) - 1u,
    (1u << KWS_FRONTEND_KINDS) - 1u,
    3u,
};

#define KWS_KIND(NAME, name)                                             \
    void kws_##name##_reset(const kws_frontend *frontend, void *memory); \
    void kws_##name##_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);
#include "kws/frontends/kinds.def"
#undef KWS_KIND

#define KWS_KIND(NAME, name)                                             \
    void kws_##name##_reset(const kws_decision *decision, void *memory); \
    void kws_##name##_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);
#include "kws/decisions/kinds.def"
#undef KWS_KIND

void kws_frontend_reset(const kws_frontend *frontend, void *memory)
{
    switch (frontend->kind) {
#define KWS_KIND(NAME, name)                  \
    case KWS_FRONTEND_##NAME:                 \
        kws_##name##_reset(frontend, memory); \
        break;
#include "kws/frontends/kinds.def"
#undef KWS_KIND
    default:
        break;
    }
}

void kws_frontend_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features)
{
    switch (frontend->kind) {
#define KWS_KIND(NAME, name)                               \
    case KWS_FRONTEND_##NAME:                              \
        kws_##name##_run(frontend, memory, pcm, features); \
        break;
#include "kws/frontends/kinds.def"
#undef KWS_KIND
    default:
        break;
    }
}

void kws_decision_reset(const kws_decision *decision, void *memory)
{
    switch (decision->kind) {
#define KWS_KIND(NAME, name)                  \
    case KWS_DECISION_##NAME:                 \
        kws_##name##_reset(decision, memory); \
        break;
#include "kws/decisions/kinds.def"
#undef KWS_KIND
    default:
        break;
    }
}

void kws_decision_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    switch (decision->kind) {
#define KWS_KIND(NAME, name)                                     \
    case KWS_DECISION_##NAME:                                    \
        kws_##name##_step(decision, memory, posteriors, result); \
        break;
#include "kws/decisions/kinds.def"
#undef KWS_KIND
    default:
        break;
    }
}

void kws_gate_reset(const kws_model *model, void *memory)
{
    if (model->gate != NULL) {
        kws_voice_gate_reset(model, memory);
    }
}

const int8_t *kws_gate_run(const kws_model *model, void *memory, void *network, const int8_t *features)
{
    if (model->gate != NULL) {
        return kws_voice_gate_run(model, memory, network, features);
    }
    const int8_t *posteriors = NULL;
    (void)kws_network_run(model->network, network, features, &posteriors);
    return posteriors;
}

#endif
