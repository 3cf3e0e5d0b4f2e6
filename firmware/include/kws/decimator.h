/*
 * The bits of a PDM microphone to 16 kHz PCM, in integers; specified in docs/SPEC.md, "Decimator".
 *
 *     static kws_decimator decimator;
 *     int32_t samples = kws_decimator_init(&decimator, 4);
 *     ...
 *     samples = kws_decimator_process(&decimator, bits, sizeof bits, pcm, sizeof bits / 8 + 1);
 *     if (samples < 0) puts(kws_error_name(samples));
 *
 * 64 bits make a sample: a microphone clocked at 1.024 MHz gives 16 kHz. Between 0 and 7 kHz the
 * response is flat, and everything that would be folded into there is at least 60 dB weaker. The
 * microphone's offset is removed.
 *
 * It needs no model: src/decimator.c and src/error_name.c are all of it.
 */
#ifndef KWS_DECIMATOR_H
#define KWS_DECIMATOR_H

#include <stddef.h>
#include <stdint.h>

#include "kws/kws.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KWS_DECIMATOR_BYTES_PER_SAMPLE 8
#define KWS_DECIMATOR_GREATEST_GAIN 8

/* Samples that are worked on at once: more cost memory, fewer cost time. The output is the same. */
#define KWS_DECIMATOR_BLOCK 16

#define KWS_DECIMATOR_HALF_BAND_TAPS 11
#define KWS_DECIMATOR_LOW_PASS_TAPS 48

/* One microphone's whole state, the caller's. The members are the library's own business. */
typedef struct kws_decimator {
    uint32_t sums[2];     /* of the four 128 kHz counts that the next bytes add to, 16 bits each */
    uint32_t counts[3];   /* the last 128 kHz counts */
    int32_t rate64[KWS_DECIMATOR_HALF_BAND_TAPS - 2 + 4 * KWS_DECIMATOR_BLOCK];
    int16_t rate32[KWS_DECIMATOR_LOW_PASS_TAPS - 2 + 2 * KWS_DECIMATOR_BLOCK];
    int32_t offset;       /* the mean of the samples, as far as it is known */
    uint8_t pending[KWS_DECIMATOR_BYTES_PER_SAMPLE]; /* the first bytes of a sample, the rest to come */
    uint8_t pending_count;
    uint8_t gain;
} kws_decimator;

/*
 * Prepare `decimator`. `gain` is a left shift of the samples, 0 to KWS_DECIMATOR_GREATEST_GAIN: 6.02 dB
 * a step; without it a full-scale input gives full-scale samples. What exceeds int16 is clipped.
 * Returns KWS_OK or what is wrong: KWS_ERROR_ARGUMENT.
 */
int32_t kws_decimator_init(kws_decimator *decimator, uint32_t gain);

/*
 * Feed `bytes` bytes of 8 bits each, the most significant first; a 1 is +1, a 0 is -1. Writes a
 * sample for every KWS_DECIMATOR_BYTES_PER_SAMPLE bytes fed since kws_decimator_init, at most
 * `capacity`, and returns how many; however a stream is cut into calls, the samples are the same.
 * Or what is wrong: KWS_ERROR_ARGUMENT, or KWS_ERROR_MEMORY where there would be more samples than
 * `capacity`; bytes / KWS_DECIMATOR_BYTES_PER_SAMPLE + 1 always suffice. `pdm` may be NULL if `bytes`
 * is 0, `pcm` if no sample is completed.
 */
int32_t kws_decimator_process(kws_decimator *decimator, const uint8_t *pdm, size_t bytes, int16_t *pcm,
                              size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
