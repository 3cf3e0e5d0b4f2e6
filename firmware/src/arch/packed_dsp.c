#include "packed_dsp.h"

#include <stddef.h>

#include "dual.h"

#if KWS_ARCH == KWS_ARCH_DSP

uint32_t *kws_widen(uint32_t *to, const int8_t *from, uint32_t count)
{
    for (; count >= KWS_PACKED_COLUMNS; count -= KWS_PACKED_COLUMNS) {
        const uint32_t word = kws_load_word(from);
        *to++ = kws_sxtb16(word);
        *to++ = kws_sxtb16_odd(word);
        from += KWS_PACKED_COLUMNS;
    }
    if (count > 0) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < count; i++) {
            word |= (uint32_t)(uint8_t)from[i] << (8u * i);
        }
        *to++ = kws_sxtb16(word);
        *to++ = kws_sxtb16_odd(word);
    }
    return to;
}

#define KWS_QUADS 4u       /* a turn */
#define KWS_QUAD_BYTES 56u /* of KWS_PACKED_QUAD, whose instructions have four each */

static void start_part(kws_packed_part *part, uint32_t quads)
{
    part->turns = (quads + KWS_QUADS - 1u) / KWS_QUADS;
    part->skipped = (part->turns * KWS_QUADS - quads) * KWS_QUAD_BYTES;
}

void kws_packed_start(kws_packed_pass *pass, const uint32_t *weights, const uint32_t *vector, uint32_t quads,
                      uint32_t more_quads)
{
    pass->weights = weights;
    pass->vector = vector;
    start_part(&pass->parts[0], quads);
    start_part(&pass->parts[1], more_quads);
    pass->end = 0;
    pass->factors = NULL;
}

/* Four columns: r0 to r3 the sums, r4 the weights, r5 the vector. */
#define KWS_PACKED_QUAD                 \
    "ldrd    r6, r8, [r5], #8\n"        \
    "ldmia   r4!, {r9, r10, r12, lr}\n" \
    "smlad   r0, r9, r6, r0\n"          \
    "smlad   r2, r10, r6, r2\n"         \
    "sxtb16  r9, r9\n"                  \
    "sxtb16  r10, r10\n"                \
    "smlad   r1, r9, r6, r1\n"          \
    "smlad   r3, r10, r6, r3\n"         \
    "smlad   r0, r12, r8, r0\n"         \
    "smlad   r2, lr, r8, r2\n"          \
    "sxtb16  r12, r12\n"                \
    "sxtb16  lr, lr\n"                  \
    "smlad   r1, r12, r8, r1\n"         \
    "smlad   r3, lr, r8, r3\n"

/* kws_dsp_multiply of `sum` and a step below 0, or at `other` of another one, saturated; r11 zero. */
#define KWS_PACKED_SCALED(sum, value, step, other)  \
    "cmp     " step ", #0\n"                        \
    "bge     " other "0f\n"                         \
    "smmlar  " sum ", " sum ", " value ", " sum "\n"\
    "add     " sum ", " sum ", " sum ", asr #31\n"  \
    "smmlsr  " sum ", " sum ", " step ", r11\n"     \
    other "1:\n"                                    \
    "ssat    " sum ", #16, " sum "\n"

#define KWS_PACKED_OTHER(sum, value, step, other)   \
    other "0:\n"                                    \
    "lsl     " sum ", " sum ", " step "\n"          \
    "smmlar  " sum ", " sum ", " value ", " sum "\n"\
    "b       " other "1b\n"

/* One gate's pre-activation from its sums, to `h`: each part saturates on its own, then their sum; r6 the factors. */
#define KWS_PACKED_GATE(x, h, other_x, other_h)     \
    "ldmia   r6!, {r9, r10, r12, lr}\n"             \
    KWS_PACKED_SCALED(x, "r9", "r10", other_x)      \
    KWS_PACKED_SCALED(h, "r12", "lr", other_h)      \
    "add     " h ", " h ", " x "\n"                 \
    "ssat    " h ", #16, " h "\n"

#define KWS_PACKED_GATE_OTHER(x, h, other_x, other_h)   \
    KWS_PACKED_OTHER(x, "r9", "r10", other_x)           \
    KWS_PACKED_OTHER(h, "r12", "lr", other_h)

/* In assembler, because the loop needs all registers there are and a compiler would spill. r11 what to read of pass. */
KWS_NAKED_EXTERN void kws_packed_products(KWS_UNSEEN kws_packed_pass *pass)
{
    __asm volatile("push    {r0, r4-r11, lr}\n"
                   "mov     r11, r0\n"
                   "ldrd    r4, r5, [r11], #8\n"
                   "ldrd    r7, r6, [r11], #8\n"
                   "2:\n"
                   "ldmia   r4!, {r0-r3}\n"
                   "add     pc, r6\n" /* to the third of the next quads, if r6 is two quads' bytes */
                   "nop\n"
                   "1:\n"
                   KWS_PACKED_QUAD
                   KWS_PACKED_QUAD
                   KWS_PACKED_QUAD
                   KWS_PACKED_QUAD
                   "subs    r7, r7, #1\n"
                   "bne     1b\n"
                   "stmia   r11!, {r0-r3}\n"
                   "ldrd    r7, r6, [r11], #8\n"
                   "cmp     r7, #0\n"
                   "bne     2b\n"
                   "cmp     r6, #0\n"
                   "beq     3f\n"
                   "str     r4, [r11, #-64]\n"
                   "ldrd    r4, r5, [r11, #-48]\n"
                   "ldrd    r7, r8, [r11, #-40]\n"
                   "mov     r11, #0\n"
                   "sub     r4, r4, r5\n"
                   "sub     r0, r0, r1\n"
                   "asr     r4, r4, #8\n"
                   "asr     r0, r0, #8\n"
                   KWS_PACKED_GATE("r4", "r0", "1", "2")
                   KWS_PACKED_GATE("r5", "r1", "3", "4")
                   "sub     r7, r7, r8\n"
                   "sub     r2, r2, r3\n"
                   "asr     r7, r7, #8\n"
                   "asr     r2, r2, #8\n"
                   KWS_PACKED_GATE("r7", "r2", "5", "6")
                   KWS_PACKED_GATE("r8", "r3", "7", "8")
                   "ldr     r12, [sp]\n"
                   "add     r12, r12, #16\n"
                   "stmia   r12, {r0-r3}\n"
                   "pop     {r0, r4-r11, pc}\n"
                   "3:\n" /* one part */
                   "str     r4, [r11, #-40]\n"
                   "pop     {r0, r4-r11, pc}\n"
                   KWS_PACKED_GATE_OTHER("r4", "r0", "1", "2")
                   KWS_PACKED_GATE_OTHER("r5", "r1", "3", "4")
                   KWS_PACKED_GATE_OTHER("r7", "r2", "5", "6")
                   KWS_PACKED_GATE_OTHER("r8", "r3", "7", "8") ::: "memory");
}

#else

typedef int kws_packed_dsp_is_for_the_dsp_extension; /* an empty file is none in C */

#endif
