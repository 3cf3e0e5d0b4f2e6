/* Any kind of front end: which there are is in kws/frontends.def. Twin of kws/fixedpoint/frontends. */
#ifndef KWS_FRONTENDS_H
#define KWS_FRONTENDS_H

#include "kws/model.h"

/* Whether this build of the library can run the front end. */
int kws_frontend_known(const kws_frontend *frontend);

/* Forget all that came before. `memory` is frontend->memory_bytes large. */
void kws_frontend_reset(const kws_frontend *frontend, void *memory);

/* One hop: reads pcm [pcm_size], the window's samples and zeros behind them; writes features [bands]. */
void kws_frontend_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);

/* The same of each kind, in src/frontends/<name>.c. */
#define KWS_FRONTEND(NAME, name)                                         \
    void kws_##name##_reset(const kws_frontend *frontend, void *memory); \
    void kws_##name##_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);
#include "kws/frontends.def"
#undef KWS_FRONTEND

#endif
