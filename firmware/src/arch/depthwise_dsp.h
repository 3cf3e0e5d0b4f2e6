/*
 * A depthwise convolution for the DSP extension of Armv7E-M and Armv8-M, over weights that the generator packed
 * (kws/layers/depthwise_packing.py, the twin of this file): four outputs and two taps at once.
 *
 * A word of weights holds channel a of both taps in its even bytes and channel a + 1 in its odd ones; SXTB16 makes of
 * them what SMLAD multiplies by the same channel of both taps' pixels. The last four outputs may be some that were
 * there already, which makes them the same once more.
 *
 * Proved by tests/firmware/test_convolutions.py.
 */
#ifndef KWS_ARCH_DEPTHWISE_DSP_H
#define KWS_ARCH_DEPTHWISE_DSP_H

#include "kws/layers/depthwise_conv_2d.h"

#include "../arithmetic.h"
#include "pointers.h"

#define KWS_DEPTHWISE_OUTPUTS 4u

static inline int kws_is_depthwise_fast(const kws_depthwise_conv_2d *conv)
{
    return conv->packed_weights != NULL;
}

/* a's low half below b's low half, and a's high half below b's high half. */
KWS_INLINE uint32_t kws_low_halves(uint32_t a, uint32_t b)
{
    uint32_t result;
    __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(a), "r"(b));
    return result;
}

KWS_INLINE uint32_t kws_high_halves(uint32_t a, uint32_t b)
{
    uint32_t result;
    __asm("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(b), "r"(a));
    return result;
}

KWS_INLINE int8_t kws_depthwise_output(const kws_depthwise_conv_2d *conv, int32_t sum, uint32_t output)
{
    /* DEPTHWISE_CONV_2D/2 */
    const int32_t scaled = kws_dsp_multiply(sum, &conv->packed_factors[conv->per_channel ? output : 0]);
    return kws_add_zero_point(scaled, conv->output_zero_point, conv->activation_min, conv->activation_max);
}

static void kws_depthwise_pixel(const kws_depthwise_conv_2d *conv, const kws_pointers *pointers, int8_t *output)
{
    const uint32_t *weights = conv->packed_weights;
    const int8_t *const *end = pointers->taps + (pointers->count + 1u) / 2u * 2u;
    for (uint32_t i = 0;;) {
        const int32_t *bias = conv->bias + i;
        int32_t s0 = bias[0], s1 = bias[1], s2 = bias[2], s3 = bias[3];
        for (const int8_t *const *tap = pointers->taps; tap < end; tap += 2) {
            /* DEPTHWISE_CONV_2D/1 */
            const uint32_t x = kws_load_word(tap[0] + i), y = kws_load_word(tap[1] + i);
            const uint32_t v = *weights++, w = *weights++;
            const uint32_t x_even = kws_sxtb16(x), y_even = kws_sxtb16(y);
            s0 = kws_smlad(kws_low_halves(x_even, y_even), kws_sxtb16(v), s0);
            s2 = kws_smlad(kws_high_halves(x_even, y_even), kws_sxtb16(w), s2);
            const uint32_t x_odd = kws_sxtb16_odd(x), y_odd = kws_sxtb16_odd(y);
            s1 = kws_smlad(kws_low_halves(x_odd, y_odd), kws_sxtb16_odd(v), s1);
            s3 = kws_smlad(kws_high_halves(x_odd, y_odd), kws_sxtb16_odd(w), s3);
        }
        output[i] = kws_depthwise_output(conv, s0, i);
        output[i + 1u] = kws_depthwise_output(conv, s1, i + 1u);
        output[i + 2u] = kws_depthwise_output(conv, s2, i + 2u);
        output[i + 3u] = kws_depthwise_output(conv, s3, i + 3u);
        const uint32_t last = conv->outputs - KWS_DEPTHWISE_OUTPUTS;
        if (i == last) {
            return;
        }
        i = i + KWS_DEPTHWISE_OUTPUTS < last ? i + KWS_DEPTHWISE_OUTPUTS : last;
    }
}

#endif
