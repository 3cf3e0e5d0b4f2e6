/*
 * Three loops of the front end in the assembler of Armv7-M and later, FRONT/4 and FRONT/5: what power_spectrum
 * in frontends/log_mel.c does with a spectrum (tests/firmware/test_arch.py, test_front_end_settings).
 */
#ifndef KWS_ARCH_POWER_ARMV7M_H
#define KWS_ARCH_POWER_ARMV7M_H

#include <stdint.h>

#include "dual.h"

/* OR of x if x >= 0, else ~x, over `count` values, a multiple of 8. */
KWS_NAKED uint32_t kws_used_bits(KWS_UNSEEN const int32_t *values, KWS_UNSEEN uint32_t count)
{
    __asm volatile("push    {r4-r9, lr}\n"
                   "mov     r12, #0\n"
                   "1:\n"
                   "ldmia   r0!, {r2-r9}\n"
                   "eor     r2, r2, r2, asr #31\n"
                   "eor     r3, r3, r3, asr #31\n"
                   "eor     r4, r4, r4, asr #31\n"
                   "eor     r5, r5, r5, asr #31\n"
                   "eor     r6, r6, r6, asr #31\n"
                   "eor     r7, r7, r7, asr #31\n"
                   "eor     r8, r8, r8, asr #31\n"
                   "eor     r9, r9, r9, asr #31\n"
                   "orr     r12, r12, r2\n"
                   "orr     r12, r12, r3\n"
                   "orr     r12, r12, r4\n"
                   "orr     r12, r12, r5\n"
                   "orr     r12, r12, r6\n"
                   "orr     r12, r12, r7\n"
                   "orr     r12, r12, r8\n"
                   "orr     r12, r12, r9\n"
                   "subs    r1, r1, #8\n"
                   "bne     1b\n"
                   "mov     r0, r12\n"
                   "pop     {r4-r9, pc}\n" ::: "memory");
}

/* (2^26 + x * x + y * y) >> 27 to r6, the last bit shifted out being added as the carry; destroys high. */
#define KWS_POWER(x, y, high)                   \
    "smull   r6, " high ", " x ", " x "\n"      \
    "smlal   r6, " high ", " y ", " y "\n"      \
    "lsrs    r6, r6, #27\n"                     \
    "adc     r6, r6, " high ", lsl #5\n"

/*
 * From the even part, not shifted, in r8 r9, the odd part's product in r6 r7 and its high word for y in r11 to X and Y
 * in r4 r5 and the mirrored bin's in r8 r9. A core with the DSP extension multiplies and adds in one cycle.
 */
#if KWS_HAS_DSP
#define KWS_POWER_EVEN      \
    "mov     r12, #1\n"     \
    "sub     r4, r3, #1\n"  \
    "lsl     r12, r12, r4\n" /* what shifts the even part */
#define KWS_POWER_PARTS                 \
    "mla     r4, r8, r12, r7\n"         \
    "rsbs    r6, r6, #0\n"              \
    "sbc     r6, r7, r7, lsl #1\n" /* the negative's high word */ \
    "mla     r8, r8, r12, r6\n"         \
    "mla     r5, r9, r12, r11\n"        \
    "mls     r9, r9, r12, r11\n"
#else
#define KWS_POWER_EVEN "sub     r12, r3, #1\n"
#define KWS_POWER_PARTS                 \
    "lsl     r8, r8, r12\n"             \
    "lsl     r9, r9, r12\n"             \
    "add     r4, r8, r7\n"              \
    "rsbs    r6, r6, #0\n" /* with the negative's high word for the mirrored bin */ \
    "sbc     r8, r8, r7\n"              \
    "add     r5, r9, r11\n"             \
    "sub     r9, r11, r9\n"
#endif

/* powers_of_pair for all pairs from z upwards and mirror downwards until they have met; shift at least 1. */
KWS_NAKED void kws_powers_of_pairs(KWS_UNSEEN int32_t *z, KWS_UNSEEN int32_t *mirror, KWS_UNSEEN const int32_t *twiddle,
                                   KWS_UNSEEN int32_t shift)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   KWS_POWER_EVEN
                   "1:\n"
                   "ldrd    r4, r5, [r0]\n"
                   "ldrd    r6, r7, [r1]\n"
                   "add     r8, r4, r6\n"
                   "sub     r9, r5, r7\n"
                   "add     r10, r5, r7\n"
                   "sub     r11, r6, r4\n"
                   "lsl     r10, r10, r3\n" /* twice the odd part */
                   "lsl     r11, r11, r3\n"
                   "ldrd    r4, r5, [r2], #8\n"
                   "smull   r6, r7, r10, r4\n"
                   "smlal   r6, r7, r11, r5\n"
                   "rsb     r10, r10, #0\n"
                   "smull   lr, r11, r11, r4\n"
                   "smlal   lr, r11, r10, r5\n"
                   KWS_POWER_PARTS
                   KWS_POWER("r4", "r5", "r7")
                   "str     r6, [r0], #8\n"
                   KWS_POWER("r8", "r9", "r7")
                   "str     r6, [r1], #-8\n"
                   "cmp     r0, r1\n"
                   "bls     1b\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

/*
 * The same with a shift to the right, 0 or more. Halves are lost: r10 is twice the odd part's x, r11 the
 * difference that its y is made of, rounded down for bin k and up for the mirrored one.
 */
KWS_NAKED void kws_powers_of_loud_pairs(KWS_UNSEEN int32_t *z, KWS_UNSEEN int32_t *mirror,
                                        KWS_UNSEEN const int32_t *twiddle, KWS_UNSEEN uint32_t shift)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "1:\n"
                   "ldrd    r4, r5, [r0]\n"
                   "ldrd    r6, r7, [r1]\n"
                   "asr     r4, r4, r3\n"
                   "asr     r5, r5, r3\n"
                   "asr     r6, r6, r3\n"
                   "asr     r7, r7, r3\n"
                   "add     r8, r4, r6\n"
                   "sub     r9, r5, r7\n"
                   "add     r10, r5, r7\n"
                   "sub     r11, r6, r4\n"
                   "rsb     r12, r9, #0\n"
                   "asr     r8, r8, #1\n" /* even part; its y in r9, the mirrored bin's in r12 */
                   "asr     r9, r9, #1\n"
                   "asr     r12, r12, #1\n"
                   "bic     r10, r10, #1\n"
                   "bic     lr, r11, #1\n"
                   "ldrd    r4, r5, [r2], #8\n"
                   "smull   r6, r7, r10, r4\n"
                   "smlal   r6, r7, lr, r5\n"
                   "rsb     r10, r10, #0\n"
                   "smull   r6, lr, lr, r4\n"
                   "add     r7, r8, r7\n"
                   "smlal   r6, lr, r10, r5\n"
                   "add     lr, r9, lr\n"
                   KWS_POWER("r7", "lr", "r9")
                   "str     r6, [r0], #8\n"
                   "add     r11, r11, #1\n"
                   "bic     r11, r11, #1\n"
                   "rsb     lr, r11, #0\n"
                   "smull   r6, r7, r10, r4\n"
                   "smlal   r6, r7, lr, r5\n"
                   "smull   r6, r9, r11, r4\n"
                   "smlal   r6, r9, r10, r5\n"
                   "add     r7, r8, r7\n"
                   "add     r9, r12, r9\n"
                   KWS_POWER("r7", "r9", "lr")
                   "str     r6, [r1], #-8\n"
                   "cmp     r0, r1\n"
                   "bls     1b\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

#endif
