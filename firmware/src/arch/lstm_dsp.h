/*
 * Sums of products of an LSTM for the DSP extension of Armv7E-M and Armv8-M, over weights that the
 * generator packed (kws/layers/lstm_packing.py, the twin of this file).
 *
 * A halfword of weights holds 256 * a + b of two gates' rows, a word two columns. SMLAD of a word and
 * a pair of inputs adds 256 * A + B modulo 2^32; SXTB16 leaves the bytes b, and SMLAD of those adds B.
 * The generator has proved |A| < 2^23, so that A is the difference's upper 24 bits.
 *
 * Proved by tests/firmware/test_arch.py: the sums and the factors for themselves, and whole networks.
 */
#ifndef KWS_ARCH_LSTM_DSP_H
#define KWS_ARCH_LSTM_DSP_H

#include "kws/layers/lstm.h"

#include "../arithmetic.h"

#define KWS_PACKED_COLUMNS 4u

/* In the order in which kws_packed_products reads and writes them. */
typedef struct kws_packed_pass {
    const uint32_t *weights; /* of the next unit */
    const uint32_t *vector;  /* widened input, then widened hidden state */
    uint32_t input_quads;
    uint32_t hidden_quads;
    const kws_dsp_factor *factors;
    int32_t sums[2][4]; /* of input and hidden state: 256 * I + F, F, 256 * G + O, O with gates I, F, G, O */
} kws_packed_pass;

/* int8 to pairs of int16 in the order that the weights have: 0 and 2, 1 and 3; zeros up to a multiple of 4. */
KWS_NOINLINE uint32_t *kws_widen(uint32_t *to, const int8_t *from, uint32_t count)
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

/*
 * One unit's eight sums; moves pass->weights to the next unit's. In assembler, because the loop needs
 * all registers there are and a compiler would spill.
 */
KWS_NAKED void kws_packed_products(KWS_UNSEEN kws_packed_pass *pass)
{
    __asm volatile("push    {r0, r4-r11, lr}\n"
                   "ldr     r7, [r0, #8]\n"
                   "ldrd    r4, r5, [r0]\n"
                   "ldmia   r4!, {r0-r3}\n"
                   KWS_PACKED_LOOP("1", "2")
                   "ldr     r7, [sp]\n"
                   "add     r6, r7, #20\n"
                   "stmia   r6, {r0-r3}\n"
                   "ldr     r7, [r7, #12]\n"
                   "ldmia   r4!, {r0-r3}\n"
                   KWS_PACKED_LOOP("3", "4")
                   "ldr     r7, [sp]\n"
                   "str     r4, [r7], #36\n"
                   "stmia   r7, {r0-r3}\n"
                   "pop     {r0, r4-r11, pc}\n" ::: "memory");
}

/* One gate's pre-activation: each part saturates on its own (LSTM/1, LSTM/2), then their sum (LSTM/3). */
KWS_INLINE int32_t kws_packed_gate(int32_t input, int32_t recurrent, const kws_dsp_factor *factors)
{
    return kws_sat16(kws_sat16(kws_dsp_multiply(input, &factors[0])) +
                       kws_sat16(kws_dsp_multiply(recurrent, &factors[1])));
}

/* The next unit's pre-activations. */
KWS_INLINE void kws_packed_gates(kws_packed_pass *pass, int32_t *i, int32_t *f, int32_t *g, int32_t *o)
{
    const kws_dsp_factor *factors = pass->factors;
    kws_packed_products(pass);
    const int32_t *x = pass->sums[0], *h = pass->sums[1];
    *i = kws_packed_gate((x[0] - x[1]) >> 8, (h[0] - h[1]) >> 8, factors);
    *f = kws_packed_gate(x[1], h[1], factors + 2);
    *g = kws_packed_gate((x[2] - x[3]) >> 8, (h[2] - h[3]) >> 8, factors + 4);
    *o = kws_packed_gate(x[3], h[3], factors + 6);
}

/* Ready for the first unit; pass->weights is NULL if this LSTM could not be packed. */
KWS_NOINLINE void kws_packed_begin(kws_packed_pass *pass, const kws_lstm *lstm, uint32_t *vector, const int8_t *x,
                                   const int8_t *hidden)
{
    pass->weights = lstm->packed_weights;
    pass->vector = vector;
    pass->input_quads = (lstm->inputs + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS;
    pass->hidden_quads = (lstm->units + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS;
    pass->factors = lstm->packed_factors;
    if (pass->weights != NULL) {
        vector = kws_widen(vector, x, lstm->inputs);
        kws_widen(vector, hidden, lstm->units);
    }
}

#endif
