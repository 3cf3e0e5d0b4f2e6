/*
 * Rounding, saturation and requantization: docs/SPEC.md, "Arithmetic".
 * Twin of kws/fixedpoint/arithmetic.py.
 */
#ifndef KWS_ARITHMETIC_H
#define KWS_ARITHMETIC_H

#include <stdint.h>

#include "arch/dual.h"
#include "arch/product.h"

/* The specification's right shifts of negative numbers round towards minus infinity. */
typedef char kws_right_shift_must_be_arithmetic[((-3) >> 1 == -2) ? 1 : -1];

/* Constants and products of int16 are written as int. */
typedef char kws_int_must_have_32_bits[sizeof(int) >= 4 ? 1 : -1];

static inline int32_t kws_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* To the range of 8 bits with sign. */
static inline int32_t kws_sat8(int32_t x)
{
#if KWS_HAS_DSP
    return kws_ssat8(x);
#else
    return kws_clamp(x, INT8_MIN, INT8_MAX);
#endif
}

/* To the range of 16 bits with sign. */
static inline int32_t kws_sat16(int32_t x)
{
#if KWS_HAS_DSP
    return kws_ssat16(x);
#else
    return kws_clamp(x, INT16_MIN, INT16_MAX);
#endif
}

/* To the range of 17 bits with sign. */
static inline int32_t kws_sat17(int32_t x)
{
    return kws_clamp(x, -65536, 65535);
}

/* x + zero_point, wrapped to int32 as TFLM's kernels wrap it, then clamped to low to high. */
static inline int8_t kws_add_zero_point(int32_t x, int32_t zero_point, int32_t low, int32_t high)
{
    return (int8_t)kws_clamp((int32_t)((uint32_t)x + (uint32_t)zero_point), low, high);
}

/* Modulo 2^32, as two's complement hardware does and signed C arithmetic may not. */
static inline int32_t kws_wrap(int32_t x, uint32_t bits)
{
    return (int32_t)((uint32_t)x << bits);
}

static inline int32_t kws_satshift(int32_t x, uint32_t bits)
{
    const int32_t limit = (int32_t)(INT32_MAX >> bits);
    return x > limit ? INT32_MAX : x < -limit - 1 ? INT32_MIN : kws_wrap(x, bits);
}

/* floor((a * b + 2^30) / 2^31), saturated where both are INT32_MIN. */
static inline int32_t kws_rdhm(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)((kws_wide_product(a, b) + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^exponent to nearest, halves away from zero; exponent 0 to 31. */
static inline int32_t kws_rshift(int32_t x, uint32_t exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

/* Both roundings count: TFLM's reference kernels round twice. */
static inline int32_t kws_multiply(int32_t x, const kws_factor *factor)
{
    const int32_t shifted = kws_wrap(x, factor->left_shift);
    return kws_rshift(kws_rdhm(shifted, factor->value), factor->right_shift);
}

#if KWS_HAS_DSP
/*
 * The same with a factor prepared: one rounding high multiplication for each rounding. A multiplier of
 * zero has no such form; the one that stands for it makes zero of |x| < 2^30.
 */
KWS_INLINE kws_dsp_factor kws_dsp_factor_of(const kws_factor *factor)
{
    kws_dsp_factor result = {INT32_MIN, -2};
    if (factor->value != 0) {
        result.value = kws_wrap(factor->value, 1);
        result.step = factor->right_shift > 0 ? (int32_t)(0u - (1u << (32u - factor->right_shift)))
                                              : factor->left_shift;
    }
    return result;
}

KWS_INLINE int32_t kws_dsp_multiply(int32_t x, const kws_dsp_factor *factor)
{
    if (__builtin_expect(factor->step < 0, 1)) {
        const int32_t value = kws_smmlar(x, factor->value, x);
        /* Halves of a negative value go down: it is made a little less than its half. */
        return kws_smmlsr(value + kws_sign(value), factor->step, 0);
    }
    x = kws_wrap(x, (uint32_t)factor->step);
    return kws_smmlar(x, factor->value, x);
}
#endif

/* Leading zeros of x > 0. */
static inline uint32_t kws_leading_zeros(uint32_t x)
{
#if defined(__GNUC__)
    return (uint32_t)__builtin_clz(x);
#else
    uint32_t zeros = 0;
    while (!(x & 0x80000000u)) {
        x <<= 1;
        zeros++;
    }
    return zeros;
#endif
}

#endif
