/* int16 PCM frames to int8 log-mel features. Twin of kws/fixedpoint/frontends/log_mel.py. */
#ifndef KWS_FRONTENDS_LOG_MEL_H
#define KWS_FRONTENDS_LOG_MEL_H

#include "kws/model.h"

/*
 * One frame: reads pcm [n_fft], of which what follows window_size samples counts for nothing, uses
 * `spectrum` [n_fft] as working memory, writes features [bands].
 */
void kws_log_mel(const kws_frontend *frontend, const int16_t *pcm, int32_t *spectrum, int8_t *features);

#endif
