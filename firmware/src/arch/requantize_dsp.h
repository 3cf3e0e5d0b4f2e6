/*
 * From int32 sums to int8 for the DSP extension of Armv7E-M and Armv8-M, four to a word.
 *
 * Proved by tests/firmware/test_convolutions.py, which compares whole networks with the harness on this core.
 */
#ifndef KWS_ARCH_REQUANTIZE_DSP_H
#define KWS_ARCH_REQUANTIZE_DSP_H

#include "../arithmetic.h"

/* Each byte of x, but at least that of low and at most that of high. */
KWS_INLINE uint32_t kws_clamp_bytes(uint32_t x, uint32_t low, uint32_t high)
{
    uint32_t scratch;
    __asm("ssub8 %1, %0, %2\n"
          "sel %0, %0, %2\n"
          "ssub8 %1, %3, %0\n"
          "sel %0, %0, %3\n"
          : "+r"(x), "=&r"(scratch)
          : "r"(low), "r"(high));
    return x;
}

/* Where a step is not below 0, which few models have: apart, as the other way is in four places. */
KWS_NOINLINE int32_t kws_dsp_left_shifted(int32_t x, const kws_dsp_factor *factor, int32_t zero_point)
{
    return (int32_t)((uint32_t)kws_dsp_multiply(x, factor) + (uint32_t)zero_point);
}

/* kws_dsp_multiply with the zero point added, modulo 2^32, saturated: a byte. */
KWS_INLINE uint32_t kws_dsp_byte(int32_t x, const kws_dsp_factor *factor, int32_t zero_point)
{
    if (__builtin_expect(factor->step < 0, 1)) {
        const int32_t value = kws_smmlar(x, factor->value, x);
        x = kws_smmlsr(value + kws_sign(value), factor->step, zero_point);
    } else {
        x = kws_dsp_left_shifted(x, factor, zero_point);
    }
    return (uint32_t)kws_ssat8(x) & 0xFFu;
}

#endif
