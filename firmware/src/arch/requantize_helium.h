/*
 * From int32 sums to int8 for Helium, four at a time, each with a factor of its own.
 *
 * Proved by tests/firmware/test_convolutions.py, which compares whole networks with the harness on this core.
 */
#ifndef KWS_ARCH_REQUANTIZE_HELIUM_H
#define KWS_ARCH_REQUANTIZE_HELIUM_H

#include <arm_mve.h>

#include "kws/model.h"

#include "dual.h"

typedef struct kws_lanes_output {
    uint32x4_t apart; /* bytes from the first factor to each lane's */
    int32_t zero_point;
    int32x4_t low;
    int32x4_t high;
} kws_lanes_output;

KWS_INLINE kws_lanes_output kws_lanes_output_of(uint32_t per_channel, int32_t zero_point, int32_t low, int32_t high)
{
    const uint32_t bytes = per_channel ? (uint32_t)sizeof(kws_factor) : 0;
    const kws_lanes_output result = {vmulq_n_u32(vidupq_n_u32(0, 1), bytes), zero_point, vdupq_n_s32(low),
                                     vdupq_n_s32(high)};
    return result;
}

/* multiply() of the specification: VQRDMULH is rdhm(), and VRSHL rounds halves up. */
KWS_INLINE int32x4_t kws_lanes_multiply_each(int32x4_t x, const kws_factor *factors, uint32x4_t apart)
{
    const int32x4_t value = vldrwq_gather_offset_s32(&factors->value, apart);
    /* A shift by a vector reads the lowest byte of a lane alone, which is left_shift. */
    const uint32x4_t shifts =
        vldrwq_gather_offset_u32((const uint32_t *)(const void *)&factors->left_shift, apart);
    const int32x4_t right = vnegq_s32(vreinterpretq_s32_u32(vshrq_n_u32(vshlq_n_u32(shifts, 16), 24)));
    x = vqrdmulhq_s32(vshlq_s32(x, vreinterpretq_s32_u32(shifts)), value);
    /* Halves of a negative value go down: it is made a little less than its half. */
    return vrshlq_s32(vaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31)), right);
}

/* Four sums to four bytes. */
KWS_INLINE void kws_lanes_requantize(int32x4_t sums, const kws_factor *factors, const kws_lanes_output *lanes,
                                     int8_t *output)
{
    int32x4_t x = kws_lanes_multiply_each(sums, factors, lanes->apart);
    x = vaddq_n_s32(x, lanes->zero_point);
    vstrbq_s32(output, vminq_s32(vmaxq_s32(x, lanes->low), lanes->high));
}

#endif
