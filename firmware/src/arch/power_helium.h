/*
 * Two loops of the front end for Helium, FRONT/4 and FRONT/5: what power_spectrum in frontends/log_mel.c does with
 * a spectrum (tests/fixedpoint/frontends/test_log_mel_helium.py; tests/firmware/test_arch.py, test_front_end_settings).
 */
#ifndef KWS_ARCH_POWER_HELIUM_H
#define KWS_ARCH_POWER_HELIUM_H

#include <arm_mve.h>

#include "dual.h"

/* The greatest modulus of `count` values, a multiple of 16. */
KWS_INLINE uint32_t kws_greatest(const int32_t *values, uint32_t count)
{
    uint32_t greatest = 0;
    for (const int32_t *end = values + count; values < end; values += 16) {
        greatest = vmaxavq_s32(greatest, vld1q_s32(values));
        greatest = vmaxavq_s32(greatest, vld1q_s32(values + 4));
        greatest = vmaxavq_s32(greatest, vld1q_s32(values + 8));
        greatest = vmaxavq_s32(greatest, vld1q_s32(values + 12));
    }
    return greatest;
}

/*
 * As many bits as the OR of x if x >= 0, else ~x, over `count` values, of which `greatest` is the greatest modulus:
 * one less than that has if it is a power of two and negative.
 */
KWS_INLINE uint32_t kws_used_bits(const int32_t *values, uint32_t count, uint32_t greatest)
{
    if (greatest & (greatest - 1u)) {
        return greatest;
    }
    int32_t most = 0;
    for (const int32_t *end = values + count; values < end; values += 4) {
        most = vmaxvq_s32(most, vld1q_s32(values));
    }
    return (uint32_t)most == greatest ? greatest : greatest - 1u;
}

/* The last line of FRONT/4. */
KWS_INLINE void kws_normalise(int32_t *values, uint32_t count, int32_t shift)
{
    for (const int32_t *end = values + count; values < end; values += 4) {
        vst1q_s32(values, vshlq_r_s32(vld1q_s32(values), shift));
    }
}

/* Of normalised values with moduli up to this one, X, Y and powers are as small as kws_powers_of_twos asks for. */
#define KWS_LANES_LOUDEST ((1u << 28) - 5u)

/*
 * From the odd part in q4, twiddles in q2 and the even part in q3, in pairs of lanes, to the power in the even lanes
 * of q5: (16 * (x * x + y * y) + 2^30) >> 31. Destroys q3.
 */
#define KWS_POWER_PAIRS                 \
    "vqdmladh.s32  q5, q4, q2\n"        \
    "vqdmlsdhx.s32 q5, q4, q2\n"        \
    "vadd.i32   q3, q3, q5\n"           \
    "vshl.i32   q3, q3, #2\n"           \
    "vqrdmladh.s32 q5, q3, q3\n"

/*
 * power_of_loud for `twos` times two pairs from z upwards and mirror downwards, until they have met; the shift is to
 * the left or, if negative, to the right. Nothing saturates, since |X|, |Y| < 2^29 and powers are below 2^31:
 * (2 * KWS_LANES_LOUDEST + 3)^2 + 2^26 < 2^58. The mirrored bin's values lie the other way round, im before re, in q1
 * and in all that comes of it.
 */
KWS_NAKED void kws_powers_of_twos(KWS_UNSEEN int32_t *z, KWS_UNSEEN int32_t *mirror,
                                  KWS_UNSEEN const int32_t *twiddle, KWS_UNSEEN const uint32_t shift_and_twos[2])
{
    __asm volatile("push       {r4, lr}\n"
                   "vpush      {d8-d15}\n"
                   "ldrd       r3, lr, [r3]\n"
                   "sub        r1, r1, #8\n"
                   "mov        r4, #12\n"
                   "vddup.u32  q6, r4, #4\n"
                   "vmov       q7, q6\n"
                   "vbic.i32   q7, #4\n"
                   "dls        lr, lr\n"
                   "1:\n"
                   "vldrw.u32  q0, [r0]\n"
                   "vldrw.u32  q1, [r1, q6]\n"
                   "vldrw.u32  q2, [r2], #16\n"
                   "vshl.s32   q0, r3\n"
                   "vshl.s32   q1, r3\n"
                   "vhcadd.s32 q3, q0, q1, #270\n"
                   "vhcadd.s32 q4, q1, q0, #270\n"
                   KWS_POWER_PAIRS
                   "vstrw.32   q5, [r0], #16\n"
                   "vneg.s32   q2, q2\n" /* the mirrored bin's cosine; its odd part's y is what follows */
                   "vhcadd.s32 q3, q1, q0, #90\n"
                   "vhcadd.s32 q4, q0, q1, #90\n"
                   KWS_POWER_PAIRS
                   "vstrd.64   q5, [r1, q7]\n"
                   "sub        r1, r1, #16\n"
                   "le         lr, 1b\n"
                   "vpop       {d8-d15}\n"
                   "pop        {r4, pc}\n" ::: "memory");
}

#endif
