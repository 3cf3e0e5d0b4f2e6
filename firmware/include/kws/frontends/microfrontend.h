/* The constants of the microfrontend, which `kws export` fills in: docs/SPEC.md, "Microfrontend". */
#ifndef KWS_FRONTENDS_MICROFRONTEND_H
#define KWS_FRONTENDS_MICROFRONTEND_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KWS_MICROFRONTEND_N_FFT 512u
#define KWS_MICROFRONTEND_BANDS 40u

typedef struct kws_microfrontend {
    const int16_t *window;              /* Q0.12 [512], zeros from the window's length on */
    const int16_t (*twiddles)[2];       /* cos and -sin in Q0.15 [192], three quarters of a turn */
    const int16_t (*split_twiddles)[2]; /* the same, of the split [128] */
    const uint16_t *segment_ends;       /* [41] */
    const uint16_t *falling;            /* Q0.12, from first_bin on */
    const int16_t (*gains)[3];          /* of each interval of the noise's estimate [33] */
    uint16_t first_bin;
    uint16_t step; /* samples from window to window */
    uint8_t rows;  /* windows of a frame */
} kws_microfrontend;

/* Its memory: uint32_t estimate[40], which it keeps, and a spectrum of 256 pairs of int16. */
#define KWS_MICROFRONTEND_BYTES (4u * KWS_MICROFRONTEND_BANDS + 2u * KWS_MICROFRONTEND_N_FFT)

void kws_microfrontend_reset(const kws_frontend *frontend, void *memory);
void kws_microfrontend_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);

#ifdef __cplusplus
}
#endif

#endif
