/*
 * A depthwise convolution of 3 by 3 taps for Helium, the vector extension of Armv8.1-M, over weights that the generator
 * laid out (kws/layers/depthwise_tiles.py, the twin of this file): of one channel, two by two outputs at once.
 *
 * Those see four by four pixels, the sixteen bytes of a vector, four columns of a row in each lane. The same vector is
 * multiplied by the nine weights four times: as they are, a lane further, a byte further, and both. To have a channel's
 * pixels side by side, sixteen channels of the four columns are interleaved first, row after row: a strip.
 *
 * Proved by tests/firmware/test_depthwise_tiles.py.
 */
#ifndef KWS_ARCH_DEPTHWISE_TILES_HELIUM_H
#define KWS_ARCH_DEPTHWISE_TILES_HELIUM_H

#include <arm_mve.h>

#include "kws/layers/depthwise_conv_2d.h"

#include "dual.h"

#define KWS_TILE_CHANNELS 16u
#define KWS_STRIP_COLUMNS 4u
#define KWS_STRIP_ROW (KWS_TILE_CHANNELS * KWS_STRIP_COLUMNS)
#define KWS_STRIP_ROWS 30u
#define KWS_TILE_ROWS (KWS_STRIP_ROWS - 2u)
#define KWS_TILE_STEP 4u /* rows */
/* Words of a channel's weights and numbers; a word of zeros follows the weights of all of them. */
#define KWS_TILE_WEIGHTS 4u
#define KWS_TILE_NUMBERS 3u

/* The assembler knows where they lie. */
typedef struct kws_tile_pass {
    const int32_t *weights;
    const int32_t *numbers; /* of each channel: bias, factor, shift */
    int8_t *strip;
    int8_t *output;
    uint32_t further; /* steps of four rows, but for the last */
    uint32_t pixel_bytes; /* of the output */
    uint32_t row_bytes;
    uint32_t mask; /* of what the last step writes */
    const int32_t *end; /* of the weights */
    int32_t zero_point; /* of the input */
    uint32_t strip_back; /* from the end of a channel to the next one */
    uint32_t output_back;
} kws_tile_pass;

/* What kws_tile_interleave reads, and where it writes. */
typedef struct kws_tile_lines {
    const int8_t *from[KWS_STRIP_COLUMNS];
    uint32_t apart[KWS_STRIP_COLUMNS]; /* bytes from row to row */
} kws_tile_lines;

/* Sixteen channels of four columns, `rows` of them, to bytes of four columns side by side. */
KWS_NAKED void kws_tile_interleave(KWS_UNSEEN const kws_tile_lines *lines, KWS_UNSEEN int8_t *strip,
                                   KWS_UNSEEN uint32_t rows)
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

/* DEPTHWISE_CONV_2D/1, of four columns by four rows, to `sums`: four outputs. */
#define KWS_TILE_WINDOW(sums)               \
    "vldrw.u32 q0, [q3, #128]!\n"           \
    "vmladav.s8 r4, q0, q4\n"               \
    "vmladav.s8 r6, q0, q6\n"               \
    "vmladav.s8 r8, q0, q5\n"               \
    "vmladav.s8 r12, q0, q7\n"              \
    "vmov     " sums "[2], " sums "[0], r4, r8\n"       \
    "vmov     " sums "[3], " sums "[1], r6, r12\n"

/* DEPTHWISE_CONV_2D/2 without the zero point: a negative value comes to lie below the clamp, however rounded. */
#define KWS_TILE_SCALE(sums)                \
    "vadd.i32 " sums ", " sums ", r5\n"     \
    "vqrdmulh.s32 " sums ", " sums ", r7\n" \
    "vrshl.s32 " sums ", r9\n"

#define KWS_TILE_BYTES                      \
    "vqmovnb.s32 q1, q1\n"                  \
    "vqmovnt.s32 q1, q0\n"                  \
    "vqadd.s16 q1, q1, r10\n"               \
    "vqmovnb.s16 q1, q1\n"

/* r11 the pass, r1 the output, r2 numbers, r3 bytes of four rows, r10 the zero point, q3 what a step's first window is. */
#define KWS_TILE_BEGIN                      \
    "push     {r4-r11, lr}\n"               \
    "vpush    {d8-d15}\n"                   \
    "mov      r11, r0\n"                    \
    "ldm      r0, {r0, r2, r4}\n"           \
    "ldr      r1, [r11, #12]\n"             \
    "ldrd     r5, r6, [r11, #20]\n"         \
    "ldr      r7, [r11, #28]\n"             \
    "vmsr     p0, r7\n"                     \
    "mov      r8, #0\n"                     \
    "vidup.u32 q3, r8, #8\n"                \
    "vshl.i32 q3, q3, #3\n"                 \
    "sub      r4, r4, #128\n"               \
    "vadd.i32 q3, q3, r4\n"                 \
    "lsl      r3, r6, #2\n"                 \
    "mov      r8, #0\n"                     \
    "mvn      r10, #127\n"

/* To the next channel, at label 2, unless there is none. */
#define KWS_TILE_END                        \
    "ldrd     r4, r6, [r11, #40]\n"         \
    "vadd.i32 q3, q3, r4\n"                 \
    "add      r1, r1, r6\n"                 \
    "ldr      r4, [r11, #32]\n"             \
    "cmp      r0, r4\n"                     \
    "bne      2b\n"                         \
    "vpop     {d8-d15}\n"                   \
    "pop      {r4-r11, pc}\n"

/*
 * Two columns of outputs of the sixteen channels, in assembler, because it needs all registers there are. q2 where the
 * lanes of what is written lie, q4 to q7 the weights in their four places.
 */
KWS_NAKED void kws_tile_pairs(KWS_UNSEEN const kws_tile_pass *pass)
{
    __asm volatile(KWS_TILE_BEGIN
                   "add      r12, r5, r6\n"
                   "vmov     q2[2], q2[0], r8, r6\n"
                   "vmov     q2[3], q2[1], r5, r12\n"
                   "lsl      r6, r6, #1\n"
                   "vadd.i32 q0, q2, r6\n"
                   "vshl.i32 q0, q0, #16\n"
                   "vorr     q2, q2, q0\n"
                   "2:\n"
                   "vldrw.32 q5, [r0], #4\n"
                   "vldrw.32 q4, [r0], #12\n"
                   "vshl.i32 q7, q5, #8\n"
                   "vshl.i32 q6, q4, #8\n"
                   "ldm      r2!, {r5, r7, r9}\n"
                   "ldr      r4, [r11, #16]\n"
                   "wls      lr, r4, 3f\n"
                   "1:\n"
                   KWS_TILE_WINDOW("q1")
                   KWS_TILE_WINDOW("q0")
                   KWS_TILE_SCALE("q1")
                   KWS_TILE_SCALE("q0")
                   KWS_TILE_BYTES
                   "vstrb.16 q1, [r1, q2]\n"
                   "add      r1, r1, r3\n"
                   "le       lr, 1b\n"
                   "3:\n"
                   KWS_TILE_WINDOW("q1")
                   "ldr      r4, [r11, #28]\n"
                   "tst      r4, #12\n"
                   "beq      4f\n"
                   KWS_TILE_WINDOW("q0")
                   KWS_TILE_SCALE("q0")
                   "4:\n"
                   KWS_TILE_SCALE("q1")
                   KWS_TILE_BYTES
                   "vpst\n"
                   "vstrbt.16 q1, [r1, q2]\n"
                   KWS_TILE_END ::: "memory");
}

/* Four rows of one column. */
#define KWS_TILE_SINGLE                     \
    "vldrw.u32 q0, [q3, #128]!\n"           \
    "vmladav.s8 r4, q0, q4\n"               \
    "vmladav.s8 r6, q0, q5\n"               \
    "vldrw.u32 q0, [q3, #128]!\n"           \
    "vmladav.s8 r8, q0, q4\n"               \
    "vmladav.s8 r12, q0, q5\n"              \
    "vmov     q1[2], q1[0], r4, r8\n"       \
    "vmov     q1[3], q1[1], r6, r12\n"      \
    "vadd.i32 q1, q1, r5\n"                 \
    "vqrdmulh.s32 q1, q1, r7\n"             \
    "vrshl.s32 q1, r9\n"                    \
    "vadd.i32 q1, q1, r10\n"                \
    "vqmovnb.s32 q1, q1\n"                  \
    "vqmovnb.s16 q1, q1\n"

/*
 * The column of outputs at the right edge, whose pixels are the strip's last two columns: what the taps beyond the edge
 * see, the zero point, is added to the bias.
 */
KWS_NAKED void kws_tile_edge(KWS_UNSEEN const kws_tile_pass *pass)
{
    __asm volatile(KWS_TILE_BEGIN
                   "lsl      r4, r6, #1\n"
                   "add      r12, r4, r6\n"
                   "vmov     q2[2], q2[0], r8, r4\n"
                   "vmov     q2[3], q2[1], r6, r12\n"
                   "2:\n"
                   "vldrw.32 q5, [r0], #4\n"
                   "vldrw.32 q4, [r0], #12\n"
                   "ldm      r2!, {r5, r7, r9}\n"
                   "vmov.i8  q0, #1\n"
                   "vshr.u32 q1, q4, #16\n"
                   "vmladav.s8 r4, q0, q1\n"
                   "ldr      r6, [r11, #36]\n"
                   "mla      r5, r4, r6, r5\n"
                   "vshl.i32 q4, q4, #16\n"
                   "vshl.i32 q5, q5, #16\n"
                   "ldr      r4, [r11, #16]\n"
                   "wls      lr, r4, 3f\n"
                   "1:\n"
                   KWS_TILE_SINGLE
                   "vstrb.32 q1, [r1, q2]\n"
                   "add      r1, r1, r3\n"
                   "le       lr, 1b\n"
                   "3:\n"
                   KWS_TILE_SINGLE
                   "vpst\n"
                   "vstrbt.32 q1, [r1, q2]\n"
                   KWS_TILE_END ::: "memory");
}

/* What all passes of some rows of sixteen channels share. */
typedef struct kws_tile_block {
    const kws_window *window;
    const int8_t *from; /* the first row of the image that is seen, its first pixel */
    uint32_t above;     /* rows beyond the edge, before it */
    uint32_t rows;      /* of the image */
    uint32_t below;     /* beyond the edge, behind it */
    uint32_t last_rows; /* of the last step, 1 to 4 */
    const int8_t *outside;
    kws_tile_pass pass;
} kws_tile_block;

/* A row beyond the edge. */
KWS_INLINE void kws_tile_outside(const int8_t *outside, int8_t *strip)
{
    const int8x16_t zero_points = vld1q_s8(outside);
    for (uint32_t i = 0; i < KWS_STRIP_ROW; i += KWS_TILE_CHANNELS) {
        vst1q_s8(strip + i, zero_points);
    }
}

/* Four columns of the image, of which the first and the last two may lie beyond its edges, to the strip. */
KWS_NOINLINE void kws_tile_strip(const kws_tile_block *block, int32_t column, int8_t *strip)
{
    const kws_window *w = block->window;
    kws_tile_lines lines;
    for (uint32_t i = 0; i < KWS_STRIP_COLUMNS; i++, column++) {
        const int inside = column >= 0 && column < (int32_t)w->columns;
        lines.from[i] = inside ? block->from + (uint32_t)column * w->channels : block->outside;
        lines.apart[i] = inside ? (uint32_t)w->columns * w->channels : 0;
    }
    strip += block->above * KWS_STRIP_ROW;
    kws_tile_interleave(&lines, strip, block->rows);
    if (block->below) {
        kws_tile_outside(block->outside, strip + block->rows * KWS_STRIP_ROW);
    }
}

static void kws_tile_columns(const kws_tile_block *block)
{
    static const uint16_t of_pairs[KWS_TILE_STEP] = {0x0033, 0x3333, 0x33FF, 0xFFFF};
    const kws_window *w = block->window;
    const uint32_t columns = w->output_columns;
    int8_t *strip = block->pass.strip;
    kws_tile_pass pass = block->pass;
    pass.mask = of_pairs[block->last_rows - 1u];
    /* Of two rows or one the second window is not seen. */
    pass.strip_back += block->last_rows > 2u ? 0 : 2u * KWS_STRIP_ROW;
    for (uint32_t column = 0;;) {
        kws_tile_strip(block, (int32_t)column - w->before_columns, strip);
        pass.output = block->pass.output + column * pass.pixel_bytes;
        kws_tile_pairs(&pass);
        column += 2u;
        if (column + 1u == columns) {
            if (w->before_columns) {
                break;
            }
            column--; /* it is made with the one before it */
        } else if (column == columns) {
            return;
        }
    }
    pass.output = block->pass.output + (columns - 1u) * pass.pixel_bytes;
    pass.strip_back = block->pass.strip_back;
    pass.mask = 0xFFFFu >> (16u - 4u * block->last_rows);
    kws_tile_edge(&pass);
}

static void kws_depthwise_tiles(const kws_depthwise_conv_2d *conv, const int8_t *x, void *scratch, int8_t *output)
{
    const kws_window *w = &conv->window;
    const uint32_t row_bytes = (uint32_t)conv->outputs * w->output_columns;
    const uint32_t last = conv->outputs - KWS_TILE_CHANNELS;
    const int32_t *weights = (const int32_t *)conv->tile_weights;
    int8_t *outside = (int8_t *)scratch, *strip = outside + KWS_TILE_CHANNELS;
    /* A first row beyond the edge stays as it is. */
    vst1q_s8(outside, vdupq_n_s8((int8_t)conv->input_zero_point));
    for (uint32_t i = 0;;) {
        const int32_t *end = weights + KWS_TILE_CHANNELS * KWS_TILE_WEIGHTS, *numbers = end + 1;
        for (uint32_t row = 0; row < w->output_rows; row += KWS_TILE_ROWS) {
            const uint32_t left = w->output_rows - row, rows = left < KWS_TILE_ROWS ? left : KWS_TILE_ROWS;
            const uint32_t above = row < w->before_rows ? w->before_rows - row : 0;
            const uint32_t first = row + above - w->before_rows, seen = rows + 2u - above;
            const uint32_t inside = first + seen < w->rows ? seen : w->rows - first;
            const uint32_t further = (rows - 1u) / KWS_TILE_STEP;
            const kws_tile_block block = {
                w,
                x + first * w->columns * w->channels + i,
                above,
                inside,
                seen - inside,
                rows - further * KWS_TILE_STEP,
                outside,
                {
                    weights,
                    numbers,
                    strip,
                    output + row * row_bytes + i,
                    further,
                    conv->outputs,
                    row_bytes,
                    0,
                    end,
                    conv->input_zero_point,
                    KWS_STRIP_COLUMNS - (further + 1u) * KWS_TILE_STEP * KWS_STRIP_ROW,
                    1u - further * KWS_TILE_STEP * row_bytes,
                },
            };
            if (above) {
                kws_tile_outside(outside, strip);
            }
            kws_tile_columns(&block);
        }
        if (i == last) {
            return;
        }
        weights = numbers + KWS_TILE_CHANNELS * KWS_TILE_NUMBERS;
        i = i + KWS_TILE_CHANNELS < last ? i + KWS_TILE_CHANNELS : last;
    }
}

#endif
