/* Window and complex FFT in int32: docs/SPEC.md, "Windowing" and "FFT". Twin of kws/fixedpoint/frontends/fft.py. */
#ifndef KWS_FRONTENDS_FFT_H
#define KWS_FRONTENDS_FFT_H

#include "kws/frontends/log_mel.h"

/*
 * Reads pcm [n_fft] and writes the spectrum of the windowed samples, taken in pairs as complex
 * values: n_fft / 2 interleaved re and im.
 */
typedef void kws_fft(const kws_log_mel *f, const int16_t *pcm, int32_t *spectrum);

kws_fft kws_windowed_fft;

/* The same of n_fft = 512, of whose code a program without other sizes is made. */
kws_fft kws_windowed_fft_512;

#endif
