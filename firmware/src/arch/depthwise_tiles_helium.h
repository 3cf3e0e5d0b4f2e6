/*
 * A depthwise convolution of 3 by 3 taps for Helium, the vector extension of Armv8.1-M, over weights that the generator
 * laid out (kws/layers/depthwise_tiles.py, the twin of this file): of one channel, two by two outputs at once.
 *
 * Those see four by four pixels, the sixteen bytes of a vector, four rows of a column in each lane. The same vector is
 * multiplied by the nine weights four times: as they are, a lane further, a byte further, and both. To have a channel's
 * pixels side by side, sixteen channels of the four rows are interleaved first: a strip.
 *
 * Proved by tests/firmware/test_depthwise_tiles.py.
 */
#ifndef KWS_ARCH_DEPTHWISE_TILES_HELIUM_H
#define KWS_ARCH_DEPTHWISE_TILES_HELIUM_H

#include <string.h>

#include "kws/layers/depthwise_conv_2d.h"

#include "dual.h"

#define KWS_TILE_CHANNELS 16u
#define KWS_TILE_OUTPUTS 2u /* rows and columns */
#define KWS_TILE_ROWS 4u
#define KWS_STRIP_COLUMN (KWS_TILE_CHANNELS * KWS_TILE_ROWS)
/* Words of a channel's weights and numbers; a word of zeros follows the weights of all of them. */
#define KWS_TILE_WEIGHTS 4u
#define KWS_TILE_NUMBERS 3u

/* In the order in which kws_tile_rows reads them. */
typedef struct kws_tile_pass {
    const int8_t *strip; /* of the next channel, which lies 4 bytes on */
    int8_t *output;
    const int32_t *numbers; /* of each channel: bias, factor, shift */
    const int32_t *weights;
    const int32_t *end; /* of the weights */
    uint32_t columns;
    uint32_t pixel_bytes; /* of the output */
    uint32_t row_bytes;
} kws_tile_pass;

/* What kws_tile_interleave reads, and where it writes. */
typedef struct kws_tile_lines {
    const int8_t *from[KWS_TILE_ROWS];
    uint32_t apart[KWS_TILE_ROWS]; /* bytes from pixel to pixel */
} kws_tile_lines;

/* Sixteen channels of four rows, all `columns` of them, to bytes of four rows side by side. */
KWS_NAKED void kws_tile_interleave(KWS_UNSEEN const kws_tile_lines *lines, KWS_UNSEEN int8_t *strip,
                                   KWS_UNSEEN uint32_t columns)
{
    __asm volatile("push     {r4-r11, lr}\n"
                   "mov      lr, r2\n"
                   "mov      r12, r1\n"
                   "ldm      r0, {r4-r11}\n"
                   "dls      lr, lr\n"
                   "1:\n"
                   "vldrb.8  q0, [r4]\n"
                   "vldrb.8  q1, [r5]\n"
                   "vldrb.8  q2, [r6]\n"
                   "vldrb.8  q3, [r7]\n"
                   "add      r4, r4, r8\n"
                   "add      r5, r5, r9\n"
                   "add      r6, r6, r10\n"
                   "add      r7, r7, r11\n"
                   "vst40.8  {q0, q1, q2, q3}, [r12]\n"
                   "vst41.8  {q0, q1, q2, q3}, [r12]\n"
                   "vst42.8  {q0, q1, q2, q3}, [r12]\n"
                   "vst43.8  {q0, q1, q2, q3}, [r12]!\n"
                   "le       lr, 1b\n"
                   "pop      {r4-r11, pc}\n" ::: "memory");
}

/*
 * Two rows of outputs of the sixteen channels, in assembler, because it needs all registers there are. q3 and q2 where
 * the lanes of what is read and written lie, q4 to q7 the weights in their four places; r0 the strip, r1 the output,
 * r2 bytes of two pixels, r3 columns, of which an odd last one is made with the one before; r11 the pass.
 */
KWS_NAKED void kws_tile_rows(KWS_UNSEEN kws_tile_pass *pass)
{
    __asm volatile("push     {r4-r11, lr}\n"
                   "vpush    {d8-d15}\n"
                   "mov      r11, r0\n"
                   "mov      r4, #0\n"
                   "vidup.u32 q3, r4, #8\n"
                   "vshl.i32 q3, q3, #3\n"
                   "ldrd     r4, r6, [r11, #24]\n"
                   "mov      r8, #0\n"
                   "add      r12, r4, r6\n"
                   "vmov     q2[2], q2[0], r6, r8\n"
                   "vmov     q2[3], q2[1], r12, r4\n"
                   "mvn      r10, #127\n"
                   "2:\n"
                   "ldm      r11, {r0, r1, r4, r5}\n"
                   "ldrd     r3, r2, [r11, #20]\n"
                   "lsl      r2, r2, #1\n"
                   "add      r6, r0, #4\n"
                   "add      r8, r1, #1\n"
                   "strd     r6, r8, [r11]\n"
                   "vldrw.32 q5, [r5], #4\n"
                   "vldrw.32 q4, [r5], #12\n"
                   "vshl.i32 q7, q5, #8\n"
                   "vshl.i32 q6, q4, #8\n"
                   "str      r5, [r11, #12]\n"
                   "ldr      r5, [r4], #4\n"
                   "ldrd     r7, r9, [r4], #8\n"
                   "str      r4, [r11, #8]\n"
                   "lsr      lr, r3, #1\n"
                   "dls      lr, lr\n"
                   "1:\n"
                   /* DEPTHWISE_CONV_2D/1 */
                   "vldrw.u32 q0, [r0, q3]\n"
                   "vmladav.s8 r4, q0, q4\n"
                   "vmladav.s8 r6, q0, q5\n"
                   "vmladav.s8 r8, q0, q6\n"
                   "vmladav.s8 r12, q0, q7\n"
                   "vmov     q1[2], q1[0], r8, r4\n"
                   "vmov     q1[3], q1[1], r12, r6\n"
                   "add      r0, r0, #128\n"
                   /* DEPTHWISE_CONV_2D/2: a negative value comes to lie below the clamp, however it is rounded. */
                   "vadd.i32 q1, q1, r5\n"
                   "vqrdmulh.s32 q1, q1, r7\n"
                   "vrshl.s32 q1, r9\n"
                   "vadd.i32 q1, q1, r10\n"
                   "vqmovnb.s32 q1, q1\n"
                   "vqmovnb.s16 q1, q1\n"
                   "vstrb.32 q1, [r1, q2]\n"
                   "add      r1, r1, r2\n"
                   "le       lr, 1b\n"
                   "lsls     r3, r3, #31\n"
                   "itttt    ne\n"
                   "subne    r0, r0, #64\n"
                   "subne    r1, r1, r2, lsr #1\n"
                   "movne    lr, #1\n"
                   "bne      1b\n"
                   "ldrd     r4, r5, [r11, #12]\n"
                   "cmp      r4, r5\n"
                   "bne      2b\n"
                   "vpop     {d8-d15}\n"
                   "pop      {r4-r11, pc}\n" ::: "memory");
}

/* Four rows of the image, the first of them `row`, which may lie beyond its edges; those columns are there already. */
KWS_NOINLINE void kws_tile_strip(const kws_window *w, const int8_t *x, int32_t row, const int8_t *outside,
                                 int8_t *strip)
{
    kws_tile_lines lines;
    for (uint32_t i = 0; i < KWS_TILE_ROWS; i++, row++) {
        const int inside = row >= 0 && row < (int32_t)w->rows;
        lines.from[i] = inside ? x + (uint32_t)row * w->columns * w->channels : outside;
        lines.apart[i] = inside ? w->channels : 0;
    }
    kws_tile_interleave(&lines, strip, w->columns);
}

static void kws_depthwise_tiles(const kws_depthwise_conv_2d *conv, const int8_t *x, void *scratch, int8_t *output)
{
    const kws_window *w = &conv->window;
    const uint32_t row_bytes = (uint32_t)conv->outputs * w->output_columns;
    const uint32_t last = conv->outputs - KWS_TILE_CHANNELS, last_row = w->output_rows - KWS_TILE_OUTPUTS;
    const int32_t *weights = (const int32_t *)conv->tile_weights;
    int8_t *outside = (int8_t *)scratch, *strip = outside + KWS_TILE_CHANNELS;
    /* Columns beyond the edge stay as they are. */
    memset(outside, conv->input_zero_point, KWS_TILE_CHANNELS + (w->output_columns + 2u) * KWS_STRIP_COLUMN);
    for (uint32_t i = 0;;) {
        const int32_t *end = weights + KWS_TILE_CHANNELS * KWS_TILE_WEIGHTS, *numbers = end + 1;
        for (uint32_t row = 0;;) {
            kws_tile_strip(w, x + i, (int32_t)row - w->before_rows, outside,
                           strip + w->before_columns * KWS_STRIP_COLUMN);
            kws_tile_pass pass = {strip,   output + row * row_bytes + i, numbers,       weights, end,
                                  w->output_columns, conv->outputs,      row_bytes};
            kws_tile_rows(&pass);
            if (row == last_row) {
                break;
            }
            row = row + KWS_TILE_OUTPUTS < last_row ? row + KWS_TILE_OUTPUTS : last_row;
        }
        if (i == last) {
            return;
        }
        weights = numbers + KWS_TILE_CHANNELS * KWS_TILE_NUMBERS;
        i = i + KWS_TILE_CHANNELS < last ? i + KWS_TILE_CHANNELS : last;
    }
}

#endif
