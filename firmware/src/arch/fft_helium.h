/*
 * The FFT for Helium, four butterflies side by side: FRONT/2 and FRONT/3 as in the portable functions of
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
    const int32_t *last;     /* leg 1 of it: what follows the last k */
    uint32_t leg_bytes;      /* from leg to leg */
    const int32_t *end;      /* of the data */
    const int32_t *twiddles; /* (cos, sin) of a quarter of a turn, both ends included */
    uint32_t quarter;        /* the angle of a quarter of a turn */
    uint32_t step;           /* of four k for leg 1 */
    uint32_t different;      /* lanes of different k less one: 3, or 1 where each k comes twice */
} kws_lanes_stage;

/*
 * cos to q3 and sin to q1 of the angles in q0, up to three quarters of a turn: r10 twiddles, r11 the sines behind
 * them; q2 half a turn. The second quarter is the table's mirror image, the third its negative.
 */
#define KWS_TWIDDLE_LANES         \
    "vsub.i32   q1, q2, q0\n"     \
    "vabs.s32   q1, q1\n"         \
    "vmin.u32   q1, q0, q1\n"     \
    "vldrw.u32  q3, [r10, q1]\n"  \
    "vpt.u32    hi, q0, r6\n"     \
    "vnegt.s32  q3, q3\n"

/*
 * The four values at `leg`, times exp(-j angle), halved: re in q4, im in q5, each the high word of the difference of
 * two products, less what the low word borrows. r4 is 1.
 */
#define KWS_ROTATE_LANES(leg, c, s)           \
    "vld20.32   {q0, q1}, [" leg "]\n"        \
    "vld21.32   {q0, q1}, [" leg "]\n"        \
    "vldrw.32   q2, [lr, #" c "]\n"           \
    "vldrw.32   q3, [lr, #" s "]\n"           \
    "vmulh.s32  q5, q1, q2\n"                 \
    "vmulh.s32  q4, q0, q3\n"                 \
    "vsub.i32   q5, q5, q4\n"                 \
    "vmul.i32   q4, q1, q2\n"                 \
    "vmul.i32   q6, q0, q3\n"                 \
    "vpt.u32    hi, q6, q4\n"                 \
    "vsubt.i32  q5, q5, r4\n"                 \
    "vneg.s32   q3, q3\n"                     \
    "vmulh.s32  q4, q0, q2\n"                 \
    "vmulh.s32  q6, q1, q3\n"                 \
    "vsub.i32   q4, q4, q6\n"                 \
    "vmul.i32   q0, q0, q2\n"                 \
    "vmul.i32   q1, q1, q3\n"                 \
    "vpt.u32    hi, q1, q0\n"                 \
    "vsubt.i32  q4, q4, r4\n"

/*
 * A stage: for four k at a time, block by block. In assembler, because GCC 12 gives a store of
 * pairs an address that there is not, and moves predicates about. Legs 1 and 3, rotated, wait in their places, re
 * before im.
 * r0 to r3 the legs, r12 the bytes from block to block, r6 quarter, r9 end; on the stack: 0 cos and sin of legs 1,
 * 2 and 3; 96 angles of leg 1; 112 first, last, leg_bytes, step.
 */
KWS_NAKED void kws_fft_run_stage_lanes(KWS_UNSEEN const kws_lanes_stage *stage)
{
    __asm volatile("push       {r4-r11, lr}\n"
                   "vpush      {d8-d15}\n"
                   "sub        sp, sp, #132\n"
                   "ldr        r4, [r0, #28]\n"
                   "ldm        r0, {r1, r2, r3, r9, r10, r11, r12}\n"
                   "strd       r1, r2, [sp, #112]\n"
                   "strd       r3, r12, [sp, #120]\n"
                   "mov        r6, r11\n"
                   "add        r11, r10, #4\n"
                   "mov        r8, #0\n"
                   "lsr        r5, r12, #2\n"
                   "vidup.u32  q0, r8, #1\n"
                   "vdup.32    q1, r4\n"
                   "vand       q0, q0, q1\n"
                   "vmul.i32   q0, q0, r5\n"
                   "mov        r4, #1\n"
                   "mov        lr, sp\n"
                   "lsl        r7, r6, #1\n"
                   /* for four k: the twiddles of their three legs */
                   "2:\n"
                   "vstrw.32   q0, [lr, #96]\n"
                   "vldrw.u32  q1, [r10, q0]\n"
                   "vldrw.u32  q2, [r11, q0]\n"
                   "vstrw.32   q1, [lr]\n"
                   "vstrw.32   q2, [lr, #16]\n"
                   "vdup.32    q2, r7\n"
                   "vadd.i32   q4, q0, q0\n"
                   "vadd.i32   q5, q4, q0\n"
                   "vmov       q0, q4\n"
                   KWS_TWIDDLE_LANES
                   "vstrw.32   q3, [lr, #32]\n"
                   "vldrw.u32  q3, [r11, q1]\n"
                   "vstrw.32   q3, [lr, #48]\n"
                   "vmov       q0, q5\n"
                   KWS_TWIDDLE_LANES
                   "vstrw.32   q3, [lr, #64]\n"
                   "vldrw.u32  q3, [r11, q1]\n"
                   "vpt.u32    hi, q0, r7\n"
                   "vnegt.s32  q3, q3\n"
                   "vstrw.32   q3, [lr, #80]\n"
                   "ldr        r0, [sp, #112]\n"
                   "ldr        r5, [sp, #120]\n"
                   "add        r1, r0, r5\n"
                   "add        r2, r1, r5\n"
                   "add        r3, r2, r5\n"
                   "lsl        r12, r5, #2\n"
                   "1:\n"
                   KWS_ROTATE_LANES("r1", "0", "16")
                   "vstrw.32   q4, [r1]\n"
                   "vstrw.32   q5, [r1, #16]\n"
                   KWS_ROTATE_LANES("r3", "64", "80")
                   "vstrw.32   q4, [r3]\n"
                   "vstrw.32   q5, [r3, #16]\n"
                   KWS_ROTATE_LANES("r2", "32", "48")
                   "vld20.32   {q0, q1}, [r0]\n"
                   "vld21.32   {q0, q1}, [r0]\n"
                   "vshr.s32   q0, q0, #1\n"
                   "vshr.s32   q1, q1, #1\n"
                   "vsub.i32   q2, q0, q4\n" /* t = a - c in q2 q3, s = a + c in q0 q1 */
                   "vsub.i32   q3, q1, q5\n"
                   "vadd.i32   q0, q0, q4\n"
                   "vadd.i32   q1, q1, q5\n"
                   "vldrw.32   q4, [r1]\n"
                   "vldrw.32   q5, [r3]\n"
                   "vadd.i32   q6, q4, q5\n" /* re of u = b + d */
                   "vsub.i32   q4, q4, q5\n" /* re of v = b - d */
                   "vsub.i32   q5, q0, q6\n"
                   "vadd.i32   q0, q0, q6\n"
                   "vadd.i32   q7, q3, q4\n"
                   "vsub.i32   q3, q3, q4\n"
                   "vldrw.32   q4, [r1, #16]\n"
                   "vldrw.32   q6, [r3, #16]\n"
                   "vadd.i32   q4, q4, q6\n"
                   "vsub.i32   q6, q1, q4\n"
                   "vadd.i32   q1, q1, q4\n"
                   "vst20.32   {q0, q1}, [r0]\n"
                   "vst21.32   {q0, q1}, [r0]\n"
                   "vst20.32   {q5, q6}, [r2]\n"
                   "vst21.32   {q5, q6}, [r2]\n"
                   "vldrw.32   q0, [r1, #16]\n"
                   "vldrw.32   q1, [r3, #16]\n"
                   "vsub.i32   q4, q0, q1\n"
                   "vsub.i32   q6, q2, q4\n"
                   "vadd.i32   q2, q2, q4\n"
                   "vst20.32   {q2, q3}, [r1]\n"
                   "vst21.32   {q2, q3}, [r1]\n"
                   "vst20.32   {q6, q7}, [r3]\n"
                   "vst21.32   {q6, q7}, [r3]\n"
                   "add        r0, r0, r12\n"
                   "add        r1, r1, r12\n"
                   "add        r2, r2, r12\n"
                   "add        r3, r3, r12\n"
                   "cmp        r0, r9\n"
                   "bcc        1b\n"
                   "ldrd       r0, r1, [sp, #112]\n"
                   "ldr        r2, [sp, #124]\n"
                   "vldrw.32   q0, [lr, #96]\n"
                   "vadd.i32   q0, q0, r2\n"
                   "add        r0, r0, #32\n"
                   "str        r0, [sp, #112]\n"
                   "cmp        r0, r1\n"
                   "bcc        2b\n"
                   "add        sp, sp, #132\n"
                   "vpop       {d8-d15}\n"
                   "pop        {r4-r11, pc}\n" ::: "memory");
}

/* Sixteen values at a time, each two of them one place: place i from that at 4 * i of 7, 8 * i of 14 being 1. */
KWS_NOINLINE void kws_fft_reorder(int32_t *data, const int32_t *end, uint32_t stride)
{
    for (; data < end; data += 32) {
        int32x4_t z[8];
        for (uint32_t i = 0; i < 8u; i++) {
            z[i] = vld1q_s32(data + 4u * (i == 7u ? 7u : i * stride % 7u));
        }
        for (uint32_t i = 0; i < 8u; i++) {
            vst1q_s32(data + 4u * i, z[i]);
        }
    }
}

KWS_NOINLINE void kws_fft_stage_lanes(int32_t *data, uint32_t points, uint32_t size, const int32_t *twiddles)
{
    const int32_t *end = data + 2u * points;
    const uint32_t different = size < 4u ? 1u : 3u, leg_words = size < 4u ? 8u : 2u * size;
    const kws_lanes_stage stage = {data,     data + leg_words, 4u * leg_words,      end,
                                   twiddles, 4u * points,      16u * points / size, different};
    if (different == 1u) {
        kws_fft_reorder(data, end, 4);
    }
    kws_fft_run_stage_lanes(&stage);
    if (different == 1u) {
        kws_fft_reorder(data, end, 2);
    }
}

#endif
