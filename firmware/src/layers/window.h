/* Taps of a window in its image: docs/SPEC.md, "Windows". Twin of kws/fixedpoint/layers/window.py. */
#ifndef KWS_LAYER_WINDOW_H
#define KWS_LAYER_WINDOW_H

#include "kws/layers/window.h"

/* Taps first to last - 1 of a row or a column of taps lie in the image. */
typedef struct kws_taps {
    int32_t at; /* of tap 0; it may lie before the image */
    uint32_t first;
    uint32_t last;
} kws_taps;

static inline kws_taps kws_taps_of(uint32_t position, uint32_t stride, uint32_t before, uint32_t count,
                                   uint32_t dilation, uint32_t size)
{
    kws_taps taps = {(int32_t)(position * stride) - (int32_t)before, 0, 0};
    while (taps.first < count && taps.at + (int32_t)(taps.first * dilation) < 0) {
        taps.first++;
    }
    taps.last = taps.first;
    while (taps.last < count && taps.at + (int32_t)(taps.last * dilation) < (int32_t)size) {
        taps.last++;
    }
    return taps;
}

static inline kws_taps kws_row_taps(const kws_window *w, uint32_t row)
{
    return kws_taps_of(row, w->stride_rows, w->before_rows, w->kernel_rows, w->dilation_rows, w->rows);
}

static inline kws_taps kws_column_taps(const kws_window *w, uint32_t column)
{
    return kws_taps_of(column, w->stride_columns, w->before_columns, w->kernel_columns, w->dilation_columns,
                       w->columns);
}

/* Index of the first channel that a tap in the image sees. */
static inline uint32_t kws_tap_at(const kws_window *w, const kws_taps *rows, const kws_taps *columns, uint32_t row,
                                  uint32_t column)
{
    const uint32_t y = (uint32_t)(rows->at + (int32_t)(row * w->dilation_rows));
    const uint32_t x = (uint32_t)(columns->at + (int32_t)(column * w->dilation_columns));
    return (y * w->columns + x) * w->channels;
}

#endif
