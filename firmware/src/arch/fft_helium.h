/*
 * The FFT for Helium, of its first stage four butterflies side by side, of the others two, re beside im: FRONT/2 and FRONT/3 as in the portable functions of
 * frontends/fft.c (tests/fixedpoint/frontends/test_log_mel_helium.py; tests/firmware/test_arch.py, test_front_end_settings).
 */
#ifndef KWS_ARCH_FFT_HELIUM_H
#define KWS_ARCH_FFT_HELIUM_H

#include <stdint.h>

#include "dual.h"

/* Four pairs of samples times the window's: re to `re`, im to `im`; destroys `window`. */
#define KWS_WINDOWED_LANES(re, im, window, samples, weights) \
    "vldrh.u16  " im ", [" samples "], #16\n"               \
    "vldrh.u16  " window ", [" weights "], #16\n"           \
    "vmullb.s16 " re ", " im ", " window "\n"               \
    "vmullt.s16 " im ", " im ", " window "\n"               \
    "vshr.s32   " re ", " re ", #5\n"                       \
    "vshr.s32   " im ", " im ", #5\n"

/*
 * Window and first stage of 256 points, of which butterflies take legs 64 points apart, four butterflies at a time:
 * their places are 64 points apart, those of the next four 16 points on, every fourth time 4. In assembler, because a
 * compiler makes the addresses of eight stores one by one.
 * r0 to r3 the legs' samples, r4 to r7 their weights; on the stack: 0 places of the four butterflies, 16 im of t.
 */
KWS_NAKED void kws_fft_first_stage(KWS_UNSEEN const int16_t *pcm, KWS_UNSEEN const int16_t *window,
                                   KWS_UNSEEN void *to)
{
    __asm volatile("push       {r4-r10, lr}\n"
                   "vpush      {d8-d15}\n"
                   "sub        sp, sp, #32\n"
                   "mov        r8, #0\n"
                   "vidup.u32  q7, r8, #8\n"
                   "vshl.i32   q7, q7, #6\n"
                   "vadd.i32   q7, q7, r2\n"
                   "mov        r4, r1\n"
                   "add        r5, r1, #256\n"
                   "add        r6, r1, #512\n"
                   "add        r7, r1, #768\n"
                   "add        r1, r0, #256\n"
                   "add        r2, r0, #512\n"
                   "add        r3, r0, #768\n"
                   "mov        r8, #128\n"
                   "mov        r9, #480\n"
                   "mov        r10, #4\n"
                   "mov        r12, #4\n"
                   "2:\n"
                   "vstrw.32   q7, [sp]\n"
                   "dls        lr, r12\n"
                   "1:\n"
                   KWS_WINDOWED_LANES("q2", "q0", "q1", "r0", "r4")
                   KWS_WINDOWED_LANES("q4", "q1", "q3", "r2", "r6")
                   "vadd.i32   q3, q2, q4\n" /* s = a + c in q3 q4, t = a - c in q2 and on the stack */
                   "vsub.i32   q2, q2, q4\n"
                   "vadd.i32   q4, q0, q1\n"
                   "vsub.i32   q0, q0, q1\n"
                   "vstrw.32   q0, [sp, #16]\n"
                   KWS_WINDOWED_LANES("q6", "q1", "q5", "r1", "r5")
                   KWS_WINDOWED_LANES("q0", "q5", "q7", "r3", "r7")
                   "vadd.i32   q7, q6, q0\n" /* u = b + d in q7, then q0, v = b - d in q6 q1 */
                   "vsub.i32   q6, q6, q0\n"
                   "vadd.i32   q0, q3, q7\n"
                   "vsub.i32   q3, q3, q7\n"
                   "vldrw.u32  q7, [sp]\n"
                   "vstrw.32   q0, [q7]\n"
                   "vstrw.32   q3, [q7, #16]\n"
                   "vadd.i32   q0, q1, q5\n"
                   "vsub.i32   q1, q1, q5\n"
                   "vadd.i32   q3, q4, q0\n"
                   "vsub.i32   q4, q4, q0\n"
                   "vstrw.32   q3, [q7, #4]\n"
                   "vstrw.32   q4, [q7, #20]\n"
                   "vadd.i32   q0, q2, q1\n"
                   "vsub.i32   q2, q2, q1\n"
                   "vstrw.32   q0, [q7, #8]\n"
                   "vstrw.32   q2, [q7, #24]\n"
                   "vldrw.u32  q0, [sp, #16]\n"
                   "vsub.i32   q1, q0, q6\n"
                   "vadd.i32   q0, q0, q6\n"
                   "vstrw.32   q1, [q7, #12]\n"
                   "vstrw.32   q0, [q7, #28]\n"
                   "vadd.i32   q7, q7, r8\n"
                   "vstrw.32   q7, [sp]\n"
                   "le         lr, 1b\n"
                   "vsub.i32   q7, q7, r9\n"
                   "subs       r10, r10, #1\n"
                   "bne        2b\n"
                   "add        sp, sp, #32\n"
                   "vpop       {d8-d15}\n"
                   "pop        {r4-r10, pc}\n" ::: "memory");
}

/* In the order in which kws_fft_run_stage_lanes reads them. Angles are in bytes of the table of twiddles. */
typedef struct kws_lanes_stage {
    int32_t *first;          /* leg 0 of the first butterfly */
    uint32_t leg_bytes;      /* from leg to leg */
    uint32_t blocks;         /* butterflies of one k */
    uint32_t quarter;        /* the angle of a quarter of a turn */
    const int32_t *last;     /* leg 1 of the first butterfly: what follows the last k */
    const int32_t *twiddles; /* (cos, sin) of a quarter of a turn, both ends included */
    uint32_t step;           /* from k to k + 1 for leg 1 */
} kws_lanes_stage;

/*
 * (cos, sin) to `to` of the angles in `angle`, up to three quarters of a turn: r10 twiddles, r7 half a turn; destroys
 * q3. The second quarter is the table's mirror image, the third its negative: beyond the angles in q1 they change sign.
 */
#define KWS_TWIDDLE_PAIRS(to, angle)                \
    "vsub.i32   q3, " angle ", r7\n"                \
    "vabs.s32   q3, q3\n"                           \
    "vmin.u32   q3, q3, " angle "\n"                \
    "vldrd.u64  " to ", [r10, q3]\n"                \
    "vpt.u32    hi, " angle ", q1\n"                \
    "vnegt.s32  " to ", " to "\n"

/*
 * The two values at `leg`, times exp(-j angle), halved: the multiplications double the sum of two products and take
 * its high word, in pairs of lanes; what they round down twice is rounded down once. Destroys q0.
 */
#define KWS_ROTATE_PAIRS(to, leg, twiddles)         \
    "vldrw.u32  q0, [" leg "]\n"                    \
    "vqdmladh.s32  " to ", q0, " twiddles "\n"      \
    "vqdmlsdhx.s32 " to ", q0, " twiddles "\n"      \
    "vshr.s32   " to ", " to ", #1\n"

/*
 * A stage: for two k at a time, block by block. In assembler, because all eight vectors are needed at once.
 * r0 to r3 the legs, r4 the bytes from one to the next, r5 blocks, r8 last, r9 what takes r0 back to the first block,
 * r11 the angle of two k; on the stack: 0 angles of leg 1, 16 those beyond which cosine and sine are negative. q5 to
 * q7 the twiddles of legs 1, 2 and 3.
 */
KWS_NAKED void kws_fft_run_stage_lanes(KWS_UNSEEN const kws_lanes_stage *stage)
{
    __asm volatile("push       {r4-r11, lr}\n"
                   "vpush      {d8-d15}\n"
                   "sub        sp, sp, #36\n"
                   "ldm        r0, {r0, r4, r5, r6, r8, r10, r11}\n"
                   "mul        r9, r4, r5\n"
                   "lsl        r9, r9, #2\n"
                   "sub        r9, r9, #16\n"
                   "lsl        r7, r6, #1\n"
                   "vmov       q1[2], q1[0], r6, r6\n"
                   "vmov       q1[3], q1[1], r7, r7\n"
                   "vstrw.32   q1, [sp, #16]\n"
                   "mov        r6, #0\n"
                   "vmov       q0[2], q0[0], r6, r11\n"
                   "vmov       q0[3], q0[1], r6, r11\n"
                   "lsl        r11, r11, #1\n"
                   /* for two k: the twiddles of their three legs */
                   "2:\n"
                   "vldrw.u32  q1, [sp, #16]\n"
                   "vldrd.u64  q5, [r10, q0]\n"
                   "vadd.i32   q2, q0, q0\n"
                   "vadd.i32   q4, q0, q2\n"
                   "vadd.i32   q0, q0, r11\n"
                   "vstrw.32   q0, [sp]\n"
                   KWS_TWIDDLE_PAIRS("q6", "q2")
                   KWS_TWIDDLE_PAIRS("q7", "q4")
                   "dls        lr, r5\n"
                   "1:\n"
                   "add        r1, r0, r4\n"
                   "add        r2, r1, r4\n"
                   "add        r3, r2, r4\n"
                   KWS_ROTATE_PAIRS("q1", "r3", "q7")
                   KWS_ROTATE_PAIRS("q2", "r1", "q5")
                   "vadd.i32   q3, q2, q1\n" /* u = b + d in q3, v = b - d in q2 */
                   "vsub.i32   q2, q2, q1\n"
                   KWS_ROTATE_PAIRS("q1", "r2", "q6")
                   "vldrw.u32  q0, [r0]\n"
                   "vshr.s32   q0, q0, #1\n"
                   "vadd.i32   q4, q0, q1\n" /* s = a + c in q4, t = a - c in q0 */
                   "vsub.i32   q0, q0, q1\n"
                   "vadd.i32   q1, q4, q3\n"
                   "vsub.i32   q4, q4, q3\n"
                   "vstrw.32   q1, [r0]\n"
                   "vstrw.32   q4, [r2]\n"
                   "vcadd.i32  q1, q0, q2, #270\n" /* t - jv */
                   "vcadd.i32  q3, q0, q2, #90\n"
                   "vstrw.32   q1, [r1]\n"
                   "vstrw.32   q3, [r3]\n"
                   "add        r0, r3, r4\n"
                   "le         lr, 1b\n"
                   "sub        r0, r0, r9\n"
                   "vldrw.u32  q0, [sp]\n"
                   "cmp        r0, r8\n"
                   "bcc        2b\n"
                   "add        sp, sp, #36\n"
                   "vpop       {d8-d15}\n"
                   "pop        {r4-r11, pc}\n" ::: "memory");
}

KWS_NOINLINE void kws_fft_stage_lanes(int32_t *data, uint32_t points, uint32_t size, const int32_t *twiddles)
{
    const kws_lanes_stage stage = {data,        8u * size, points / (4u * size), 4u * points,
                                   data + 2u * size, twiddles,  4u * points / size};
    kws_fft_run_stage_lanes(&stage);
}

#endif
