/*
 * Window and first stage of a 512-point front end in the assembler of the DSP extension: FRONT/2 and FRONT/3, as in
 * first_stage_radix4 of frontends/fft.c
 * (tests/firmware/test_arch.py, test_front_end_settings).
 */
#ifndef KWS_ARCH_FFT_FIRST_DSP_H
#define KWS_ARCH_FFT_FIRST_DSP_H

#include <stdint.h>

#include "dual.h"

/*
 * Butterflies whose legs are 128 samples apart, in the order of their places: four of them 32 samples apart, four
 * times that 8 samples on, four times that 2 samples on. r3 butterflies that are left.
 *
 * The window's words are 2^11 times its values, so that SMULWB and SMULWT shift their products as FRONT/2 does, and
 * SMLAWB and SMLAWT add them to another leg's. Its second half is the first one's mirror image: legs a and b go up from
 * `rising`, c and d down from `falling`, the word of a pair's second sample first.
 */
KWS_NAKED void kws_fft_first_stage(KWS_UNSEEN const int16_t *pcm, KWS_UNSEEN const int32_t *rising,
                                   KWS_UNSEEN void *to, KWS_UNSEEN const int32_t *falling)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "mov     r12, r3\n"
                   "mov     r3, #64\n"
                   "1:\n"
                   "ldr     r4, [r0, #256]\n" /* b in r5 r6 */
                   "ldrd    r5, r6, [r1, #512]\n"
                   "smulwb  r5, r5, r4\n"
                   "smulwt  r6, r6, r4\n"
                   "ldr     r4, [r0, #768]\n" /* u = b + d in r9 r10, v = b - d in r5 r6 */
                   "ldrd    r7, r8, [r12, #-512]\n"
                   "smlawb  r9, r8, r4, r5\n"
                   "smlawt  r10, r7, r4, r6\n"
                   "rsb     r5, r9, r5, lsl #1\n"
                   "rsb     r6, r10, r6, lsl #1\n"
                   "ldr     r4, [r0, #512]\n" /* c in r8 r7 */
                   "ldrd    r7, r8, [r12], #-128\n"
                   "smulwb  r8, r8, r4\n"
                   "smulwt  r7, r7, r4\n"
                   "ldr     r4, [r0], #64\n" /* s = a + c in r11 lr, t = a - c in r8 r7 */
                   "ldrd    r11, lr, [r1], #128\n"
                   "smlawb  r11, r11, r4, r8\n"
                   "smlawt  lr, lr, r4, r7\n"
                   "sub     r8, r11, r8, lsl #1\n"
                   "sub     r7, lr, r7, lsl #1\n"
                   "add     r4, r8, r6\n"
                   "sub     r8, r8, r6\n"
                   "sub     r6, r7, r5\n"
                   "add     r7, r7, r5\n"
                   "strd    r4, r6, [r2, #8]\n"
                   "strd    r8, r7, [r2, #24]\n"
                   "add     r4, r11, r9\n"
                   "sub     r11, r11, r9\n"
                   "add     r6, lr, r10\n"
                   "sub     lr, lr, r10\n"
                   "strd    r11, lr, [r2, #16]\n"
                   "strd    r4, r6, [r2], #32\n"
                   "sub     r3, r3, #1\n"
                   "tst     r3, #3\n"
                   "bne     1b\n"
                   "sub     r0, r0, #240\n"
                   "sub     r1, r1, #480\n"
                   "add     r12, r12, #480\n"
                   "tst     r3, #15\n"
                   "bne     1b\n"
                   "sub     r0, r0, #60\n"
                   "sub     r1, r1, #120\n"
                   "add     r12, r12, #120\n"
                   "cmp     r3, #0\n"
                   "bne     1b\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

#endif
