/*
 * A depthwise convolution for Helium, the vector extension of Armv8.1-M: sixteen outputs at once. Products of int8 are
 * added in int16 over as many taps as the generator has proved to fit, and in int32 from there on. The last sixteen
 * outputs may be some that were there already, which makes them the same once more.
 *
 * Proved by tests/firmware/test_convolutions.py.
 */
#ifndef KWS_ARCH_DEPTHWISE_HELIUM_H
#define KWS_ARCH_DEPTHWISE_HELIUM_H

#include "kws/layers/depthwise_conv_2d.h"

#include "pointers.h"
#include "requantize_helium.h"

#define KWS_DEPTHWISE_OUTPUTS 16u

static inline int kws_is_depthwise_fast(const kws_depthwise_conv_2d *conv)
{
    return conv->at_once != 0;
}

/* DEPTHWISE_CONV_2D/1 without the bias, of sixteen outputs from output i on. */
KWS_INLINE void kws_depthwise_sums(const kws_depthwise_conv_2d *conv, const kws_pointers *pointers, uint32_t i,
                                   int32_t *sums)
{
    const int8_t *weights = conv->weights + i;
    const int8_t *const *tap = pointers->taps;
    const int8_t *const *end = tap + pointers->count;
    int32x4_t s0 = vdupq_n_s32(0), s1 = s0, s2 = s0, s3 = s0;
    while (tap < end) {
        const uint32_t left = (uint32_t)(end - tap);
        const int8_t *const *pause = tap + (left < conv->at_once ? left : conv->at_once);
        int8x16_t x = vldrbq_s8(*tap++ + i), w = vldrbq_s8(weights);
        int16x8_t even = vmullbq_int_s8(x, w), odd = vmulltq_int_s8(x, w);
        weights += conv->outputs;
        while (tap < pause) {
            x = vldrbq_s8(*tap++ + i);
            w = vldrbq_s8(weights);
            even = vaddq_s16(even, vmullbq_int_s8(x, w));
            odd = vaddq_s16(odd, vmulltq_int_s8(x, w));
            weights += conv->outputs;
        }
        s0 = vaddq_s32(s0, vmovlbq_s16(even));
        s2 = vaddq_s32(s2, vmovltq_s16(even));
        s1 = vaddq_s32(s1, vmovlbq_s16(odd));
        s3 = vaddq_s32(s3, vmovltq_s16(odd));
    }
    /* Output 4 n + k is lane n of sk. */
    const int32x4x4_t all = {{s0, s1, s2, s3}};
    vst4q_s32(sums, all);
}

static void kws_depthwise_pixel(const kws_depthwise_conv_2d *conv, const kws_pointers *pointers, int8_t *output)
{
    const kws_lanes_output lanes = kws_lanes_output_of(conv->per_channel, conv->output_zero_point,
                                                       conv->activation_min, conv->activation_max);
    const uint32_t last = conv->outputs - KWS_DEPTHWISE_OUTPUTS;
    int32_t sums[KWS_DEPTHWISE_OUTPUTS];
    for (uint32_t i = 0;; i = i + KWS_DEPTHWISE_OUTPUTS < last ? i + KWS_DEPTHWISE_OUTPUTS : last) {
        kws_depthwise_sums(conv, pointers, i, sums);
        for (uint32_t at = 0; at < KWS_DEPTHWISE_OUTPUTS; at += 4u) {
            const int32x4_t sum = vaddq_s32(vld1q_s32(sums + at), vld1q_s32(conv->bias + i + at));
            /* DEPTHWISE_CONV_2D/2 */
            kws_lanes_requantize(sum, conv->factors + (conv->per_channel ? i + at : 0), &lanes, output + i + at);
        }
        if (i == last) {
            return;
        }
    }
}

#endif
