/*
 * Mel bands and their logarithms for Helium: FRONT/6 to FRONT/8 as in mel_bands in frontends/log_mel.c
 * (tests/fixedpoint/frontends/test_log_mel_helium.py; tests/firmware/test_arch.py, test_front_end_settings).
 */
#ifndef KWS_ARCH_MEL_HELIUM_H
#define KWS_ARCH_MEL_HELIUM_H

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
 * The next segment: r4 r5 its powers times their weights, that sum before plus its powers times WEIGHT_ONE in
 * r2 r3. r0 bins, r1 weights, r10 segment_ends, r12 the bin after the last one; q2 WEIGHT_ONE, q3 the bytes from
 * power to power. Lanes beyond the segment are neither read nor added.
 */
#define KWS_MEL_SEGMENT(turn, after)         \
    "ldrh       r6, [r10], #2\n"             \
    "mov        r2, r4\n"                    \
    "mov        r3, r5\n"                    \
    "mov        r4, #0\n"                    \
    "mov        r5, #0\n"                    \
    "subs       r6, r6, r12\n"               \
    "beq        " after "f\n"                \
    "add        r12, r12, r6\n"              \
    "mov        r8, r0\n"                    \
    "mov        r7, r1\n"                    \
    "dlstp.32   lr, r6\n"                    \
    turn ":\n"                               \
    "vldrw.u32  q0, [r8, q3]\n"              \
    "vldrh.u32  q1, [r7], #8\n"              \
    "add        r8, r8, #32\n"               \
    "vmlaldava.u32 r2, r3, q0, q2\n"         \
    "vmlaldava.u32 r4, r5, q0, q1\n"         \
    "letp       lr, " turn "b\n"             \
    "add        r0, r0, r6, lsl #3\n"        \
    "add        r1, r1, r6, lsl #1\n"        \
    after ":\n"

#define KWS_MEL_CONSTANTS       \
    "mov        r6, #0\n"       \
    "mov        r7, #0x8000\n"  \
    "vidup.u32  q3, r6, #8\n"   \
    "vdup.32    q2, r7\n"

/*
 * On the stack: 0 four bands' energies, 32 where they end, 36 features_end, 40 what is added to five times a
 * logarithm without its exponent of 63, 44 log_table.
 */
KWS_NAKED void kws_run_mel(KWS_UNSEEN const kws_mel_pass *pass)
{
    __asm volatile("push       {r4-r11, lr}\n"
                   "sub        sp, sp, #52\n"
                   "ldrd       r6, r7, [r0, #20]\n"
                   "ldr        r8, [r0, #28]\n"
                   "mov        r9, #0x130000\n" /* 5 * 63 * 2^16 */
                   "add        r9, r9, #0x1280000\n"
                   "sub        r7, r9, r7\n"
                   "strd       r6, r7, [sp, #36]\n"
                   "str        r8, [sp, #44]\n"
                   "ldrd       r12, r11, [r0, #12]\n"
                   "ldr        r10, [r0, #8]\n"
                   "ldrd       r0, r1, [r0]\n"
                   "mov        r4, #0\n"
                   "mov        r5, #0\n"
                   KWS_MEL_CONSTANTS
                   KWS_MEL_SEGMENT("1", "2")
                   /* four bands, or those that are left */
                   "3:\n"
                   "mov        r9, sp\n"
                   "ldr        r6, [sp, #36]\n"
                   "sub        r6, r6, r11\n"
                   "cmp        r6, #4\n"
                   "it         hi\n"
                   "movhi      r6, #4\n"
                   "add        r6, sp, r6, lsl #3\n"
                   "str        r6, [sp, #32]\n"
                   KWS_MEL_CONSTANTS
                   "6:\n"
                   KWS_MEL_SEGMENT("4", "5")
                   "subs       r2, r2, r4\n"
                   "sbc        r3, r3, r5\n"
                   "strd       r2, r3, [r9], #8\n"
                   "ldr        r6, [sp, #32]\n"
                   "cmp        r9, r6\n"
                   "bne        6b\n"
                   /* the leading one to the top of 32 bits; zeros before it in q2 */
                   "mov        r8, sp\n"
                   "vld20.32   {q0, q1}, [r8]\n"
                   "vld21.32   {q0, q1}, [r8]\n"
                   "vclz.i32   q2, q1\n"
                   "vshl.u32   q1, q1, q2\n"
                   "mov        r6, #32\n"
                   "vsub.i32   q3, q2, r6\n"
                   "vshl.u32   q0, q0, q3\n"
                   "vorr       q0, q0, q1\n"
                   "vclz.i32   q1, q0\n"
                   "vshl.u32   q0, q0, q1\n"
                   "vadd.i32   q2, q2, q1\n"
                   /* its logarithm */
                   "ldrd       r7, r8, [sp, #40]\n"
                   "vshl.i32   q1, q0, #1\n"
                   "vshr.u32   q1, q1, #27\n"
                   "vldrw.u32  q3, [r8, q1, uxtw #2]\n"
                   "vshl.i32   q0, q0, #6\n"
                   "vshr.u32   q0, q0, #21\n"
                   "vmovlb.u16 q1, q3\n"
                   "vshr.u32   q3, q3, #16\n"
                   "vmul.i32   q0, q0, q3\n"
                   "vshr.u32   q0, q0, #11\n"
                   "vadd.i32   q0, q0, q1\n"
                   "vshl.i32   q1, q2, #16\n"
                   "vsub.i32   q0, q0, q1\n"
                   "mov        r6, #5\n"
                   "vmul.i32   q0, q0, r6\n"
                   "vadd.i32   q0, q0, r7\n"
                   "vshr.s32   q0, q0, #16\n"
                   "vqshl.s32  q0, q0, #24\n"
                   "vshr.s32   q0, q0, #24\n"
                   "mov        r6, #64\n"
                   "mvn        r7, #127\n"
                   "vpt.i32    eq, q2, r6\n"
                   "vdupt.32   q0, r7\n"
                   "ldr        r7, [sp, #36]\n"
                   "sub        r6, r7, r11\n"
                   "vctp.32    r6\n"
                   "mov        r2, r11\n"
                   "add        r11, r11, #4\n"
                   "vpst\n"
                   "vstrbt.32  q0, [r2]\n"
                   "cmp        r11, r7\n"
                   "bcc        3b\n"
                   "add        sp, sp, #52\n"
                   "pop        {r4-r11, pc}\n" ::: "memory");
}

#endif
