/*
 * The FFT for Helium, of its first stage four butterflies side by side, of the others two, re beside im: FRONT/2 and FRONT/3 as in the portable functions of
 * frontends/fft.c (tests/fixedpoint/frontends/test_log_mel_helium.py; tests/firmware/test_arch.py, test_front_end_settings).
 */
#ifndef KWS_ARCH_FFT_HELIUM_H
#define KWS_ARCH_FFT_HELIUM_H

#include <arm_mve.h>

#include "dual.h"

/* 0, step, 2 * step, 3 * step. */
KWS_INLINE uint32x4_t kws_steps(uint32_t step)
{
    return vmulq_n_u32(vidupq_n_u32(0, 1), step);
}

/* Pairs of samples times the window's, as re and im. */
KWS_INLINE int32x4x2_t kws_windowed_lanes(const int16_t *pcm, const int16_t *window, uint32x4_t bytes)
{
    const int16x8_t samples = vreinterpretq_s16_s32(vldrwq_gather_offset_s32((const int32_t *)(const void *)pcm, bytes));
    const int16x8_t weights =
        vreinterpretq_s16_s32(vldrwq_gather_offset_s32((const int32_t *)(const void *)window, bytes));
    const int32x4x2_t z = {{vshrq_n_s32(vmullbq_int_s16(samples, weights), 5),
                            vshrq_n_s32(vmulltq_int_s16(samples, weights), 5)}};
    return z;
}

/* Four butterflies; the legs of one are 128 samples apart, those of the next 32 samples on. */
KWS_INLINE void kws_fft_first_block(const int16_t *pcm, const int16_t *window, void *to)
{
    const uint32x4_t butterfly = kws_steps(64);
    const int32x4x2_t a = kws_windowed_lanes(pcm, window, butterfly);
    const int32x4x2_t c = kws_windowed_lanes(pcm + 256, window + 256, butterfly);
    const int32x4_t sx = vaddq_s32(a.val[0], c.val[0]), sy = vaddq_s32(a.val[1], c.val[1]);
    const int32x4_t tx = vsubq_s32(a.val[0], c.val[0]), ty = vsubq_s32(a.val[1], c.val[1]);
    const int32x4x2_t b = kws_windowed_lanes(pcm + 128, window + 128, butterfly);
    const int32x4x2_t d = kws_windowed_lanes(pcm + 384, window + 384, butterfly);
    const int32x4_t ux = vaddq_s32(b.val[0], d.val[0]), uy = vaddq_s32(b.val[1], d.val[1]);
    const int32x4_t vx = vsubq_s32(b.val[0], d.val[0]), vy = vsubq_s32(b.val[1], d.val[1]);
    const uint32x4_t place = kws_steps(32);
    int32_t *out = (int32_t *)to;
    vstrwq_scatter_offset_s32(out, place, vaddq_s32(sx, ux));
    vstrwq_scatter_offset_s32(out + 1, place, vaddq_s32(sy, uy));
    vstrwq_scatter_offset_s32(out + 2, place, vaddq_s32(tx, vy));
    vstrwq_scatter_offset_s32(out + 3, place, vsubq_s32(ty, vx));
    vstrwq_scatter_offset_s32(out + 4, place, vsubq_s32(sx, ux));
    vstrwq_scatter_offset_s32(out + 5, place, vsubq_s32(sy, uy));
    vstrwq_scatter_offset_s32(out + 6, place, vsubq_s32(tx, vy));
    vstrwq_scatter_offset_s32(out + 7, place, vaddq_s32(ty, vx));
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
