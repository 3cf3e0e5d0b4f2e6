/* Products of 64 bits. */
#ifndef KWS_ARCH_PRODUCT_H
#define KWS_ARCH_PRODUCT_H

#include <stdint.h>

#include "dual.h"

#if KWS_HAS_ASSEMBLER && defined(__ARM_ARCH_6M__)

/*
 * Armv6-M multiplies 32 bits to 32. Of its compiler's 64 times 64 bits half is spent on what is only
 * sign here, and as much again on keeping registers.
 */
KWS_NAKED int64_t kws_wide_product(KWS_UNSEEN int32_t a, KWS_UNSEEN int32_t b)
{
    __asm volatile(".syntax unified\n"
                   "uxth    r2, r0\n"
                   "asrs    r0, r0, #16\n"
                   "uxth    r3, r1\n"
                   "asrs    r1, r1, #16\n"
                   "mov     r12, r4\n"
                   "movs    r4, r0\n"
                   "muls    r4, r3, r4\n" /* high half of a, low half of b */
                   "muls    r3, r2, r3\n" /* low, low */
                   "muls    r0, r1, r0\n" /* high, high */
                   "muls    r1, r2, r1\n" /* low, high */
                   "lsrs    r2, r3, #16\n"
                   "adds    r4, r4, r2\n"
                   "asrs    r2, r4, #16\n"
                   "adds    r0, r0, r2\n"
                   "uxth    r4, r4\n"
                   "adds    r1, r1, r4\n"
                   "asrs    r2, r1, #16\n"
                   "adds    r2, r0, r2\n"
                   "lsls    r0, r1, #16\n"
                   "uxth    r3, r3\n"
                   "orrs    r0, r3\n"
                   "movs    r1, r2\n"
                   "mov     r4, r12\n"
                   "bx      lr\n");
}

/* Two products of 16 bits are enough. */
static inline uint64_t kws_wide_product_u16(uint32_t a, uint16_t b)
{
    return ((uint64_t)((a >> 16) * b) << 16) + (a & 0xFFFFu) * b;
}

#else

static inline int64_t kws_wide_product(int32_t a, int32_t b)
{
    return (int64_t)a * b;
}

static inline uint64_t kws_wide_product_u16(uint32_t a, uint16_t b)
{
    return (uint64_t)a * b;
}

#endif

#endif
