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
#include "requantize_dsp.h"

#define KWS_DEPTHWISE_OUTPUTS 4u

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

/* DEPTHWISE_CONV_2D/2 of the next output, before the clamp to more than int8; `factors` moves on. */
KWS_INLINE uint32_t kws_depthwise_output(int32_t sum, const uint32_t **factors, int32_t zero_point)
{
    const int32_t scaled = kws_smmlar(sum, (int32_t)*(*factors)++, sum);
    /* Halves of a negative value go down: it is made a little less than its half. */
    const int32_t value = kws_smmlsr(scaled + kws_sign(scaled), (int32_t)*(*factors)++, zero_point);
    return (uint32_t)kws_ssat8(value) & 0xFFu;
}

KWS_NOINLINE void kws_depthwise_pixel(const kws_depthwise_conv_2d *conv, const kws_pointers *pointers, int8_t *output)
{
    const uint32_t *packed = conv->packed_weights;
    const int8_t *const *end = pointers->taps + (pointers->count + 1u) / 2u * 2u;
    const uint32_t last = conv->outputs - KWS_DEPTHWISE_OUTPUTS;
    const int32_t zero_point = conv->output_zero_point;
    const uint32_t low = 0x01010101u * (uint8_t)conv->activation_min;
    const uint32_t high = 0x01010101u * (uint8_t)conv->activation_max;
    for (uint32_t i = 0;;) {
        int32_t s0 = (int32_t)packed[0], s1 = (int32_t)packed[1], s2 = (int32_t)packed[2], s3 = (int32_t)packed[3];
        packed += 4;
        for (const int8_t *const *tap = pointers->taps; tap < end; tap += 2) {
            /* DEPTHWISE_CONV_2D/1 */
            const uint32_t x = kws_load_word(tap[0] + i), y = kws_load_word(tap[1] + i);
            const uint32_t v = *packed++, w = *packed++;
            const uint32_t x_even = kws_sxtb16(x), y_even = kws_sxtb16(y);
            s0 = kws_smlad(kws_low_halves(x_even, y_even), kws_sxtb16(v), s0);
            s2 = kws_smlad(kws_high_halves(x_even, y_even), kws_sxtb16(w), s2);
            const uint32_t x_odd = kws_sxtb16_odd(x), y_odd = kws_sxtb16_odd(y);
            s1 = kws_smlad(kws_low_halves(x_odd, y_odd), kws_sxtb16_odd(v), s1);
            s3 = kws_smlad(kws_high_halves(x_odd, y_odd), kws_sxtb16_odd(w), s3);
        }
        uint32_t word = kws_depthwise_output(s0, &packed, zero_point);
        word |= kws_depthwise_output(s1, &packed, zero_point) << 8;
        word |= kws_depthwise_output(s2, &packed, zero_point) << 16;
        word |= kws_depthwise_output(s3, &packed, zero_point) << 24;
        word = kws_clamp_bytes(word, low, high);
        __builtin_memcpy(output + i, &word, sizeof word);
        if (i == last) {
            return;
        }
        i = i + KWS_DEPTHWISE_OUTPUTS < last ? i + KWS_DEPTHWISE_OUTPUTS : last;
    }
}

#endif
