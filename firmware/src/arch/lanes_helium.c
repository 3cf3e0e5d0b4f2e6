#include "lanes_helium.h"

#include "dual.h"

#if KWS_ARCH == KWS_ARCH_HELIUM

#define KWS_LANE_ROW(sum, row)         \
    "vldrb.8     q1, [" row "], #16\n" \
    "vmladava.s8 " sum ", q0, q1\n"

/*
 * In assembler for the loop with tail predication: lanes beyond the row are neither read nor added.
 */
KWS_NAKED_EXTERN void kws_lane_sums(KWS_UNSEEN kws_lane_part *part, KWS_UNSEEN int32_t sums[KWS_LANE_ROWS])
{
    __asm volatile("push     {r4-r10, lr}\n"
                   "mov      r12, r1\n"
                   "ldm      r0, {r1, r2, r3, lr}\n"
                   "ldm      r1!, {r4, r6, r8, r10}\n"
                   "add      r5, r2, lr\n"
                   "add      r7, r5, lr\n"
                   "add      r9, r7, lr\n"
                   "str      r1, [r0], #4\n"
                   "add      r1, r9, lr\n"
                   "str      r1, [r0]\n"
                   "dlstp.8  lr, lr\n"
                   "1:\n"
                   "vldrb.8  q0, [r3], #16\n"
                   KWS_LANE_ROW("r4", "r2")
                   KWS_LANE_ROW("r6", "r5")
                   KWS_LANE_ROW("r8", "r7")
                   KWS_LANE_ROW("r10", "r9")
                   "letp     lr, 1b\n"
                   "stm      r12, {r4, r6, r8, r10}\n"
                   "pop      {r4-r10, pc}\n" ::: "memory");
}

#define KWS_PAIR_ROW(sum)              \
    "vldrb.8     q1, [r1], #16\n"      \
    "vmladava.s8 " sum ", q0, q1\n"

/* A row of the tile that is narrower than 16 columns: what else is read meets zeros in q0. */
#define KWS_PAIR_END(sum)              \
    "vldrb.8     q1, [r1]\n"           \
    "vmladava.s8 " sum ", q0, q1\n"    \
    "add         r1, r1, r7\n"

/*
 * In assembler, because its eight sums are all registers that VMLADAVA takes. r1 weights, r3 vector, r5 whole tiles,
 * r7 columns beyond them, r9 where sums go, r11 the pass; on the stack the pairs that are left.
 */
KWS_NAKED_EXTERN void kws_lane_pairs(KWS_UNSEEN kws_lane_pass *pass, KWS_UNSEEN int32_t *sums,
                                     KWS_UNSEEN uint32_t pairs)
{
    __asm volatile("add      r3, r0, #28\n" /* the end of the parts */
                   "push     {r2-r11, lr}\n"
                   "mov      r11, r0\n"
                   "mov      r9, r1\n"
                   "ldr      r1, [r0]\n"
                   "3:\n"
                   "add      r11, r11, #4\n"
                   "2:\n"
                   "ldm      r11!, {r3, r5, r7}\n"
                   "ldm      r1!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                   "cbz      r5, 4f\n"
                   "1:\n"
                   "vldrb.8  q0, [r3], #16\n"
                   KWS_PAIR_ROW("r0")
                   KWS_PAIR_ROW("r2")
                   KWS_PAIR_ROW("r4")
                   KWS_PAIR_ROW("r6")
                   KWS_PAIR_ROW("r8")
                   KWS_PAIR_ROW("r10")
                   KWS_PAIR_ROW("r12")
                   KWS_PAIR_ROW("lr")
                   "subs     r5, r5, #1\n"
                   "bne      1b\n"
                   "4:\n"
                   "cbz      r7, 5f\n"
                   "vctp.8   r7\n"
                   "vpst\n"
                   "vldrbt.8 q0, [r3]\n"
                   KWS_PAIR_END("r0")
                   KWS_PAIR_END("r2")
                   KWS_PAIR_END("r4")
                   KWS_PAIR_END("r6")
                   KWS_PAIR_END("r8")
                   KWS_PAIR_END("r10")
                   KWS_PAIR_END("r12")
                   KWS_PAIR_END("lr")
                   "5:\n"
                   "stm      r9!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                   "ldr      r0, [sp, #4]\n"
                   "cmp      r11, r0\n"
                   "bne      2b\n"
                   "ldr      r0, [sp]\n"
                   "sub      r11, r11, #28\n"
                   "subs     r0, r0, #1\n"
                   "str      r0, [sp]\n"
                   "bne      3b\n"
                   "str      r1, [r11]\n"
                   "pop      {r2-r11, pc}\n" ::: "memory");
}

#else

typedef int kws_lanes_are_for_helium; /* an empty file is none in C */

#endif
