/* Window, FFT and split in int16: docs/SPEC.md, "Microfrontend". Twin of kws/fixedpoint/frontends/fft16.py. */
#ifndef KWS_FRONTENDS_FFT16_H
#define KWS_FRONTENDS_FFT16_H

#include "kws/frontends/microfrontend.h"

/*
 * Reads pcm [512]; writes the spectrum of the windowed samples: bins 1 to 255 at their places, re in the low
 * and im in the high half. Returns the left shift that the samples were given.
 */
uint32_t kws_windowed_fft16(const kws_microfrontend *f, const int16_t *pcm, uint32_t *spectrum);

#endif
