/*
 * Two loops of the front end for Helium, FRONT/4 and FRONT/5: what power_spectrum in frontends/log_mel.c does with
 * a spectrum (tests/fixedpoint/frontends/test_log_mel_helium.py; tests/firmware/test_arch.py, test_front_end_settings).
 */
#ifndef KWS_ARCH_POWER_HELIUM_H
#define KWS_ARCH_POWER_HELIUM_H

#include <arm_mve.h>

#include "dual.h"

/* As many bits as the OR of x if x >= 0, else ~x, over `count` values, a multiple of 16. */
KWS_INLINE uint32_t kws_used_bits(const int32_t *values, uint32_t count)
{
    int32x4_t most = vdupq_n_s32(0), least = most;
    for (const int32_t *end = values + count; values < end; values += 16) {
        const int32x4_t a = vld1q_s32(values), b = vld1q_s32(values + 4), c = vld1q_s32(values + 8),
                        d = vld1q_s32(values + 12);
        most = vmaxq_s32(vmaxq_s32(most, a), vmaxq_s32(vmaxq_s32(b, c), d));
        least = vminq_s32(vminq_s32(least, a), vminq_s32(vminq_s32(b, c), d));
    }
    return (uint32_t)(vmaxvq_s32(0, most) | ~vminvq_s32(0, least));
}

/* (2^26 + x * x + y * y) >> 27 to q0 from x in `x` and y in q0; destroys it and q1 to q3. r9 is 1, r10 is 32. */
#define KWS_POWER_LANES(x)                     \
    "vmulh.s32  q1, " x ", " x "\n"            \
    "vmul.i32   q2, " x ", " x "\n"            \
    "vmulh.s32  q3, q0, q0\n"                  \
    "vmul.i32   q0, q0, q0\n"                  \
    "vadd.i32   q1, q1, q3\n"                  \
    "vadd.i32   q0, q0, q2\n"                  \
    "vpt.u32    hi, q2, q0\n"                  \
    "vaddt.i32  q1, q1, r9\n"                  \
    "vrshr.u32  q0, q0, #27\n"                 \
    "vmla.u32   q0, q1, r10\n"

/*
 * From twice the odd part in q1 q0, twiddles in q2 q3 and the even part in q4 q5: x to q7 and y to q0. Destroys q1
 * to q6.
 */
#define KWS_POWER_SUM               \
    "vmul.i32   q6, q0, q2\n"      \
    "vmul.i32   q7, q1, q3\n"      \
    "vcmp.u32   hi, q7, q6\n"      \
    "vmulh.s32  q6, q0, q2\n"      \
    "vmulh.s32  q7, q1, q3\n"      \
    "vsub.i32   q6, q6, q7\n"      \
    "vpst\n"                       \
    "vsubt.i32  q6, q6, r9\n"      \
    "vadd.i32   q5, q5, q6\n"      \
    "vneg.s32   q0, q0\n"          \
    "vmulh.s32  q7, q1, q2\n"      \
    "vmulh.s32  q6, q0, q3\n"      \
    "vsub.i32   q7, q7, q6\n"      \
    "vmul.i32   q1, q1, q2\n"      \
    "vmul.i32   q0, q0, q3\n"      \
    "vpt.u32    hi, q0, q1\n"      \
    "vsubt.i32  q7, q7, r9\n"      \
    "vadd.i32   q7, q4, q7\n"      \
    "vmov       q0, q5\n"

/*
 * power_of_loud for `fours` times four pairs from z upwards and mirror downwards, until they have met; the shift is to
 * the left or, if negative, to the right. Halves may be lost: the sums of the mirrored bin are rounded in the other
 * direction than those of this one. After a shift to the left there are none, and it is what powers_of_pair computes.
 * On the stack: 0 the difference that the odd part's y is made of, 16 the even part's y for the mirrored bin, 32 the
 * even part's x, 48 twice the odd part's x.
 */
KWS_NAKED void kws_powers_of_fours(KWS_UNSEEN int32_t *z, KWS_UNSEEN int32_t *mirror,
                                   KWS_UNSEEN const int32_t *twiddle, KWS_UNSEEN const uint32_t shift_and_fours[2])
{
    __asm volatile("push       {r4-r10, lr}\n"
                   "vpush      {d8-d15}\n"
                   "sub        sp, sp, #64\n"
                   "ldrd       r3, lr, [r3]\n"
                   "sub        r1, r1, #24\n"
                   "add        r6, r1, #4\n"
                   "mov        r9, #1\n"
                   "mov        r10, #32\n"
                   "dls        lr, lr\n"
                   "1:\n"
                   "mov        r8, #24\n"
                   "vddup.u32  q7, r8, #8\n"
                   "vld20.32   {q0, q1}, [r0]\n"
                   "vld21.32   {q0, q1}, [r0]\n"
                   "vldrw.u32  q2, [r1, q7]\n"
                   "vldrw.u32  q3, [r6, q7]\n"
                   "vshl.s32   q0, r3\n"
                   "vshl.s32   q1, r3\n"
                   "vshl.s32   q2, r3\n"
                   "vshl.s32   q3, r3\n"
                   "vadd.i32   q4, q0, q2\n"
                   "vsub.i32   q5, q1, q3\n"
                   "vadd.i32   q1, q1, q3\n"
                   "vsub.i32   q0, q2, q0\n"
                   "vneg.s32   q6, q5\n"
                   "vshr.s32   q4, q4, #1\n"
                   "vshr.s32   q5, q5, #1\n" /* even part in q4 q5; its y for the mirrored bin in q6 */
                   "vshr.s32   q6, q6, #1\n"
                   "vbic.i32   q1, #1\n" /* twice the odd part in q1 q0 */
                   "vstrw.32   q0, [sp]\n"
                   "vstrw.32   q6, [sp, #16]\n"
                   "vstrw.32   q4, [sp, #32]\n"
                   "vstrw.32   q1, [sp, #48]\n"
                   "vbic.i32   q0, #1\n"
                   "vld20.32   {q2, q3}, [r2]\n"
                   "vld21.32   {q2, q3}, [r2]!\n"
                   KWS_POWER_SUM
                   KWS_POWER_LANES("q7")
                   "mov        r8, #0\n"
                   "vidup.u32  q7, r8, #8\n"
                   "vstrw.32   q0, [r0, q7]\n"
                   "add        r0, r0, #32\n"
                   "sub        r7, r2, #32\n"
                   "vld20.32   {q2, q3}, [r7]\n"
                   "vld21.32   {q2, q3}, [r7]\n"
                   "vneg.s32   q2, q2\n" /* the mirrored bin's cosine and its odd part's y */
                   "vldrw.32   q0, [sp]\n"
                   "vneg.s32   q0, q0\n"
                   "vbic.i32   q0, #1\n"
                   "vldrw.32   q1, [sp, #48]\n"
                   "vldrw.32   q5, [sp, #16]\n"
                   "vldrw.32   q4, [sp, #32]\n"
                   KWS_POWER_SUM
                   KWS_POWER_LANES("q7")
                   "mov        r8, #24\n"
                   "vddup.u32  q7, r8, #8\n"
                   "vstrw.32   q0, [r1, q7]\n"
                   "sub        r1, r1, #32\n"
                   "sub        r6, r6, #32\n"
                   "le         lr, 1b\n"
                   "add        sp, sp, #64\n"
                   "vpop       {d8-d15}\n"
                   "pop        {r4-r10, pc}\n" ::: "memory");
}

#endif
