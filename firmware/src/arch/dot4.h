/* Sums of products of int8 for four rows at once; the order of the terms does not matter (dot.h). */
#ifndef KWS_ARCH_DOT4_H
#define KWS_ARCH_DOT4_H

#include <stdint.h>

#include "dual.h"

#if KWS_HAS_ASSEMBLER && defined(__ARM_ARCH_6M__)

/*
 * Four rows of weights one after another times one vector, added to sums; count is at least 1. In the
 * assembler of Armv6-M, whose eight low registers the loop fills; the sums lie in the high ones.
 */
KWS_NAKED void kws_dot4(KWS_UNSEEN const int8_t *rows, KWS_UNSEEN const int8_t *x, KWS_UNSEEN uint32_t count,
                        KWS_UNSEEN int32_t sums[4])
{
    __asm volatile(".syntax unified\n"
                   "push    {r4-r7, lr}\n"
                   "mov     r4, r8\n"
                   "mov     r5, r9\n"
                   "mov     r6, r10\n"
                   "mov     r7, r11\n"
                   "push    {r3-r7}\n"
                   "ldmia   r3!, {r4-r7}\n"
                   "mov     r8, r4\n"
                   "mov     r9, r5\n"
                   "mov     r10, r6\n"
                   "mov     r11, r7\n"
                   "adds    r1, r1, r2\n" /* ends, and an index that counts up to 0 */
                   "adds    r4, r0, r2\n"
                   "adds    r5, r4, r2\n"
                   "adds    r6, r5, r2\n"
                   "adds    r7, r6, r2\n"
                   "rsbs    r0, r2, #0\n"
                   "1:\n"
                   "ldrsb   r2, [r1, r0]\n"
                   "ldrsb   r3, [r4, r0]\n"
                   "muls    r3, r2, r3\n"
                   "add     r8, r3\n"
                   "ldrsb   r3, [r5, r0]\n"
                   "muls    r3, r2, r3\n"
                   "add     r9, r3\n"
                   "ldrsb   r3, [r6, r0]\n"
                   "muls    r3, r2, r3\n"
                   "add     r10, r3\n"
                   "ldrsb   r3, [r7, r0]\n"
                   "muls    r3, r2, r3\n"
                   "add     r11, r3\n"
                   "adds    r0, r0, #1\n"
                   "bne     1b\n"
                   "ldr     r0, [sp]\n"
                   "mov     r4, r8\n"
                   "mov     r5, r9\n"
                   "mov     r6, r10\n"
                   "mov     r7, r11\n"
                   "stmia   r0!, {r4-r7}\n"
                   "pop     {r3-r7}\n"
                   "mov     r8, r4\n"
                   "mov     r9, r5\n"
                   "mov     r10, r6\n"
                   "mov     r11, r7\n"
                   "pop     {r4-r7, pc}\n" ::: "memory");
}

#else

/* Four rows of weights one after another times one vector, added to sums: each value is read once for all rows. */
static inline void kws_dot4(const int8_t *rows, const int8_t *x, uint32_t count, int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    const int8_t *r0 = rows, *r1 = r0 + count, *r2 = r1 + count, *r3 = r2 + count;
    for (const int8_t *end = x + count; x < end; x++) {
        const int32_t value = *x;
        s0 += *r0++ * value;
        s1 += *r1++ * value;
        s2 += *r2++ * value;
        s3 += *r3++ * value;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#endif

#endif
