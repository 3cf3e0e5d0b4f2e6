/*
 * The few operations that a target's instructions do better than its compiler: each is portable C
 * and, for Armv7E-M and later, the instruction. Same bytes out.
 */
#ifndef KWS_ARCH_DUAL_H
#define KWS_ARCH_DUAL_H

#include <stdint.h>

#include "kws/model.h"

/* For what is worth its code in every place, for what is not worth it in any, and for what had better be small. */
#if defined(__GNUC__)
#define KWS_INLINE static inline __attribute__((always_inline))
#define KWS_NOINLINE static __attribute__((noinline))
#define KWS_COLD __attribute__((cold, noinline))
#else
#define KWS_INLINE static inline
#define KWS_NOINLINE static
#define KWS_COLD
#endif

/*
 * A function all in assembler. What a compiler adds to every function when it is told to (canaries,
 * counters) would come before the first instruction and destroy the arguments. One that reads or writes
 * memory says so ("memory"): an optimiser that looks into it for its callers' sake sees no other accesses.
 */
#if KWS_HAS_ASSEMBLER
#if defined(__has_attribute)
#if __has_attribute(no_stack_protector)
#define KWS_NO_CANARY no_stack_protector,
#endif
#if __has_attribute(no_profile_instrument_function)
#define KWS_NO_PROFILE no_profile_instrument_function,
#endif
#endif
#ifndef KWS_NO_CANARY
#define KWS_NO_CANARY
#if defined(__SSP_ALL__)
#error "with this compiler use -fstack-protector-strong, or KWS_ARCH=0 for portable C"
#endif
#endif
#ifndef KWS_NO_PROFILE
#define KWS_NO_PROFILE
#endif
#define KWS_NAKED_EXTERN __attribute__((KWS_NO_CANARY KWS_NO_PROFILE no_instrument_function, naked, noinline))
#define KWS_NAKED KWS_NAKED_EXTERN static
#define KWS_UNSEEN __attribute__((unused)) /* an argument, which the compiler does not see used */
#endif

/* -1 if x < 0, else 0; arithmetic.h makes sure of the shift. */
KWS_INLINE int32_t kws_sign(int32_t x)
{
    return x >> 31; /* cppcheck-suppress shiftTooManyBitsSigned */
}

#if KWS_HAS_ASSEMBLER && defined(__thumb2__)
#define KWS_HAS_ARMV7M 1
#else
#define KWS_HAS_ARMV7M 0
#endif

#if KWS_ARCH != KWS_ARCH_PORTABLE
#define KWS_HAS_DSP 1
#else
#define KWS_HAS_DSP 0
#endif

#if KWS_HAS_DSP

/* The same value, of which the compiler knows nothing: it stays in a register and is not split into immediates. */
#define KWS_IN_REGISTER(value) __asm("" : "+r"(value))

static inline uint32_t kws_load_word(const void *from)
{
    uint32_t word;
    __builtin_memcpy(&word, from, sizeof word); /* one LDR, which these cores do at any address */
    return word;
}

/* Sum of both halves' products, added to sum, modulo 2^32. */
static inline int32_t kws_smlad(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t result;
    __asm("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* Bytes 0 and 2 as two int16. */
static inline uint32_t kws_sxtb16(uint32_t a)
{
    uint32_t result;
    __asm("sxtb16 %0, %1" : "=r"(result) : "r"(a));
    return result;
}

/* Bytes 1 and 3 as two int16. */
static inline uint32_t kws_sxtb16_odd(uint32_t a)
{
    uint32_t result;
    __asm("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(a));
    return result;
}

/* sum + (a * b + 2^31) / 2^32, rounded down. */
static inline int32_t kws_smmlar(int32_t a, int32_t b, int32_t sum)
{
    int32_t result;
    __asm("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* sum + (2^31 - a * b) / 2^32, rounded down. */
static inline int32_t kws_smmlsr(int32_t a, int32_t b, int32_t sum)
{
    int32_t result;
    __asm("smmlsr %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* Saturation to a number of bits, sign included. */
static inline int32_t kws_ssat8(int32_t a)
{
    int32_t result;
    __asm("ssat %0, #8, %1" : "=r"(result) : "r"(a));
    return result;
}

static inline int32_t kws_ssat16(int32_t a)
{
    int32_t result;
    __asm("ssat %0, #16, %1" : "=r"(result) : "r"(a));
    return result;
}

#endif

/* base + low[0] * (whole - part) + low[1] * part, part from 0 to whole - 1 < 2^15. */
static inline int32_t kws_interpolate(const int16_t *low, int32_t part, int32_t whole, int32_t base)
{
    return base + low[0] * whole + (low[1] - low[0]) * part;
}

#endif
