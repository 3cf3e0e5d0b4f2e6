#include "packed_dsp.h"

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

KWS_COLD void kws_packed_start_part(kws_packed_part *part, uint32_t columns)
{
    const uint32_t quads = (columns + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS;
    part->turns = (quads + KWS_QUADS - 1u) / KWS_QUADS;
    part->skipped = (part->turns * KWS_QUADS - quads) * KWS_QUAD_BYTES;
}

KWS_COLD void kws_packed_start(kws_packed_pass *pass, const uint32_t *weights, const uint32_t *vector, uint32_t columns)
{
    pass->weights = weights;
    pass->vector = vector;
    kws_packed_start_part(&pass->parts[0], columns);
    pass->parts[1].turns = 0;
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

/* In assembler, because the loop needs all registers there are and a compiler would spill. */
KWS_NAKED_EXTERN void kws_packed_sums(void)
{
    __asm volatile("push    {lr}\n"
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
                   "pop     {pc}\n" ::: "memory");
}

KWS_NAKED_EXTERN void kws_packed_products(KWS_UNSEEN kws_packed_pass *pass)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "mov     r11, r0\n"
                   "bl      %c0\n"
                   "str     r4, [r11, #-40]\n"
                   "pop     {r4-r11, pc}\n" ::"i"(kws_packed_sums)
                   : "memory");
}

#else

typedef int kws_packed_dsp_is_for_the_dsp_extension; /* an empty file is none in C */

#endif
