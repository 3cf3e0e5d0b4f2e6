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
 * times that 8 samples on, four times that 2 samples on. r3 blocks of four that are left.
 */
KWS_NAKED void kws_fft_first_stage(KWS_UNSEEN const int16_t *pcm, KWS_UNSEEN const int16_t *window, KWS_UNSEEN void *to)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "mov     r3, #16\n"
                   "2:\n"
                   "add     r12, r2, #128\n"
                   "1:\n"
                   "ldr     r4, [r0, #256]\n"
                   "ldr     r5, [r1, #256]\n"
                   "smulbb  r6, r4, r5\n"
                   "smultt  r4, r4, r5\n"
                   "ldr     r5, [r0, #768]\n"
                   "ldr     r7, [r1, #768]\n"
                   "smulbb  r8, r5, r7\n"
                   "smultt  r5, r5, r7\n"
                   "asr     r6, r6, #5\n"
                   "asr     r4, r4, #5\n"
                   "add     r9, r6, r8, asr #5\n" /* u = b + d in r9 r10, v = b - d in r6 r4 */
                   "sub     r6, r6, r8, asr #5\n"
                   "add     r10, r4, r5, asr #5\n"
                   "sub     r4, r4, r5, asr #5\n"
                   "ldr     r5, [r0, #512]\n"
                   "ldr     r7, [r1, #512]\n"
                   "smulbb  r8, r5, r7\n"
                   "smultt  r5, r5, r7\n"
                   "ldr     r7, [r0], #64\n"
                   "ldr     r11, [r1], #64\n"
                   "smulbb  lr, r7, r11\n"
                   "smultt  r7, r7, r11\n"
                   "asr     lr, lr, #5\n"
                   "asr     r7, r7, #5\n"
                   "add     r11, lr, r8, asr #5\n" /* s = a + c in r11 r8, t = a - c in lr r7 */
                   "sub     lr, lr, r8, asr #5\n"
                   "add     r8, r7, r5, asr #5\n"
                   "sub     r7, r7, r5, asr #5\n"
                   "add     r5, r11, r9\n"
                   "sub     r11, r11, r9\n"
                   "add     r9, r8, r10\n"
                   "sub     r8, r8, r10\n"
                   "strd    r5, r9, [r2]\n"
                   "strd    r11, r8, [r2, #16]\n"
                   "add     r5, lr, r4\n"
                   "sub     r9, r7, r6\n"
                   "strd    r5, r9, [r2, #8]\n"
                   "sub     lr, lr, r4\n"
                   "add     r7, r7, r6\n"
                   "strd    lr, r7, [r2, #24]\n"
                   "add     r2, r2, #32\n"
                   "cmp     r2, r12\n"
                   "bne     1b\n"
                   "sub     r0, r0, #240\n"
                   "sub     r1, r1, #240\n"
                   "sub     r3, r3, #1\n"
                   "tst     r3, #3\n"
                   "itt     eq\n"
                   "subeq   r0, r0, #60\n"
                   "subeq   r1, r1, #60\n"
                   "cmp     r3, #0\n"
                   "bne     2b\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

#endif
