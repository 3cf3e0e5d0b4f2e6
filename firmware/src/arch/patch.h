/*
 * What a window sees, gathered for cores whose sums of products want it in one piece: with the DSP extension or
 * Helium, which load words at any address.
 *
 * Proved by tests/firmware/test_convolutions.py.
 */
#ifndef KWS_ARCH_PATCH_H
#define KWS_ARCH_PATCH_H

#include <string.h>

#include "../layers/window.h"
#include "dual.h"

/* Bytes to bytes; a C library made to be small copies one at a time. */
KWS_INLINE int8_t *kws_copy_words(int8_t *to, const int8_t *from, uint32_t count)
{
    for (; count >= 4u; count -= 4u) {
        uint32_t word = kws_load_word(from);
        KWS_IN_REGISTER(word); /* or the compiler calls that library */
        __builtin_memcpy(to, &word, sizeof word);
        from += 4;
        to += 4;
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
    return to;
}

KWS_INLINE int8_t *kws_fill(int8_t *to, int32_t value, uint32_t count)
{
    /* Most windows lie in the image: no call for nothing. */
    if (count > 0) {
        memset(to, value, count);
    }
    return to + count;
}

/*
 * The first `depth` channels of each tap, one tap after another; beyond the edge `outside`. Not inlined: what it
 * keeps on the stack is gone when the sums begin.
 */
KWS_NOINLINE void kws_gather(const kws_window *w, uint32_t depth, const int8_t *x, const kws_taps *rows,
                             const kws_taps *columns, int32_t outside, int8_t *to)
{
    const uint32_t seen = columns->last - columns->first;
    /* Neighbours lie side by side. */
    const int joined = depth == w->channels && w->dilation_columns == 1;
    const uint32_t runs = joined ? 1u : seen, length = joined ? depth * seen : depth;
    const uint32_t apart = (uint32_t)w->dilation_columns * w->channels;
    const uint32_t rows_apart = (uint32_t)w->dilation_rows * w->columns * w->channels;
    const uint32_t row_bytes = w->kernel_columns * depth;
    const uint32_t before = columns->first * depth, after = (w->kernel_columns - columns->last) * depth;
    const uint32_t in_image = seen > 0 ? rows->last - rows->first : 0;
    uint32_t at = kws_tap_at(w, rows, columns, rows->first, columns->first);
    to = kws_fill(to, outside, rows->first * row_bytes);
    for (uint32_t i = 0; i < in_image; i++) {
        const int8_t *from = x + at;
        to = kws_fill(to, outside, before);
        for (uint32_t run = 0; run < runs; run++) {
            to = kws_copy_words(to, from, length);
            from += apart;
        }
        to = kws_fill(to, outside, after);
        at += rows_apart;
    }
    kws_fill(to, outside, (w->kernel_rows - rows->first - in_image) * row_bytes);
}

#endif
