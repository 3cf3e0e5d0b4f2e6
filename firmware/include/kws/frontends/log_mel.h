/* The constants of a log-mel front end, which `kws export` fills in: docs/SPEC.md, "Front end". */
#ifndef KWS_FRONTENDS_LOG_MEL_H
#define KWS_FRONTENDS_LOG_MEL_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kws_log_mel {
    const int16_t *window;        /* Q0.15 [n_fft], zeros from the window's length on; NULL if there is wide_window */
    const int32_t (*twiddles)[2]; /* cos and sin in Q0.31 [n_fft / 4 + 1], a quarter of a turn */
    const uint16_t *segment_ends; /* [bands + 1] */
    const uint16_t *weights;      /* Q0.15, from first_bin on */
    const int32_t *wide_window;   /* KWS_ARCH_DSP, n_fft = 512: window_zeros zeros, the window to [255] in Q0.26; or NULL */
    int32_t log_offset;           /* Q.16 */
    uint16_t n_fft;
    uint16_t first_bin;
    uint16_t bands; /* of a row */
    uint16_t step;  /* samples from window to window */
    uint8_t rows;   /* windows of a frame */
    uint16_t window_zeros;
} kws_log_mel;

/* Its memory: int32_t spectrum[n_fft], interleaved re and im. It keeps nothing from frame to frame. */
#define KWS_LOG_MEL_BYTES(n_fft) (4u * (n_fft))

void kws_log_mel_reset(const kws_frontend *frontend, void *memory);
void kws_log_mel_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);

/* The same of n_fft = 512, which generated code calls: a program without other sizes has no code of theirs. */
void kws_log_mel_run_512(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);

#ifdef __cplusplus
}
#endif

#endif
