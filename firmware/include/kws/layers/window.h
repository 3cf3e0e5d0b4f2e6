/* What convolutions and pools have in common: docs/SPEC.md, "Windows". */
#ifndef KWS_LAYERS_WINDOW_H
#define KWS_LAYERS_WINDOW_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The window that moves over an image of rows, columns and channels, and where its taps lie. */
typedef struct kws_window {
    uint16_t rows; /* of the image */
    uint16_t columns;
    uint16_t output_rows;
    uint16_t output_columns;
    uint16_t kernel_rows;
    uint16_t kernel_columns;
    uint16_t stride_rows;
    uint16_t stride_columns;
    uint16_t dilation_rows;
    uint16_t dilation_columns;
    uint16_t before_rows; /* by which the first position begins before the image */
    uint16_t before_columns;
    uint16_t channels;
} kws_window;

#ifdef __cplusplus
}
#endif

#endif
