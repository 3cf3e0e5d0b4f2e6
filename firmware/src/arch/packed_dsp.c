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

/* r7 quads, two a turn; of an odd number the first turn is entered in its middle. */
#define KWS_PACKED_LOOP(turn, middle)   \
    "adds    r7, r7, #1\n"              \
    "lsrs    r7, r7, #1\n"              \
    "bcc     " middle "f\n"             \
    turn ":\n"                          \
    KWS_PACKED_QUAD                     \
    middle ":\n"                        \
    KWS_PACKED_QUAD                     \
    "subs    r7, r7, #1\n"              \
    "bne     " turn "b\n"

/* In assembler, because the loop needs all registers there are and a compiler would spill. */
KWS_NAKED_EXTERN void kws_packed_products(KWS_UNSEEN kws_packed_pass *pass)
{
    __asm volatile("push    {r0, r4-r11, lr}\n"
                   "ldr     r7, [r0, #8]\n"
                   "ldrd    r4, r5, [r0]\n"
                   "ldmia   r4!, {r0-r3}\n"
                   KWS_PACKED_LOOP("1", "2")
                   "ldr     r7, [sp]\n"
                   "add     r6, r7, #16\n"
                   "stmia   r6, {r0-r3}\n"
                   "ldr     r7, [r7, #12]\n"
                   "ldmia   r4!, {r0-r3}\n"
                   KWS_PACKED_LOOP("3", "4")
                   "ldr     r7, [sp]\n"
                   "str     r4, [r7], #32\n"
                   "stmia   r7, {r0-r3}\n"
                   "pop     {r0, r4-r11, pc}\n" ::: "memory");
}

#else

typedef int kws_packed_dsp_is_for_the_dsp_extension; /* an empty file is none in C */

#endif
