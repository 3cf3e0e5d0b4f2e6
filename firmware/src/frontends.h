/* Any kind of front end: which there are is in kws/frontends.def. Twin of kws/fixedpoint/frontends. */
#ifndef KWS_FRONTENDS_H
#define KWS_FRONTENDS_H

#include "kws/model.h"

/* What each kind has, in src/frontends/<name>.c. */
#define KWS_FRONTEND(NAME, name)                                         \
    void kws_##name##_reset(const kws_frontend *frontend, void *memory); \
    void kws_##name##_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);
#include "kws/frontends.def"
#undef KWS_FRONTEND

/* Whether this build of the library can run the front end. */
static inline int kws_frontend_known(const kws_frontend *frontend)
{
#define KWS_FRONTEND(NAME, name) (KWS_USES(NAME) && frontend->kind == KWS_FRONTEND_##NAME) ||
    return
#include "kws/frontends.def"
        0;
#undef KWS_FRONTEND
}

/* Forget all that came before. `memory` is frontend->memory_bytes large. */
static inline void kws_frontend_reset(const kws_frontend *frontend, void *memory)
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

/* One hop: reads pcm [pcm_size], the window's samples and zeros behind them; writes features [bands]. */
static inline void kws_frontend_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features)
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

#endif
