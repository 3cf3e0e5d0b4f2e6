/*
 * Complex values of int16 in a word, re in its low half: MICRO/3 and MICRO/4 of docs/SPEC.md. Each operation is
 * portable C and, for Armv7E-M and later, the instructions that take both halves at once. Same bytes out
 * (tests/firmware/test_arch.py).
 */
#ifndef KWS_ARCH_COMPLEX16_H
#define KWS_ARCH_COMPLEX16_H

#include "dual.h"

/* Half of a unit in Q0.15. */
#define KWS_ROUND15 (1 << 14)

#if KWS_HAS_DSP

#define KWS_COMPLEX16(name, instruction)                                      \
    KWS_INLINE uint32_t name(uint32_t a, uint32_t b)                          \
    {                                                                         \
        uint32_t result;                                                      \
        __asm(instruction " %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));     \
        return result;                                                        \
    }

KWS_COMPLEX16(kws_add16, "sadd16")
KWS_COMPLEX16(kws_sub16, "ssub16")
/* a - jb and a + jb */
KWS_COMPLEX16(kws_sub_j16, "ssax")
KWS_COMPLEX16(kws_add_j16, "sasx")

/* Both sums, in Q0.15 with KWS_ROUND15 added, without their fraction. */
KWS_INLINE uint32_t kws_rounded16(int32_t re, int32_t im)
{
    uint32_t result;
    __asm("pkhtb %0, %1, %2, asr #15" : "=r"(result) : "r"(im << 1), "r"(re));
    return result;
}

#define KWS_PRODUCT16(name, instruction)                                                           \
    KWS_INLINE int32_t name(uint32_t a, uint32_t b)                                                \
    {                                                                                              \
        int32_t result;                                                                            \
        __asm(instruction " %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(KWS_ROUND15));    \
        return result;                                                                             \
    }

KWS_PRODUCT16(kws_low_product16, "smlabb")
KWS_PRODUCT16(kws_high_product16, "smlatb")
KWS_PRODUCT16(kws_real_product16, "smlsd")
KWS_PRODUCT16(kws_imaginary_product16, "smladx")

/* Each part times a factor in Q0.15. */
KWS_INLINE uint32_t kws_scale16(uint32_t a, int32_t factor)
{
    return kws_rounded16(kws_low_product16(a, (uint32_t)factor), kws_high_product16(a, (uint32_t)factor));
}

KWS_INLINE uint32_t kws_turn16(uint32_t a, const int16_t *twiddle)
{
    const uint32_t t = kws_load_word(twiddle);
    return kws_rounded16(kws_real_product16(a, t), kws_imaginary_product16(a, t));
}

#else

KWS_INLINE int32_t kws_re16(uint32_t a)
{
    return (int16_t)a;
}

KWS_INLINE int32_t kws_im16(uint32_t a)
{
    return (int16_t)(a >> 16);
}

KWS_INLINE uint32_t kws_of16(int32_t re, int32_t im)
{
    return ((uint32_t)re & 0xFFFFu) | (uint32_t)im << 16;
}

KWS_INLINE uint32_t kws_add16(uint32_t a, uint32_t b)
{
    return kws_of16((int32_t)(a + b), (int32_t)((a >> 16) + (b >> 16)));
}

KWS_INLINE uint32_t kws_sub16(uint32_t a, uint32_t b)
{
    return kws_of16((int32_t)(a - b), (int32_t)((a >> 16) - (b >> 16)));
}

KWS_INLINE uint32_t kws_sub_j16(uint32_t a, uint32_t b)
{
    return kws_of16((int32_t)(a + (b >> 16)), (int32_t)((a >> 16) - b));
}

KWS_INLINE uint32_t kws_add_j16(uint32_t a, uint32_t b)
{
    return kws_of16((int32_t)(a - (b >> 16)), (int32_t)((a >> 16) + b));
}

KWS_INLINE uint32_t kws_scale16(uint32_t a, int32_t factor)
{
    return kws_of16((kws_re16(a) * factor + KWS_ROUND15) >> 15, (kws_im16(a) * factor + KWS_ROUND15) >> 15);
}

KWS_INLINE uint32_t kws_turn16(uint32_t a, const int16_t *twiddle)
{
    const int32_t re = kws_re16(a) * twiddle[0] - kws_im16(a) * twiddle[1];
    const int32_t im = kws_re16(a) * twiddle[1] + kws_im16(a) * twiddle[0];
    return kws_of16((re + KWS_ROUND15) >> 15, (im + KWS_ROUND15) >> 15);
}

#endif

#endif
