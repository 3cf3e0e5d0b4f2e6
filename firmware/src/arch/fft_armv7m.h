/*
 * A radix-4 stage of the FFT in the assembler of Armv7-M and later (any Cortex-M but M0 and M0+): a
 * butterfly needs fourteen registers, and a compiler spills. FRONT/3 as in later_stage in frontends/fft.c
 * (tests/firmware/test_arch.py, test_front_end_settings).
 */
#ifndef KWS_ARCH_FFT_ARMV7M_H
#define KWS_ARCH_FFT_ARMV7M_H

#include <stdint.h>

#include "dual.h"

typedef struct kws_fft_stage {
    int32_t *first;             /* leg 0 of the first butterfly */
    const int32_t *last;        /* leg 1 of it: what follows the last k */
    const int32_t *end;         /* of the data */
    uint32_t leg_bytes;         /* from leg to leg */
    const int32_t *twiddles;    /* (cos, sin) of a quarter of a turn, both ends included */
    const int32_t *quarter;     /* the last of them */
    uint32_t twiddle_bytes;     /* from k to k + 1 for leg 1 */
} kws_fft_stage;

/* (re, y) = (x, y) times exp(-j angle), halved; destroys x and low. */
#define KWS_ROTATE(x, y, c, s, low, re)                 \
    "smull   " low ", " re ", " x ", " c "\n"           \
    "smlal   " low ", " re ", " y ", " s "\n"           \
    "rsb     " x ", " x ", #0\n"                        \
    "smull   " low ", " y ", " y ", " c "\n"            \
    "smlal   " low ", " y ", " x ", " s "\n"

/* Legs 0 to 3 from u in r3 r4, v in r8 r5 and leg 2, rotated, in r12 r7; where they lie, and what moves lr there. */
#define KWS_FFT_OUTPUTS(leg0, leg2, to_leg1, leg1, to_leg3, leg3)   \
    "ldrd    r6, r9, " leg0 "\n"                                    \
    "add     r10, r12, r6, asr #1\n"                                \
    "rsb     r12, r12, r6, asr #1\n"                                \
    "add     r11, r7, r9, asr #1\n"                                 \
    "rsb     r7, r7, r9, asr #1\n"                                  \
    "add     r6, r10, r3\n"                                         \
    "add     r9, r11, r4\n"                                         \
    "strd    r6, r9, " leg0 "\n"                                    \
    "sub     r10, r10, r3\n"                                        \
    "sub     r11, r11, r4\n"                                        \
    "strd    r10, r11, " leg2 "\n"                                  \
    to_leg1                                                         \
    "add     r6, r12, r5\n"                                         \
    "sub     r9, r7, r8\n"                                          \
    "strd    r6, r9, " leg1 "\n"                                    \
    to_leg3                                                         \
    "sub     r12, r12, r5\n"                                        \
    "add     r7, r7, r8\n"                                          \
    "strd    r12, r7, " leg3 "\n"

/*
 * On the stack: 0 cos and sin of legs 1, 2 and 3; 24 where the next ones would lie in a longer table;
 * 36 twiddle_bytes; 40 quarter; 44 first; 48 last; 52 twiddles.
 * r0 leg 0, r1 leg_bytes, r2 end, lr another leg.
 */
KWS_NAKED void kws_fft_run_stage(KWS_UNSEEN const kws_fft_stage *stage)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "sub     sp, sp, #56\n"
                   "ldm     r0, {r0-r6}\n"
                   "strd    r4, r4, [sp, #24]\n"
                   "strd    r4, r6, [sp, #32]\n"
                   "strd    r5, r0, [sp, #40]\n"
                   "strd    r1, r4, [sp, #48]\n"
                   "mov     r1, r3\n"
                   /* for each k: the twiddles of its three legs */
                   "1:\n"
                   "ldrd    r4, r5, [sp, #24]\n"
                   "ldrd    r6, r7, [sp, #32]\n"
                   "ldr     r12, [sp, #40]\n"
                   "ldrd    r8, r9, [r4]\n"
                   "cmp     r5, r12\n"
                   "bhi     5f\n"
                   "ldrd    r10, r11, [r5]\n"
                   "6:\n"
                   "strd    r8, r9, [sp]\n"
                   "strd    r10, r11, [sp, #8]\n"
                   "add     r4, r4, r7\n"
                   "add     r5, r5, r7, lsl #1\n"
                   "strd    r4, r5, [sp, #24]\n"
                   "cmp     r6, r12\n"
                   "bhi     3f\n"
                   "ldrd    r8, r9, [r6]\n"
                   "2:\n"
                   "strd    r8, r9, [sp, #16]\n"
                   "add     r6, r6, r7\n"
                   "add     r6, r6, r7, lsl #1\n"
                   "str     r6, [sp, #32]\n"
                   /* for each block */
                   "4:\n"
                   "add     lr, r0, r1\n"
                   "add     lr, lr, r1, lsl #1\n"
                   "ldrd    r4, r5, [lr]\n"
                   "ldrd    r6, r7, [sp, #16]\n"
                   KWS_ROTATE("r4", "r5", "r6", "r7", "r9", "r8")
                   "sub     lr, lr, r1, lsl #1\n"
                   "ldrd    r4, r6, [lr]\n"
                   "ldrd    r7, r9, [sp]\n"
                   KWS_ROTATE("r4", "r6", "r7", "r9", "r10", "r11")
                   "add     r3, r11, r8\n"
                   "sub     r8, r11, r8\n"
                   "add     r4, r6, r5\n"
                   "sub     r5, r6, r5\n"
                   "add     lr, lr, r1\n"
                   "ldrd    r6, r7, [lr]\n"
                   "ldrd    r9, r10, [sp, #8]\n"
                   KWS_ROTATE("r6", "r7", "r9", "r10", "r11", "r12")
                   KWS_FFT_OUTPUTS("[r0]", "[lr]", "sub     lr, lr, r1\n", "[lr]",
                                   "add     lr, lr, r1, lsl #1\n", "[lr]")
                   "add     r0, lr, r1\n"
                   "cmp     r0, r2\n"
                   "bcc     4b\n"
                   "ldrd    r0, r3, [sp, #44]\n"
                   "add     r0, r0, #8\n"
                   "str     r0, [sp, #44]\n"
                   "cmp     r0, r3\n"
                   "bcc     1b\n"
                   "add     sp, sp, #56\n"
                   "pop     {r4-r11, pc}\n"
                   /* leg 2 in the second quarter: mirrored, the cosine negative */
                   "5:\n"
                   "rsb     r10, r5, r12, lsl #1\n"
                   "ldrd    r10, r11, [r10]\n"
                   "rsb     r10, r10, #0\n"
                   "b       6b\n"
                   /* leg 3 in the second or, where the mirror image would precede the table, the third quarter */
                   "3:\n"
                   "ldr     lr, [sp, #52]\n"
                   "rsb     r8, r6, r12, lsl #1\n"
                   "cmp     r8, lr\n"
                   "bcc     7f\n"
                   "ldrd    r8, r9, [r8]\n"
                   "rsb     r8, r8, #0\n"
                   "b       2b\n"
                   "7:\n"
                   "rsb     r8, r8, lr, lsl #1\n"
                   "ldrd    r8, r9, [r8]\n"
                   "rsb     r8, r8, #0\n"
                   "rsb     r9, r9, #0\n"
                   "b       2b\n" ::: "memory");
}

/*
 * For 256 points: a stage whose legs lie a constant number of bytes apart, `next` from block to block. Twiddles of leg 1
 * are `step` bytes apart from k to k + 1. r0 leg 0, r1 and lr leg 1's twiddles, r2 end of the data. On the stack: 0 those
 * of leg 2, 8 of leg 3; 16 leg 1's place in the table, 20 the table. A quarter of a turn has 1024 bytes.
 */
#define KWS_FFT_STAGE(each_k, each_block, leg1, leg2, leg3, next, step) \
    each_k ":\n"                                                        \
    "ldrd    r3, r4, [sp, #16]\n"                                       \
    "bl      9f\n"                                                      \
    "ldrd    r1, lr, [r5]\n"                                            \
    each_block ":\n"                                                    \
    "ldrd    r4, r5, [r0, #" leg3 "]\n"                                 \
    "ldrd    r6, r7, [sp, #8]\n"                                        \
    KWS_ROTATE("r4", "r5", "r6", "r7", "r9", "r8")                      \
    "ldrd    r4, r6, [r0, #" leg1 "]\n"                                 \
    KWS_ROTATE("r4", "r6", "r1", "lr", "r10", "r11")                    \
    "add     r3, r11, r8\n"                                             \
    "sub     r8, r11, r8\n"                                             \
    "add     r4, r6, r5\n"                                              \
    "sub     r5, r6, r5\n"                                              \
    "ldrd    r6, r7, [r0, #" leg2 "]\n"                                 \
    "ldrd    r9, r10, [sp]\n"                                           \
    KWS_ROTATE("r6", "r7", "r9", "r10", "r11", "r12")                   \
    KWS_FFT_OUTPUTS("[r0]", "[r0, #" leg2 "]", "", "[r0, #" leg1 "]", "", "[r0, #" leg3 "]") \
    "add     r0, r0, #" next "\n"                                       \
    "cmp     r0, r2\n"                                                  \
    "bcc     " each_block "b\n"                                         \
    "ldr     r3, [sp, #16]\n"                                           \
    "subw    r0, r0, #2040\n"                                           \
    "add     r3, r3, #" step "\n"                                       \
    "str     r3, [sp, #16]\n"                                           \
    "cmp     r3, #1024\n"                                               \
    "bcc     " each_k "b\n"

/* The two stages of 256 points between the first and the last one. */
KWS_NAKED void kws_fft_run_middle(KWS_UNSEEN int32_t *data, KWS_UNSEEN const int32_t *twiddles)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "sub     sp, sp, #24\n"
                   "mov     r3, #256\n"
                   "strd    r3, r1, [sp, #16]\n"
                   "add     r2, r0, #2048\n"
                   /* k = 0 of the first of them: no turn, but for the cosine's last bit */
                   "mvn     r1, #0x80000000\n"
                   "0:\n"
                   "ldrd    r4, r5, [r0, #96]\n"
                   "smull   lr, r8, r4, r1\n"
                   "smull   lr, r5, r5, r1\n"
                   "ldrd    r4, r6, [r0, #32]\n"
                   "smull   lr, r11, r4, r1\n"
                   "smull   lr, r6, r6, r1\n"
                   "add     r3, r11, r8\n"
                   "sub     r8, r11, r8\n"
                   "add     r4, r6, r5\n"
                   "sub     r5, r6, r5\n"
                   "ldrd    r6, r7, [r0, #64]\n"
                   "smull   lr, r12, r6, r1\n"
                   "smull   lr, r7, r7, r1\n"
                   KWS_FFT_OUTPUTS("[r0]", "[r0, #64]", "", "[r0, #32]", "", "[r0, #96]")
                   "add     r0, r0, #128\n"
                   "cmp     r0, r2\n"
                   "bcc     0b\n"
                   "subw    r0, r0, #2040\n"
                   KWS_FFT_STAGE("1", "2", "32", "64", "96", "128", "256")
                   "sub     r0, r0, #32\n"
                   "mov     r3, #0\n"
                   "str     r3, [sp, #16]\n"
                   KWS_FFT_STAGE("3", "4", "128", "256", "384", "512", "64")
                   "add     sp, sp, #24\n"
                   "pop     {r4-r11, pc}\n"
                   /* twiddles of legs 2 and 3 to the stack, the place of leg 1's to r5; as in kws_fft_run_stage */
                   "9:\n"
                   "lsl     r5, r3, #1\n"
                   "add     r6, r3, r3, lsl #1\n"
                   "cmp     r5, #1024\n"
                   "bhi     5f\n"
                   "add     r5, r5, r4\n"
                   "ldrd    r10, r11, [r5]\n"
                   "6:\n"
                   "strd    r10, r11, [sp]\n"
                   "add     r5, r3, r4\n"
                   "cmp     r6, #1024\n"
                   "bhi     7f\n"
                   "add     r6, r6, r4\n"
                   "ldrd    r8, r9, [r6]\n"
                   "8:\n"
                   "strd    r8, r9, [sp, #8]\n"
                   "bx      lr\n"
                   "5:\n"
                   "rsb     r5, r5, r4\n"
                   "add     r5, r5, #2048\n"
                   "ldrd    r10, r11, [r5]\n"
                   "rsb     r10, r10, #0\n"
                   "b       6b\n"
                   "7:\n"
                   "rsbs    r6, r6, #2048\n"
                   "bmi     0f\n"
                   "add     r6, r6, r4\n"
                   "ldrd    r8, r9, [r6]\n"
                   "rsb     r8, r8, #0\n"
                   "b       8b\n"
                   "0:\n"
                   "rsb     r6, r6, r4\n"
                   "ldrd    r8, r9, [r6]\n"
                   "rsb     r8, r8, #0\n"
                   "rsb     r9, r9, #0\n"
                   "b       8b\n" ::: "memory");
}

/*
 * The last stage of 256 points, which is one block: legs lie 512 bytes apart, and each k has twiddles of its own.
 * r0 in the middle of the four legs, r1 the table of twiddles, r2 leg 1's place in it, twice and three times which are
 * the others'. A quarter of a turn has 1024 bytes.
 */
KWS_NAKED void kws_fft_run_last(KWS_UNSEEN int32_t *data, KWS_UNSEEN const int32_t *twiddles)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "add     r0, r0, #768\n"
                   "mov     r2, #0\n"
                   "1:\n"
                   "add     r6, r2, r2, lsl #1\n"
                   "cmp     r6, #1024\n"
                   "add     r6, r6, r1\n"
                   "bhi     3f\n"
                   "ldrd    r6, r7, [r6]\n"
                   "2:\n"
                   "ldrd    r4, r5, [r0, #768]\n"
                   KWS_ROTATE("r4", "r5", "r6", "r7", "r9", "r8")
                   "add     r7, r1, r2\n"
                   "ldrd    r4, r6, [r0, #-256]\n"
                   "ldrd    r7, r9, [r7]\n"
                   KWS_ROTATE("r4", "r6", "r7", "r9", "r10", "r11")
                   "add     r3, r11, r8\n"
                   "sub     r8, r11, r8\n"
                   "add     r4, r6, r5\n"
                   "sub     r5, r6, r5\n"
                   "add     r9, r1, r2, lsl #1\n"
                   "cmp     r2, #512\n"
                   "bhi     5f\n"
                   "ldrd    r9, r10, [r9]\n"
                   "6:\n"
                   "ldrd    r6, r7, [r0, #256]\n"
                   KWS_ROTATE("r6", "r7", "r9", "r10", "r11", "r12")
                   KWS_FFT_OUTPUTS("[r0, #-768]", "[r0, #256]", "", "[r0, #-256]", "", "[r0, #768]")
                   "add     r2, r2, #16\n"
                   "add     r0, r0, #8\n"
                   "cmp     r2, #1024\n"
                   "bne     1b\n"
                   "pop     {r4-r11, pc}\n"
                   /* as in kws_fft_run_stage */
                   "5:\n"
                   "rsb     r9, r9, r1, lsl #1\n"
                   "add     r9, r9, #2048\n"
                   "ldrd    r9, r10, [r9]\n"
                   "rsb     r9, r9, #0\n"
                   "b       6b\n"
                   "3:\n"
                   "rsb     r7, r6, r1, lsl #1\n"
                   "add     r7, r7, #2048\n"
                   "cmp     r7, r1\n"
                   "bcc     7f\n"
                   "ldrd    r6, r7, [r7]\n"
                   "rsb     r6, r6, #0\n"
                   "b       2b\n"
                   "7:\n"
                   "rsb     r7, r7, r1, lsl #1\n"
                   "ldrd    r6, r7, [r7]\n"
                   "rsb     r6, r6, #0\n"
                   "rsb     r7, r7, #0\n"
                   "b       2b\n" ::: "memory");
}

#endif
