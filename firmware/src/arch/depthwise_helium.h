/*
 * A depthwise convolution for Helium, the vector extension of Armv8.1-M, over weights that the generator packed
 * (kws/layers/depthwise_packing.py, the twin of this file): sixteen outputs and two taps at once. Two products of int8
 * are added in int16, which the generator has proved to hold them, and all else in int32. The last sixteen outputs
 * may be some that were there already, which makes them the same once more.
 *
 * Proved by tests/firmware/test_convolutions.py.
 */
#ifndef KWS_ARCH_DEPTHWISE_HELIUM_H
#define KWS_ARCH_DEPTHWISE_HELIUM_H

#include <arm_mve.h>

#include "kws/layers/depthwise_conv_2d.h"

#include "pointers.h"

#define KWS_DEPTHWISE_OUTPUTS 16u

/* DEPTHWISE_CONV_2D/2 of the next four outputs without the zero point; `factors` moves on. */
KWS_INLINE int32x4_t kws_depthwise_scaled(int32x4_t sums, const int32_t **factors)
{
    const int32x4_t value = vld1q_s32(*factors), shift = vld1q_s32(*factors + 4);
    const int32x4_t scaled = vqrdmulhq_s32(sums, value);
    *factors += 8;
    /* VRSHL rounds halves up, and halves of a negative value go down: it is made a little less than its half. */
    return vrshlq_s32(vaddq_s32(scaled, vshrq_n_s32(scaled, 31)), shift);
}

KWS_NOINLINE void kws_depthwise_pixel(const kws_depthwise_conv_2d *conv, const kws_pointers *pointers, int8_t *output)
{
    const int32_t *packed = (const int32_t *)conv->packed_weights;
    const uint32_t last = conv->outputs - KWS_DEPTHWISE_OUTPUTS;
    const uint32_t pairs = (pointers->count + 1u) / 2u;
    for (uint32_t i = 0;;) {
        /* Outputs 4 n + k are the lanes of sk. */
        int32x4_t s0 = vld1q_s32(packed), s1 = vld1q_s32(packed + 4), s2 = vld1q_s32(packed + 8);
        int32x4_t s3 = vld1q_s32(packed + 12);
        const int8_t *weights = (const int8_t *)(packed + 16);
        const int8_t *const *tap = pointers->taps;
        for (uint32_t pair = pairs; pair > 0; pair--) {
            /* DEPTHWISE_CONV_2D/1 */
            const int8x16_t x = vldrbq_s8(tap[0] + i), v = vldrbq_s8(weights);
            int16x8_t even = vmullbq_int_s8(x, v), odd = vmulltq_int_s8(x, v);
            const int8x16_t y = vldrbq_s8(tap[1] + i), w = vldrbq_s8(weights + 16);
            even = vaddq_s16(even, vmullbq_int_s8(y, w));
            odd = vaddq_s16(odd, vmulltq_int_s8(y, w));
            s0 = vaddq_s32(s0, vmovlbq_s16(even));
            s2 = vaddq_s32(s2, vmovltq_s16(even));
            s1 = vaddq_s32(s1, vmovlbq_s16(odd));
            s3 = vaddq_s32(s3, vmovltq_s16(odd));
            weights += 32;
            tap += 2;
        }
        packed = (const int32_t *)(const void *)weights;
        s0 = kws_depthwise_scaled(s0, &packed);
        s1 = kws_depthwise_scaled(s1, &packed);
        s2 = kws_depthwise_scaled(s2, &packed);
        s3 = kws_depthwise_scaled(s3, &packed);
        /* What saturates here is beyond the clamp with the zero point, too. */
        int16x8_t even = vqmovntq_s32(vqmovnbq_s32(vuninitializedq_s16(), s0), s2);
        int16x8_t odd = vqmovntq_s32(vqmovnbq_s32(vuninitializedq_s16(), s1), s3);
        even = vqaddq_n_s16(even, (int16_t)conv->output_zero_point);
        odd = vqaddq_n_s16(odd, (int16_t)conv->output_zero_point);
        int8x16_t result = vqmovntq_s16(vqmovnbq_s16(vuninitializedq_s8(), even), odd);
        result = vmaxq_s8(result, vdupq_n_s8((int8_t)conv->activation_min));
        result = vminq_s8(result, vdupq_n_s8((int8_t)conv->activation_max));
        vst1q_s8(output + i, result);
        if (i == last) {
            return;
        }
        i = i + KWS_DEPTHWISE_OUTPUTS < last ? i + KWS_DEPTHWISE_OUTPUTS : last;
    }
}

#endif
