/*
 * Two loops of the front end in the assembler of Armv7-M and later: what power_spectrum in frontend.c
 * does with a spectrum.
 */
#ifndef KWS_ARCH_POWER_ARMV7M_H
#define KWS_ARCH_POWER_ARMV7M_H

#include <stdint.h>

/* OR of x if x >= 0, else ~x, over `count` values, a multiple of 4. */
__attribute__((naked, noinline)) static uint32_t kws_used_bits(const int32_t *values, uint32_t count)
{
    (void)values, (void)count;
    __asm volatile("push    {r4, r5, lr}\n"
                   "mov     r12, #0\n"
                   "1:\n"
                   "ldmia   r0!, {r2, r3, r4, r5}\n"
                   "eor     r2, r2, r2, asr #31\n"
                   "eor     r3, r3, r3, asr #31\n"
                   "eor     r4, r4, r4, asr #31\n"
                   "eor     r5, r5, r5, asr #31\n"
                   "orr     r12, r12, r2\n"
                   "orr     r12, r12, r3\n"
                   "orr     r12, r12, r4\n"
                   "orr     r12, r12, r5\n"
                   "subs    r1, r1, #4\n"
                   "bne     1b\n"
                   "mov     r0, r12\n"
                   "pop     {r4, r5, pc}\n");
}

/* (2^26 + x * x + y * y) >> 27 to r6; destroys r7. */
#define KWS_POWER(x, y)                 \
    "mov     r6, #0x4000000\n"          \
    "mov     r7, #0\n"                  \
    "smlal   r6, r7, " x ", " x "\n"    \
    "smlal   r6, r7, " y ", " y "\n"    \
    "lsr     r6, r6, #27\n"             \
    "orr     r6, r6, r7, lsl #5\n"

/* powers_of_pair for all pairs from z upwards and mirror downwards until they have met; shift at least 1. */
__attribute__((naked, noinline)) static void kws_powers_of_pairs(int32_t *z, int32_t *mirror, const int32_t *twiddle,
                                                                 int32_t shift)
{
    (void)z, (void)mirror, (void)twiddle, (void)shift;
    __asm volatile("push    {r4-r11, lr}\n"
                   "sub     r12, r3, #1\n"
                   "1:\n"
                   "ldrd    r4, r5, [r0]\n"
                   "ldrd    r6, r7, [r1]\n"
                   "add     r8, r4, r6\n"
                   "sub     r9, r5, r7\n"
                   "add     r10, r5, r7\n"
                   "sub     r11, r6, r4\n"
                   "lsl     r8, r8, r12\n" /* even part */
                   "lsl     r9, r9, r12\n"
                   "lsl     r10, r10, r3\n" /* twice the odd part */
                   "lsl     r11, r11, r3\n"
                   "ldrd    r4, r5, [r2], #8\n"
                   "smull   r6, r7, r10, r4\n"
                   "smlal   r6, r7, r11, r5\n"
                   "rsb     r10, r10, #0\n"
                   "smull   lr, r11, r11, r4\n"
                   "smlal   lr, r11, r10, r5\n"
                   "add     r4, r8, r7\n"
                   "rsbs    r6, r6, #0\n" /* the negative's high word for the mirrored bin */
                   "mvn     r7, r7\n"
                   "adc     r7, r7, #0\n"
                   "add     r8, r8, r7\n"
                   "add     r5, r9, r11\n"
                   "sub     r9, r11, r9\n"
                   KWS_POWER("r4", "r5")
                   "str     r6, [r0], #8\n"
                   KWS_POWER("r8", "r9")
                   "str     r6, [r1], #-8\n"
                   "cmp     r0, r1\n"
                   "bls     1b\n"
                   "pop     {r4-r11, pc}\n");
}

#endif
