/*
 * A depthwise convolution of 3 by 3 taps for the DSP extension of Armv7E-M and Armv8-M, over weights that the generator
 * laid out (kws/layers/depthwise_tiles.py, the twin of this file): of one channel, two rows of outputs at once.
 *
 * A strip holds two rows of the image, four channels of it, a pixel of both as a word of two int16: each is unpacked
 * once for the nine or eighteen products that it is in. Two outputs, one below the other, see two strips, and each
 * column of those gives two dual and two single products.
 *
 * Proved by tests/firmware/test_depthwise_tiles.py.
 */
#ifndef KWS_ARCH_DEPTHWISE_TILES_DSP_H
#define KWS_ARCH_DEPTHWISE_TILES_DSP_H

#include "kws/layers/depthwise_conv_2d.h"

#include "depthwise_dsp.h"

#define KWS_TILE_CHANNELS 4u
#define KWS_TILE_OUTPUTS 2u  /* rows */
#define KWS_TILE_WORDS 6u    /* of a channel in flash */
#define KWS_TILE_UNPACKED 9u /* in the scratch */

/* In the order in which kws_tile_rows reads them. */
typedef struct kws_tile_pass {
    const uint32_t *upper; /* strip */
    const uint32_t *lower;
    const uint32_t *numbers; /* of each channel: bias, w0 w1 and w1 w2 of each column, value and step of the factor */
    int8_t *output;
    uint32_t columns;
    int32_t zero_point;
    uint32_t pixel_bytes; /* of the output */
    uint32_t row_bytes;
} kws_tile_pass;

/* Bias, three words of bytes w0 w1 w1 w2, value and step: to what kws_tile_rows reads. */
static void kws_tile_unpack(const uint32_t *from, uint32_t *to)
{
    for (const uint32_t *end = from + KWS_TILE_CHANNELS * KWS_TILE_WORDS; from < end;) {
        *to++ = *from++;
        for (uint32_t column = 0; column < 3u; column++) {
            *to++ = kws_sxtb16(*from);
            *to++ = kws_sxtb16_odd(*from++);
        }
        *to++ = *from++;
        *to++ = *from++;
    }
}

/* Two rows of the image, the first of them `row`, which may lie beyond its edges; those columns are there already. */
KWS_NOINLINE void kws_tile_strip(const kws_window *w, const int8_t *x, int32_t row, const uint32_t *outside,
                                 uint32_t *strip)
{
    const int8_t *from[2];
    uint32_t apart[2];
    for (uint32_t i = 0; i < 2u; i++, row++) {
        const int inside = row >= 0 && row < (int32_t)w->rows;
        from[i] = inside ? x + (uint32_t)row * w->columns * w->channels : (const int8_t *)outside;
        apart[i] = inside ? w->channels : 0;
    }
    const int8_t *a = from[0], *b = from[1];
    const uint32_t columns = w->output_columns + 2u;
    for (uint32_t *end = strip + w->columns; strip < end; strip++) {
        const uint32_t upper = kws_load_word(a), lower = kws_load_word(b);
        const uint32_t upper_even = kws_sxtb16(upper), lower_even = kws_sxtb16(lower);
        strip[0] = kws_low_halves(upper_even, lower_even);
        strip[2u * columns] = kws_high_halves(upper_even, lower_even);
        const uint32_t upper_odd = kws_sxtb16_odd(upper), lower_odd = kws_sxtb16_odd(lower);
        strip[columns] = kws_low_halves(upper_odd, lower_odd);
        strip[3u * columns] = kws_high_halves(upper_odd, lower_odd);
        a += apart[0];
        b += apart[1];
    }
}

/* DEPTHWISE_CONV_2D/1, a column: two rows' words of the upper and the lower strip; r6 w0 w1, r7 w1 w2. */
#define KWS_TILE_COLUMN(upper, lower)       \
    "smlad   r4, " upper ", r6, r4\n"       \
    "smlad   r5, " lower ", r7, r5\n"       \
    "smlabt  r4, " lower ", r7, r4\n"

#define KWS_TILE_NEXT(upper, lower)         \
    "ldr     " upper ", [r8], #4\n"         \
    "ldr     " lower ", [r9], #4\n"

/* Two outputs, one below the other, from the columns in old_*, in mid_* and in what then takes the place of old_*. */
#define KWS_TILE_STEP(old_upper, old_lower, mid_upper, mid_lower)       \
    "ldm     r10, {r4, r6, r7}\n"                                       \
    "smlatb  r5, " old_upper ", r6, r4\n"                               \
    KWS_TILE_COLUMN(old_upper, old_lower)                               \
    "ldrd    r6, r7, [r10, #12]\n"                                      \
    KWS_TILE_NEXT(old_upper, old_lower)                                 \
    "smlatb  r5, " mid_upper ", r6, r5\n"                               \
    KWS_TILE_COLUMN(mid_upper, mid_lower)                               \
    "ldrd    r6, r7, [r10, #20]\n"                                      \
    "smlatb  r5, " old_upper ", r6, r5\n"                               \
    KWS_TILE_COLUMN(old_upper, old_lower)                               \
    /* DEPTHWISE_CONV_2D/2: a negative value comes to lie below the clamp, however it is rounded. */    \
    "ldrd    r6, r7, [r10, #28]\n"                                      \
    "smmlar  r4, r4, r6, r4\n"                                          \
    "smmlar  r5, r5, r6, r5\n"                                          \
    "smmlsr  r4, r4, r7, lr\n"                                          \
    "smmlsr  r5, r5, r7, lr\n"                                          \
    "ldrd    r6, r7, [sp]\n"                                            \
    "ssat    r4, #8, r4\n"                                              \
    "ssat    r5, #8, r5\n"                                              \
    "strb    r4, [r11]\n"                                               \
    "strb    r5, [r11, r7]\n"                                           \
    "add     r11, r11, r6\n"                                            \
    "subs    r12, r12, #1\n"

/*
 * Both rows of outputs of the four channels. r0 to r3 words of two columns, r4 r5 the sums, r8 r9 the strips, r12
 * columns that are left, lr the zero point; on the stack pixel_bytes, row_bytes, columns and the end of the numbers.
 */
KWS_NAKED void kws_tile_rows(KWS_UNSEEN const kws_tile_pass *pass)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "ldm     r0, {r8-r12, lr}\n"
                   "ldrd    r4, r5, [r0, #24]\n"
                   "mov     r6, r12\n"
                   "add     r7, r10, #144\n"
                   "push    {r4-r7}\n"
                   "1:\n"
                   "ldr     r12, [sp, #8]\n"
                   KWS_TILE_NEXT("r0", "r1")
                   KWS_TILE_NEXT("r2", "r3")
                   "2:\n"
                   KWS_TILE_STEP("r0", "r1", "r2", "r3")
                   "beq     3f\n"
                   KWS_TILE_STEP("r2", "r3", "r0", "r1")
                   "bne     2b\n"
                   "3:\n"
                   "sub     r11, r11, r7\n"
                   "add     r11, r11, #1\n"
                   "add     r10, r10, #36\n"
                   "ldr     r6, [sp, #12]\n"
                   "cmp     r10, r6\n"
                   "bne     1b\n"
                   "add     sp, sp, #16\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

static void kws_depthwise_tiles(const kws_depthwise_conv_2d *conv, const int8_t *x, void *scratch, int8_t *output)
{
    const kws_window *w = &conv->window;
    const uint32_t last = conv->outputs - KWS_TILE_CHANNELS, last_row = w->output_rows - KWS_TILE_OUTPUTS;
    const uint32_t words = KWS_TILE_CHANNELS * (w->output_columns + 2u);
    const uint32_t outside = 0x01010101u * (uint8_t)conv->input_zero_point;
    const uint32_t *weights = conv->tile_weights;
    uint32_t *numbers = (uint32_t *)scratch;
    uint32_t *upper = numbers + KWS_TILE_CHANNELS * KWS_TILE_UNPACKED, *lower = upper + words;
    /* Columns beyond the edge stay as they are. */
    for (uint32_t i = 0; i < 2u * words; i++) {
        upper[i] = kws_sxtb16(outside);
    }
    for (uint32_t i = 0;;) {
        int32_t ready = -1; /* the row, of outputs, for which the upper strip is */
        kws_tile_unpack(weights, numbers);
        for (uint32_t row = 0;;) {
            const int32_t at = (int32_t)row - w->before_rows;
            if (ready != (int32_t)row) {
                kws_tile_strip(w, x + i, at, &outside, upper + w->before_columns);
            }
            kws_tile_strip(w, x + i, at + 2, &outside, lower + w->before_columns);
            kws_tile_pass pass = {
                upper,
                lower,
                numbers,
                output + row * conv->outputs * w->output_columns + i,
                w->output_columns,
                conv->output_zero_point,
                conv->outputs,
                (uint32_t)conv->outputs * w->output_columns,
            };
            kws_tile_rows(&pass);
            if (row == last_row) {
                break;
            }
            upper = lower;
            lower = (uint32_t *)pass.upper;
            ready = (int32_t)(row + KWS_TILE_OUTPUTS);
            row = row + KWS_TILE_OUTPUTS < last_row ? row + KWS_TILE_OUTPUTS : last_row;
        }
        if (i == last) {
            return;
        }
        weights += KWS_TILE_CHANNELS * KWS_TILE_WORDS;
        i = i + KWS_TILE_CHANNELS < last ? i + KWS_TILE_CHANNELS : last;
    }
}

#endif
