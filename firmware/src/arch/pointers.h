/* What each tap of a window sees, as pointers, with a pixel of zero points for those beyond the edge. */
#ifndef KWS_ARCH_POINTERS_H
#define KWS_ARCH_POINTERS_H

#include <string.h>

#include "../layers/window.h"
#include "dual.h"

typedef struct kws_pointers {
    const int8_t **taps; /* one more where their number is odd, with a weight of zero */
    uint32_t count;      /* of the window's taps */
    const int8_t *outside;
} kws_pointers;

/* In the scratch, none of them set. */
KWS_INLINE kws_pointers kws_pointers_of(const kws_window *w, int32_t zero_point, void *scratch)
{
    const uint32_t count = (uint32_t)w->kernel_rows * w->kernel_columns;
    const int8_t **taps = (const int8_t **)scratch;
    int8_t *outside = (int8_t *)(taps + (count + 1u) / 2u * 2u);
    memset(outside, zero_point, w->channels);
    const kws_pointers result = {taps, count, outside};
    return result;
}

/* Sets them, for one position of the window. */
KWS_NOINLINE void kws_point(const kws_pointers *pointers, const kws_window *w, const int8_t *x, const kws_taps *rows,
                            const kws_taps *columns)
{
    const uint32_t apart = (uint32_t)w->dilation_columns * w->channels;
    const int8_t **tap = pointers->taps;
    for (uint32_t i = 0; i < w->kernel_rows; i++) {
        const int inside = i >= rows->first && i < rows->last;
        uint32_t at = kws_tap_at(w, rows, columns, i, 0); /* modulo 2^32 where it lies before the image */
        for (uint32_t j = 0; j < w->kernel_columns; j++) {
            *tap++ = inside && j >= columns->first && j < columns->last ? x + at : pointers->outside;
            at += apart;
        }
    }
    if (pointers->count % 2u != 0) {
        *tap = pointers->outside;
    }
}

/* The same from those of the position before in its row, of two that see whole columns. */
KWS_INLINE void kws_point_further(const kws_pointers *pointers, const kws_window *w, const kws_taps *rows)
{
    const uint32_t apart = (uint32_t)w->stride_columns * w->channels;
    const int8_t **tap = pointers->taps + rows->first * w->kernel_columns;
    const int8_t **end = pointers->taps + rows->last * w->kernel_columns;
    for (; tap < end; tap++) {
        *tap += apart;
    }
}

#endif
