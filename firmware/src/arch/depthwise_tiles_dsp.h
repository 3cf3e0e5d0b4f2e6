/*
 * A depthwise convolution of 3 by 3 taps for the DSP extension of Armv7E-M and Armv8-M, over weights that the generator
 * laid out (kws/layers/depthwise_tiles.py, the twin of this file): of one channel, two by two outputs at once.
 *
 * A strip holds two columns of the image, of some rows and four channels, a pixel of both as a word of two int16,
 * without the zero point: each is unpacked once for all the products that it is in, and a column beyond the edge is one
 * of zeros. Two outputs side by side see two strips, and each row of those gives two dual and two single products. An
 * output at the edge sees one strip, whose rows give a dual product each.
 *
 * Proved by tests/firmware/test_depthwise_tiles.py.
 */
#ifndef KWS_ARCH_DEPTHWISE_TILES_DSP_H
#define KWS_ARCH_DEPTHWISE_TILES_DSP_H

#include <stddef.h>

#include "kws/layers/depthwise_conv_2d.h"

#include "depthwise_dsp.h"

#define KWS_TILE_CHANNELS 4u
#define KWS_TILE_WORDS 6u    /* of a channel in flash */
#define KWS_TILE_UNPACKED 9u /* in the scratch; the assembler below knows it, too */
#define KWS_STRIP_ROWS 28u   /* of a channel; likewise */
#define KWS_STRIP_WORDS (KWS_TILE_CHANNELS * KWS_STRIP_ROWS)
#define KWS_TILE_ROWS (KWS_STRIP_ROWS - 2u)

/* In the order in which the assembler reads them; the first four are moved on, channel by channel. */
typedef struct kws_tile_pass {
    const uint32_t *numbers; /* of each channel: start, w0 w1 and w1 w2 of each row of taps, value and offset */
    const uint32_t *left;    /* strip */
    const uint32_t *right;
    int8_t *output;
    uint32_t further; /* pairs of rows, but for the first */
    uint32_t row_bytes; /* of the output */
    uint32_t pixel_bytes;
    uint32_t last_row_bytes; /* in the last pair of rows: 0 if there is one row, which takes the place of the other */
    const uint32_t *end; /* of the numbers */
    uint32_t taps; /* bytes from w0 w1 to the weights that an output at the edge has */
} kws_tile_pass;

/* A row of taps, bytes w0 w1 w2 and a scale, of which r9 is the power of 2, to words w0 w1 and w1 w2. */
#define KWS_TILE_UNPACK(word)                   \
    "sxtb16  r10, " word "\n"                   \
    "sxtb16  r11, " word ", ror #8\n"           \
    "smulbb  r12, r10, r9\n"                    \
    "smulbb  r11, r11, r9\n"                    \
    "smultb  r10, r10, r9\n"                    \
    "pkhbt   r12, r12, r11, lsl #16\n"          \
    "pkhbt   r11, r11, r10, lsl #16\n"          \
    "strd    r12, r11, [r1], #8\n"

/* Of four channels: start, three rows of taps, value and offset, to what the passes read. */
KWS_NAKED void kws_tile_unpack(KWS_UNSEEN const uint32_t *from, KWS_UNSEEN uint32_t *to)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "add     lr, r1, #144\n"
                   "1:\n"
                   "ldm     r0!, {r2-r7}\n"
                   "lsr     r8, r3, #24\n"
                   "mov     r9, #1\n"
                   "lsl     r9, r9, r8\n"
                   "str     r2, [r1], #4\n"
                   KWS_TILE_UNPACK("r3")
                   KWS_TILE_UNPACK("r4")
                   KWS_TILE_UNPACK("r5")
                   "strd    r6, r7, [r1], #8\n"
                   "cmp     r1, lr\n"
                   "bne     1b\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

/* Two rows of the pixels at r0, in r4 and r6, and of those beside them, in `next` r5 and r7, to the strip at r3. */
#define KWS_TILE_INTERLEAVE(next0, next1)       \
    "pkhbt   r8, r4, " next0 ", lsl #16\n"      \
    "pkhtb   r9, " next0 ", r4, asr #16\n"      \
    "pkhbt   r10, r6, " next1 ", lsl #16\n"     \
    "pkhtb   r11, " next1 ", r6, asr #16\n"     \
    "sxtab16 r4, lr, r8, ror #8\n"              \
    "sxtab16 r6, lr, r10, ror #8\n"             \
    "strd    r4, r6, [r3, #112]\n"              \
    "sxtab16 r4, lr, r9\n"                      \
    "sxtab16 r6, lr, r11\n"                     \
    "strd    r4, r6, [r3, #224]\n"              \
    "sxtab16 r4, lr, r9, ror #8\n"              \
    "sxtab16 r6, lr, r11, ror #8\n"             \
    "strd    r4, r6, [r3, #336]\n"              \
    "sxtab16 r4, lr, r8\n"                      \
    "sxtab16 r6, lr, r10\n"                     \
    "strd    r4, r6, [r3], #8\n"

/* After two rows: an odd last one is made with the one before it. */
#define KWS_TILE_ROWS_LEFT(label)               \
    "subs    r12, r12, #2\n"                    \
    "bls     9f\n"                              \
    "cmp     r12, #1\n"                         \
    "bne     " label "\n"                       \
    "sub     r0, r0, r2\n"                      \
    "sub     r3, r3, #4\n"                      \
    "b       " label "\n"

typedef struct kws_tile_lines {
    const int8_t *from;
    uint32_t next;      /* bytes to the pixel beside; 0 if there is none */
    uint32_t row_bytes;
    uint32_t *strip;
    uint32_t rows;      /* 2 or more */
    uint32_t outside;   /* four zero points */
    uint32_t minus;     /* two int16, the zero point's negative */
} kws_tile_lines;

/* Rows of two columns, four channels of them, to words of two int16. */
KWS_NAKED void kws_tile_interleave(KWS_UNSEEN const kws_tile_lines *lines)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "ldrd    r12, r5, [r0, #16]\n"
                   "ldr     lr, [r0, #24]\n"
                   "ldm     r0, {r0-r3}\n"
                   "cmp     r1, #0\n"
                   "beq     3f\n"
                   "1:\n"
                   "ldr     r4, [r0]\n"
                   "ldr     r5, [r0, r1]\n"
                   "add     r0, r0, r2\n"
                   "ldr     r6, [r0]\n"
                   "ldr     r7, [r0, r1]\n"
                   "add     r0, r0, r2\n"
                   KWS_TILE_INTERLEAVE("r5", "r7")
                   KWS_TILE_ROWS_LEFT("1b")
                   "3:\n"
                   "ldr     r4, [r0]\n"
                   "ldr     r6, [r0, r2]\n"
                   "add     r0, r0, r2, lsl #1\n"
                   KWS_TILE_INTERLEAVE("r5", "r5")
                   KWS_TILE_ROWS_LEFT("3b")
                   "9:\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

/* DEPTHWISE_CONV_2D/1, a row of taps: words of the left and the right strip; r4 w0 w1, r5 w1 w2; two sums. */
#define KWS_TILE_TAPS(left, right, first, second, from)             \
    "smlad   " first ", " left ", r4, " from "\n"                   \
    "smlatb  " second ", " left ", r4, " from "\n"                  \
    "smlabt  " first ", " right ", r5, " first "\n"                 \
    "smlad   " second ", " right ", r5, " second "\n"

#define KWS_TILE_MORE_TAPS(left, right, first, second)              \
    "smlad   " first ", " left ", r4, " first "\n"                  \
    "smlabt  " first ", " right ", r5, " first "\n"                 \
    "smlatb  " second ", " left ", r4, " second "\n"                \
    "smlad   " second ", " right ", r5, " second "\n"

/* The next channel of the pass at lr: r0 value, r1 right strip ... as they are named; numbers, strips and output. */
#define KWS_TILE_NEXT_CHANNEL                       \
    "ldm     lr, {r9, r10, r11, r12}\n"             \
    "ldr     r4, [lr, #32]\n"                       \
    "cmp     r9, r4\n"                              \
    "beq     9f\n"                                  \
    "add     r4, r9, #36\n"                         \
    "add     r5, r10, #112\n"                       \
    "add     r6, r11, #112\n"                       \
    "add     r7, r12, #1\n"                         \
    "stm     lr, {r4, r5, r6, r7}\n"

/*
 * Two columns of outputs of four channels, two rows at a time. r0 and r1 sums of the first column, r2 and r3 of the
 * second; r6 and r7 two rows of the left strip, r8 and r9 of the right one; r10 and r11 the strips, r12 the output,
 * lr pairs of rows that are left. On the stack a channel's numbers, row_bytes, pixel_bytes and the pass.
 */
KWS_NAKED void kws_tile_pairs(KWS_UNSEEN kws_tile_pass *pass)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "sub     sp, sp, #48\n"
                   "str     r0, [sp, #44]\n"
                   "ldr     r4, [r0, #24]\n"
                   "str     r4, [sp, #40]\n"
                   "1:\n"
                   "ldr     lr, [sp, #44]\n"
                   KWS_TILE_NEXT_CHANNEL
                   "ldm     r9, {r0-r8}\n"
                   "stm     sp, {r0-r8}\n"
                   "ldrd    r4, r5, [lr, #16]\n"
                   "str     r5, [sp, #36]\n"
                   "ldrd    r6, r7, [r10], #8\n"
                   "ldrd    r8, r9, [r11], #8\n"
                   "movs    lr, r4\n"
                   "beq     3f\n"
                   "2:\n"
                   "ldm     sp, {r3, r4, r5}\n"
                   KWS_TILE_TAPS("r6", "r8", "r0", "r2", "r3")
                   KWS_TILE_TAPS("r7", "r9", "r1", "r3", "r3")
                   "ldrd    r4, r5, [sp, #12]\n"
                   KWS_TILE_MORE_TAPS("r7", "r9", "r0", "r2")
                   "ldrd    r6, r7, [r10], #8\n"
                   "ldrd    r8, r9, [r11], #8\n"
                   KWS_TILE_MORE_TAPS("r6", "r8", "r1", "r3")
                   "ldrd    r4, r5, [sp, #20]\n"
                   KWS_TILE_MORE_TAPS("r6", "r8", "r0", "r2")
                   KWS_TILE_MORE_TAPS("r7", "r9", "r1", "r3")
                   /* DEPTHWISE_CONV_2D/2 in one multiplication: kws/layers/one_multiplication.py. */
                   "ldrd    r4, r5, [sp, #28]\n"
                   "smmla   r0, r0, r4, r5\n"
                   "smmla   r1, r1, r4, r5\n"
                   "smmla   r2, r2, r4, r5\n"
                   "smmla   r3, r3, r4, r5\n"
                   "ldrd    r4, r5, [sp, #36]\n"
                   "ssat    r0, #8, r0, asr #8\n"
                   "ssat    r1, #8, r1, asr #8\n"
                   "ssat    r2, #8, r2, asr #8\n"
                   "ssat    r3, #8, r3, asr #8\n"
                   "strb    r1, [r12, r4]\n"
                   "add     r1, r4, r5\n"
                   "strb    r3, [r12, r1]\n"
                   "strb    r0, [r12]\n"
                   "strb    r2, [r12, r5]\n"
                   "add     r12, r12, r4, lsl #1\n"
                   "subs    lr, lr, #1\n"
                   "bgt     2b\n"
                   "bne     1b\n"
                   "3:\n"
                   "ldr     r4, [sp, #44]\n"
                   "ldr     r4, [r4, #28]\n"
                   "str     r4, [sp, #36]\n"
                   "b       2b\n"
                   "9:\n"
                   "add     sp, sp, #48\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

/*
 * The column of outputs at an edge. r0 and r1 sums, r2 and r3 value and offset, r4 to r6 weights of a row of taps
 * each, r7 the start, r8 and r9 two rows of the strip, r10 the strip, r11 row_bytes, r12 the output, lr as above.
 */
KWS_NAKED void kws_tile_edge(KWS_UNSEEN kws_tile_pass *pass)
{
    __asm volatile("push    {r4-r11, lr}\n"
                   "push    {r0}\n"
                   "1:\n"
                   "ldr     lr, [sp]\n"
                   KWS_TILE_NEXT_CHANNEL
                   "ldr     r7, [r9]\n"
                   "ldrd    r2, r3, [r9, #28]\n"
                   "ldr     r0, [lr, #36]\n"
                   "add     r9, r9, r0\n"
                   "ldr     r4, [r9, #4]\n"
                   "ldr     r5, [r9, #12]\n"
                   "ldr     r6, [r9, #20]\n"
                   "ldrd    r8, r9, [r10], #8\n"
                   "ldrd    lr, r11, [lr, #16]\n"
                   "cmp     lr, #0\n"
                   "beq     3f\n"
                   "2:\n"
                   "smlad   r0, r8, r4, r7\n"
                   "smlad   r0, r9, r5, r0\n"
                   "smlad   r1, r9, r4, r7\n"
                   "ldrd    r8, r9, [r10], #8\n"
                   "smlad   r0, r8, r6, r0\n"
                   "smlad   r1, r8, r5, r1\n"
                   "smlad   r1, r9, r6, r1\n"
                   "smmla   r0, r0, r2, r3\n"
                   "smmla   r1, r1, r2, r3\n"
                   "ssat    r0, #8, r0, asr #8\n"
                   "ssat    r1, #8, r1, asr #8\n"
                   "strb    r1, [r12, r11]\n"
                   "strb    r0, [r12]\n"
                   "add     r12, r12, r11, lsl #1\n"
                   "subs    lr, lr, #1\n"
                   "bgt     2b\n"
                   "bne     1b\n"
                   "3:\n"
                   "ldr     r11, [sp]\n"
                   "ldr     r11, [r11, #28]\n"
                   "b       2b\n"
                   "9:\n"
                   "pop     {r0}\n"
                   "pop     {r4-r11, pc}\n" ::: "memory");
}

/* What all passes of some rows of all channels share, and what the next one of them has. */
typedef struct kws_tile_block {
    const kws_window *window;
    uint32_t above; /* rows of zeros before the image */
    kws_tile_lines lines;
    kws_tile_pass pass;
} kws_tile_block;

/* Columns `column` and, if there is one, the next, of pixels that begin at x, to a strip. */
static void kws_tile_strip(kws_tile_block *block, const int8_t *x, uint32_t column, uint32_t *strip)
{
    const kws_window *w = block->window;
    block->lines.from = x + column * w->channels;
    block->lines.next = column + 1u < w->columns ? w->channels : 0;
    block->lines.strip = strip + block->above;
    kws_tile_interleave(&block->lines);
}

static kws_tile_pass *kws_tile_pass_at(kws_tile_block *block, uint32_t *numbers, const uint32_t *left, int8_t *output,
                                       uint32_t column)
{
    kws_tile_pass *pass = &block->pass;
    pass->numbers = numbers;
    pass->left = left;
    pass->output = output + column * pass->pixel_bytes;
    return pass;
}

/* All columns of four channels. */
static void kws_tile_columns(kws_tile_block *block, const int8_t *x, uint32_t *numbers, int8_t *output)
{
    const kws_window *w = block->window;
    const uint32_t columns = w->output_columns, before = w->before_columns;
    uint32_t *left = numbers + KWS_TILE_CHANNELS * KWS_TILE_UNPACKED, *right = left + KWS_STRIP_WORDS;
    uint32_t column = before;
    kws_tile_strip(block, x, 0, left);
    if (before) {
        block->pass.taps = 4;
        kws_tile_edge(kws_tile_pass_at(block, numbers, left, output, 0));
    }
    while (column + 1u < columns) {
        kws_tile_strip(block, x, column - before + 2u, right);
        block->pass.right = right;
        kws_tile_pairs(kws_tile_pass_at(block, numbers, left, output, column));
        column += 2u;
        if (column + 1u == columns && !before) {
            /* An odd last column is made with the one before it. */
            column--;
            kws_tile_strip(block, x, column, left);
        } else {
            uint32_t *const free = left;
            left = right;
            right = free;
        }
    }
    if (before && column < columns) {
        block->pass.taps = 0;
        kws_tile_edge(kws_tile_pass_at(block, numbers, left, output, column));
    }
}

static void kws_depthwise_tiles(const kws_depthwise_conv_2d *conv, const int8_t *x, void *scratch, int8_t *output)
{
    const kws_window *w = &conv->window;
    const uint32_t last = conv->outputs - KWS_TILE_CHANNELS, row_bytes = (uint32_t)conv->outputs * w->output_columns;
    const uint32_t minus = (uint32_t)-conv->input_zero_point & 0xFFFFu;
    uint32_t *numbers = (uint32_t *)scratch, *strips = numbers + KWS_TILE_CHANNELS * KWS_TILE_UNPACKED;
    for (uint32_t row = 0; row < w->output_rows; row += KWS_TILE_ROWS) {
        const uint32_t left = w->output_rows - row, rows = left < KWS_TILE_ROWS ? left : KWS_TILE_ROWS;
        const uint32_t above = row < w->before_rows ? w->before_rows - row : 0;
        const uint32_t first = row + above - w->before_rows, seen = rows + 2u - above;
        const uint32_t *weights = conv->tile_weights;
        kws_tile_block block = {
            w,
            above,
            {
                NULL,
                0,
                (uint32_t)w->columns * w->channels,
                NULL,
                first + seen < w->rows ? seen : w->rows - first,
                0x01010101u * (uint8_t)conv->input_zero_point,
                minus << 16 | minus,
            },
            {
                NULL,
                NULL,
                NULL,
                NULL,
                (rows - 1u) / 2u,
                row_bytes,
                conv->outputs,
                rows % 2u ? 0 : row_bytes,
                numbers + KWS_TILE_CHANNELS * KWS_TILE_UNPACKED,
                0,
            },
        };
        /* Rows beyond the edge stay as they are; those that are not get their pixels. */
        for (uint32_t i = 0; i < 2u * KWS_STRIP_WORDS; i += KWS_STRIP_ROWS) {
            strips[i] = 0;
            strips[i + rows + 1u] = 0;
        }
        for (uint32_t i = 0;;) {
            kws_tile_unpack(weights, numbers);
            kws_tile_columns(&block, x + first * block.lines.row_bytes + i, numbers, output + row * row_bytes + i);
            if (i == last) {
                break;
            }
            weights += KWS_TILE_CHANNELS * KWS_TILE_WORDS;
            i = i + KWS_TILE_CHANNELS < last ? i + KWS_TILE_CHANNELS : last;
        }
    }
}

#endif
