/*
 * An LSTM's step in the assembler of the DSP extension: the steps LSTM/1 to LSTM/8 with fewer instructions, and the same
 * bytes. What is the same for all units lies in the pass, in the order in which it is read.
 *
 * Proved by tests/firmware/test_arch.py, which compares whole networks with the harness, and by
 * tests/firmware/test_lstm_dsp.py: curves, products and factors in Python integers.
 */
#ifndef KWS_ARCH_LSTM_DSP_H
#define KWS_ARCH_LSTM_DSP_H

#include "kws/layers/lstm.h"

#include "../arithmetic.h"
#include "../sigmoid.h"
#include "packed_dsp.h"

/* The power of two of the cell's scale that makes 3 * c what the tanh takes. */
#define KWS_TANH_SCALE_POWER (-12)

typedef struct kws_lstm_pass {
    kws_packed_pass products;
    const kws_gate_factor *factors;  /* [gates][2] */
    const int16_t *sigmoid_centre;   /* at 64 */
    int32_t sigmoid_step;            /* of the weights of two entries, from one place between them to the next */
    int32_t sigmoid_start;           /* the weights at the first place */
    int32_t sigmoid_half;
    int32_t three;
    int32_t tanh_step;
    int32_t tanh_start;
    int32_t tanh_half;
    int32_t add_half;                /* at 96 */
    uint32_t add_shift;
    int32_t keep_half;
    int16_t *cell;
    int8_t *output;                  /* at 112 */
    int32_t clip;
    uint32_t clip_span;              /* from the lowest to the highest cell */
    int32_t tanh_multiplier;
    int32_t tanh_rounding;
    uint32_t tanh_shift;
    int32_t hidden_value;            /* at 136 */
    int32_t hidden_step;             /* 0: no shift to the right */
    int32_t hidden_zero_point;
    const int8_t *output_end;
    uint32_t hidden_left_shift;
} kws_lstm_pass;

/*
 * multiply of `sum` and a factor, saturated; destroys `scratch`. Both roundings are one rounding high multiplication
 * each, and the second one's multiplier is so little off a power of two that halves alone go another way: those of
 * a negative value down. It takes from the value itself where half of it or all stays, else from zero.
 */
#define KWS_GATE_SCALED(sum, value, step, scratch)              \
    "smmlar  " sum ", " sum ", " value ", " sum "\n"            \
    "bic     " scratch ", " sum ", " step ", asr #31\n"         \
    "smmlsr  " sum ", " sum ", " step ", " scratch "\n"         \
    "ssat    " sum ", #16, " sum "\n"

/* A gate of high and one of low rows, of which x and h are the two parts' sums: LSTM/1 and LSTM/2. */
#define KWS_GATES_SCALED(x_high, x_low, h_high, h_low)  \
    "ldmia   r6!, {r7, r8, r9, r10, r12, lr}\n"         \
    "sub     " x_high ", " x_high ", " x_low "\n"       \
    "sub     " h_high ", " h_high ", " h_low "\n"       \
    "asr     " x_high ", " x_high ", r9\n"              \
    "asr     " h_high ", " h_high ", lr\n"              \
    KWS_GATE_SCALED(x_high, "r7", "r8", "r9")           \
    KWS_GATE_SCALED(h_high, "r10", "r12", "lr")         \
    "ldmia   r6!, {r7, r8, r9, r10, r12, lr}\n"         \
    "lsl     " x_low ", " x_low ", r9\n"                \
    "lsl     " h_low ", " h_low ", lr\n"                \
    KWS_GATE_SCALED(x_low, "r7", "r8", "r9")            \
    KWS_GATE_SCALED(h_low, "r10", "r12", "lr")

/*
 * SIGMOID/2 and /3 of x: minus the result in the upper half of x. The specification interpolates in |x| and turns the
 * result round for x < 0; here the table goes on to both sides, and what remains of the sign is the rounding, of halves
 * down below zero. r4 centre, r5 step, r6 start, r7 half; destroys `low` and lr.
 */
#define KWS_SIGMOID(x, low)                             \
    "ubfx    lr, " x ", #0, #9\n"                       \
    "mla     lr, lr, r5, r6\n"                          \
    "asr     " low ", " x ", #9\n"                      \
    "ldr     " low ", [r4, " low ", lsl #1]\n"          \
    "add     " x ", r7, " x ", lsr #25\n"               \
    "smlad   " x ", " low ", lr, " x "\n"

/* TANH/2 and /3 of x: minus the result in `low`. `signed_half` computes `half`. r4 centre, r9 step, r10 start. */
#define KWS_TANH(x, low, weights, half, signed_half)    \
    "ssat    " x ", #17, " x "\n"                       \
    "uxtb    " weights ", " x "\n"                      \
    "mla     " weights ", " weights ", r9, r10\n"       \
    "asr     " low ", " x ", #8\n"                      \
    "ldr     " low ", [r4, " low ", lsl #1]\n"          \
    signed_half                                         \
    "smlad   " low ", " low ", " weights ", " half "\n" \
    "asr     " low ", " low ", #8\n"

/*
 * Updates units up to the pass's last one: the new cells and hidden states. With `unpacked`, it is one unit, whose
 * pre-activations lie where the first part's sums would. Beyond 2^16 a tanh's argument changes nothing.
 */
KWS_NAKED void kws_lstm_units(KWS_UNSEEN kws_lstm_pass *pass, KWS_UNSEEN uint32_t unpacked)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "mov     r11, r0\n"
                   "cmp     r1, #0\n"
                   "bne     6f\n"
                   "7:\n"
                   "bl      %c0\n"
                   "ldr     r6, [r11, #-4]\n"
                   "str     r4, [r11, #-64]\n"
                   "ldrd    r4, r5, [r11, #-48]\n"
                   KWS_GATES_SCALED("r4", "r5", "r0", "r1")
                   "pkhbt   r4, r4, r5, lsl #16\n"
                   "pkhbt   r0, r0, r1, lsl #16\n"
                   "qadd16  r0, r0, r4\n" /* LSTM/3: i (low) and f */
                   "ldrd    r4, r5, [r11, #-40]\n"
                   KWS_GATES_SCALED("r4", "r5", "r2", "r3")
                   "pkhbt   r4, r4, r5, lsl #16\n"
                   "pkhbt   r2, r2, r3, lsl #16\n"
                   "qadd16  r1, r2, r4\n" /* g (low) and o */
                   "8:\n"
                   "ldmia   r11!, {r4-r10, r12}\n"
                   /* LSTM/4: minus f, i and o in the upper halves of r2, r0 and r3, minus g in r5, its sign in r1 */
                   "smultb  r2, r0, r8\n" /* SIGMOID/1 */
                   KWS_SIGMOID("r2", "r3")
                   "smulbb  r0, r0, r8\n"
                   KWS_SIGMOID("r0", "r3")
                   "smultb  r3, r1, r8\n"
                   "smulbb  r1, r1, r8\n"
                   KWS_SIGMOID("r3", "r8")
                   KWS_TANH("r1", "r5", "r6", "r7",
                            "asr     r1, r1, #31\n"
                            "sub     r7, r12, r1\n")
                   /* LSTM/5 to LSTM/7 */
                   "ldmia   r11!, {r6, r7, r8, lr}\n"
                   "add     r1, r6, r1, lsl #1\n"
                   "smlatb  r1, r0, r5, r1\n"
                   "ldrsh   r5, [lr]\n"
                   "asr     r1, r1, r7\n"
                   "ssat    r1, #16, r1\n"
                   "asr     r0, r5, #31\n"
                   "sub     r0, r8, r0, lsl #1\n"
                   "smlatb  r0, r2, r5, r0\n"
                   "sub     r1, r1, r0, asr #15\n"
                   "ldmia   r11!, {r0, r2, r5, r6, r7, r8}\n"
                   "add     r2, r2, r1\n"
                   "cmp     r2, r5\n"
                   "bhi     3f\n"
                   "1:\n"
                   "strh    r1, [lr], #2\n"
                   /* LSTM/8 */
                   "mla     r1, r1, r6, r7\n" /* TANH/1 */
                   "asr     r1, r1, r8\n"
                   KWS_TANH("r1", "r2", "r5", "r6", "add     r6, r12, r1, lsr #31\n")
                   "smultb  r1, r3, r2\n"
                   "ldmia   r11, {r4, r5, r6, r7}\n"
                   "cbz     r5, 4f\n"
                   "smmlar  r1, r1, r4, r1\n"
                   "add     r1, r1, r1, asr #31\n"
                   "smmlsr  r1, r1, r5, r6\n"
                   "2:\n"
                   "ssat    r1, #8, r1\n"
                   "strb    r1, [r0], #1\n"
                   "strd    lr, r0, [r11, #-28]\n"
                   "sub     r11, r11, #136\n"
                   "cmp     r0, r7\n"
                   "bne     7b\n"
                   "pop     {r4-r11, pc}\n"
                   "3:\n" /* beyond the limits */
                   "ldr     r2, [r11, #-20]\n"
                   "cmp     r1, #0\n"
                   "ite     lt\n"
                   "rsblt   r1, r2, #0\n"
                   "subge   r1, r5, r2\n"
                   "b       1b\n"
                   "4:\n" /* a factor of a half or more */
                   "ldr     r5, [r11, #16]\n"
                   "lsl     r1, r1, r5\n"
                   "smmlar  r1, r1, r4, r1\n"
                   "add     r1, r1, r6\n"
                   "b       2b\n"
                   "6:\n" /* unpacked */
                   "add     r11, r11, #16\n"
                   "ldmia   r11, {r0-r3}\n"
                   "add     r11, r11, #48\n"
                   "pkhbt   r0, r0, r1, lsl #16\n"
                   "pkhbt   r1, r2, r3, lsl #16\n"
                   "b       8b\n" ::"i"(kws_packed_sums)
                   : "memory");
}

KWS_COLD static void kws_lstm_start(kws_lstm_pass *pass, const kws_lstm *lstm, int16_t *cell, int8_t *output)
{
    const kws_dsp_factor hidden = kws_dsp_factor_of(&lstm->hidden_factor);
    const int32_t power = lstm->cell_scale_power - KWS_TANH_SCALE_POWER;
    pass->sigmoid_centre = kws_sigmoid_table + KWS_SIGMOID_CENTRE;
    /* Minus 64 times the weights 512 - p (low) and p. */
    pass->sigmoid_step = -64 * 65535;
    pass->sigmoid_start = 64 * 512;
    pass->sigmoid_half = -64 * ((1 << 24) + 512) + 64 * 1023;
    pass->three = 3;
    /* Minus the weights 256 - p (low) and p. */
    pass->tanh_step = -65535;
    pass->tanh_start = 65536 - 256;
    pass->tanh_half = -128 + 255;
    pass->add_half = (int32_t)(1u << lstm->add_shift) + 1;
    pass->add_shift = lstm->add_shift + 1u;
    pass->keep_half = -((1 << 14) + 1) + 32767;
    pass->cell = cell;
    pass->output = output;
    const int limited = lstm->cell_clip > 0 && lstm->cell_clip <= INT16_MAX;
    pass->clip = limited ? lstm->cell_clip : 32768;
    pass->clip_span = limited ? 2u * (uint32_t)lstm->cell_clip : 65535u;
    pass->tanh_multiplier = power >= 0 ? 3 << power : 3;
    pass->tanh_rounding = power >= 0 ? 0 : 1 << (-power - 1);
    pass->tanh_shift = power >= 0 ? 0 : (uint32_t)-power;
    pass->hidden_value = hidden.value;
    pass->hidden_step = hidden.step < 0 ? hidden.step : 0;
    pass->hidden_zero_point = lstm->hidden_zero_point;
    pass->output_end = output + 1;
    pass->hidden_left_shift = (uint32_t)hidden.step;
}

/* The next unit's update, whose gates' pre-activations are the first part's sums. */
KWS_INLINE void kws_lstm_next(kws_lstm_pass *pass)
{
    kws_lstm_units(pass, 1);
    pass->output_end++;
}

/* All units of an LSTM that could be packed. */
KWS_COLD static void kws_lstm_packed(kws_lstm_pass *pass, const kws_lstm *lstm, uint32_t *vector, const int8_t *x,
                                     const int8_t *hidden)
{
    pass->products.weights = lstm->packed_weights;
    pass->products.vector = vector;
    kws_packed_start_part(&pass->products.parts[0], lstm->inputs);
    kws_packed_start_part(&pass->products.parts[1], lstm->units);
    pass->products.end = 0;
    pass->factors = lstm->packed_factors;
    pass->output_end = pass->output + lstm->units;
    vector = kws_widen(vector, x, lstm->inputs);
    kws_widen(vector, hidden, lstm->units);
    kws_lstm_units(pass, 0);
}

#endif
