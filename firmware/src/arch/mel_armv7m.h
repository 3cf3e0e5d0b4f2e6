/*
 * Mel bands and their logarithms in the assembler of Armv7-M and later, whose registers just suffice:
 * FRONT/6 to FRONT/8 as in mel_bands in frontends/log_mel.c (tests/firmware/test_arch.py,
 * test_front_end_settings).
 */
#ifndef KWS_ARCH_MEL_ARMV7M_H
#define KWS_ARCH_MEL_ARMV7M_H

#include <stdint.h>

#include "dual.h"

/* In the order in which kws_run_mel reads them. */
typedef struct kws_mel_pass {
    const uint32_t *bin; /* every second value is a power */
    const uint16_t *weights;
    const uint16_t *segment_ends;
    uint32_t first_bin;
    int8_t *features;
    const int8_t *features_end;
    int32_t offset;           /* subtracted from the steps */
    const void *log_table;    /* of struct log_entry */
} kws_mel_pass;

/*
 * The next segment: r4 r5 its powers times their weights, that sum before plus its powers times
 * WEIGHT_ONE in r2 r3, by `before` and `whole`. r0 bins, r1 weights, r10 segment_ends, r12 the bin after the last one.
 */
#define KWS_MEL_SEGMENT(turn, after, before, whole) \
    "ldrh    r9, [r10], #2\n"                       \
    before                                          \
    "mov     r4, #0\n"                              \
    "mov     r5, #0\n"                              \
    "subs    lr, r9, r12\n"                         \
    "beq     " after "f\n"                          \
    "mov     r12, r9\n"                             \
    turn ":\n"                                      \
    "ldr     r7, [r0], #8\n"                        \
    "ldrh    r8, [r1], #2\n"                        \
    whole                                           \
    "umlal   r4, r5, r7, r8\n"                      \
    "subs    lr, lr, #1\n"                          \
    "bne     " turn "b\n"                           \
    after ":\n"

/* From a log_entry in r8, 11 bits of mantissa in r3 and the exponent in r7 to all but the rise in r8, and that in r3. */
#if KWS_HAS_DSP
#define KWS_MEL_LOG2                    \
    "smulbt  r3, r3, r8\n"              \
    "pkhbt   r8, r8, r7, lsl #16\n"
#else
#define KWS_MEL_LOG2                    \
    "lsr     lr, r8, #16\n"             \
    "mul     r3, lr, r3\n"              \
    "uxth    r8, r8\n"                  \
    "add     r8, r8, r7, lsl #16\n"
#endif

KWS_NAKED void kws_run_mel(KWS_UNSEEN const kws_mel_pass *pass)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "ldrd    r6, r7, [r0, #20]\n"
                   "ldr     r8, [r0, #28]\n"
                   "push    {r6-r8}\n" /* features_end, offset, log_table */
                   "ldrd    r12, r11, [r0, #12]\n"
                   "ldr     r10, [r0, #8]\n"
                   "ldrd    r0, r1, [r0]\n"
                   "mov     r6, #0x8000\n"
                   KWS_MEL_SEGMENT("1", "2", "", "")
                   "3:\n"
                   KWS_MEL_SEGMENT("4", "5", "mov     r2, r4\n" "mov     r3, r5\n", "umlal   r2, r3, r7, r6\n")
                   "subs    r2, r2, r4\n"
                   "sbcs    r3, r3, r5\n"
                   "beq     8f\n"
                   "clz     r7, r3\n"
                   "rsb     r8, r7, #32\n"
                   "lsr     r2, r2, r8\n" /* by 32, too, which leaves nothing */
                   "lsl     r3, r3, r7\n"
                   "orr     r3, r3, r2\n"
                   "rsb     r7, r7, #63\n"
                   "6:\n" /* the mantissa in r3, its leading one at the top; the exponent in r7 */
                   "ldr     lr, [sp, #8]\n"
                   "ubfx    r8, r3, #26, #5\n"
                   "ldr     r8, [lr, r8, lsl #2]\n"
                   "ubfx    r3, r3, #15, #11\n"
                   KWS_MEL_LOG2
                   "add     r8, r8, r3, lsr #11\n"
                   "ldrd    r9, r7, [sp]\n"
                   "add     r8, r8, r8, lsl #2\n"
                   "sub     r8, r8, r7\n"
                   "ssat    r8, #8, r8, asr #16\n"
                   "7:\n"
                   "strb    r8, [r11], #1\n"
                   "cmp     r11, r9\n"
                   "bne     3b\n"
                   "add     sp, sp, #12\n"
                   "pop     {r4-r11, pc}\n"
                   /* less than 2^32 */
                   "8:\n"
                   "cbz     r2, 9f\n"
                   "clz     r7, r2\n"
                   "lsl     r3, r2, r7\n"
                   "rsb     r7, r7, #31\n"
                   "b       6b\n"
                   "9:\n"
                   "ldr     r9, [sp]\n"
                   "mvn     r8, #127\n"
                   "b       7b\n" ::: "memory");
}

#endif
