#include "lanes_helium.h"

#include "dual.h"

#if KWS_ARCH == KWS_ARCH_HELIUM

#define KWS_LANE_ROW(sum, row)         \
    "vldrb.8     q1, [" row "], #16\n" \
    "vmladava.s8 " sum ", q0, q1\n"

/*
 * In assembler for the loop with tail predication: lanes beyond the row are neither read nor added.
 */
KWS_NAKED_EXTERN void kws_lane_sums(KWS_UNSEEN kws_lane_part *parts, KWS_UNSEEN int32_t *sums,
                                    KWS_UNSEEN uint32_t part_count, KWS_UNSEEN uint32_t groups)
{
    __asm volatile("push     {r0-r11, lr}\n" /* sp + 8 where a group's sums end; sp + 12 groups */
                   "mov      r12, r1\n"
                   "3:\n"
                   "ldr      r0, [sp]\n"
                   "ldr      r11, [sp, #8]\n"
                   "add      r11, r12, r11, lsl #6\n"
                   "2:\n"
                   "ldm      r0, {r1, r2, r3, lr}\n"
                   "ldm      r1!, {r4, r6, r8, r10}\n"
                   "add      r5, r2, lr\n"
                   "add      r7, r5, lr\n"
                   "add      r9, r7, lr\n"
                   "str      r1, [r0], #4\n"
                   "add      r1, r9, lr\n"
                   "str      r1, [r0], #12\n"
                   "dlstp.8  lr, lr\n"
                   "1:\n"
                   "vldrb.8  q0, [r3], #16\n"
                   KWS_LANE_ROW("r4", "r2")
                   KWS_LANE_ROW("r6", "r5")
                   KWS_LANE_ROW("r8", "r7")
                   KWS_LANE_ROW("r10", "r9")
                   "letp     lr, 1b\n"
                   "str      r4, [r12], #16\n"
                   "str      r6, [r12], #16\n"
                   "str      r8, [r12], #16\n"
                   "str      r10, [r12], #16\n"
                   "cmp      r12, r11\n"
                   "bne      2b\n"
                   "ldr      r0, [sp, #12]\n"
                   "subs     r0, r0, #1\n"
                   "str      r0, [sp, #12]\n"
                   "beq      4f\n"
                   "ldrd     r1, r2, [sp, #4]\n" /* after every second group back to the first one's next lane */
                   "add      r3, r1, r2, lsl #7\n"
                   "cmp      r12, r3\n"
                   "bcc      3b\n"
                   "add      r12, r1, #4\n"
                   "str      r12, [sp, #4]\n"
                   "b        3b\n"
                   "4:\n"
                   "add      sp, sp, #16\n"
                   "pop      {r4-r11, pc}\n" ::: "memory");
}

#else

typedef int kws_lanes_are_for_helium; /* an empty file is none in C */

#endif
