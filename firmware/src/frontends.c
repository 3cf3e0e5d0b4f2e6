#include "frontends.h"

int kws_frontend_known(const kws_frontend *frontend)
{
#define KWS_FRONTEND(NAME, name) (KWS_USES(NAME) && frontend->kind == KWS_FRONTEND_##NAME) ||
    return
#include "kws/frontends.def"
        0;
#undef KWS_FRONTEND
}

void kws_frontend_reset(const kws_frontend *frontend, void *memory)
{
    switch ((kws_frontend_kind)frontend->kind) {
#define KWS_FRONTEND(NAME, name)                  \
    case KWS_FRONTEND_##NAME:                     \
        if (KWS_USES(NAME)) {                     \
            kws_##name##_reset(frontend, memory); \
        }                                         \
        break;
#include "kws/frontends.def"
#undef KWS_FRONTEND
    }
}

void kws_frontend_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features)
{
    switch ((kws_frontend_kind)frontend->kind) {
#define KWS_FRONTEND(NAME, name)                               \
    case KWS_FRONTEND_##NAME:                                  \
        if (KWS_USES(NAME)) {                                  \
            kws_##name##_run(frontend, memory, pcm, features); \
        }                                                      \
        break;
#include "kws/frontends.def"
#undef KWS_FRONTEND
    }
}
