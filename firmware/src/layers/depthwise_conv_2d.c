/*
 * The int8 depthwise convolution: docs/SPEC.md, "Depthwise convolution". Twin of
 * kws/fixedpoint/layers/depthwise_conv_2d.py.
 */
#include "kws/layers/depthwise_conv_2d.h"

#include "../arch/dual.h"
#include "../arithmetic.h"
#include "layer.h"
#include "window.h"

#if KWS_ARCH == KWS_ARCH_DSP
#include "../arch/depthwise_dsp.h"
#include "../arch/depthwise_tiles_dsp.h"
#elif KWS_ARCH == KWS_ARCH_HELIUM
#include "../arch/depthwise_helium.h"
#include "../arch/depthwise_tiles_helium.h"
#endif

/* DEPTHWISE_CONV_2D/1 for one output; x and weights begin with its channel. */
static int32_t sum_of(const kws_depthwise_conv_2d *conv, const int8_t *x, const int8_t *weights, const kws_taps *rows,
                      const kws_taps *columns)
{
    const kws_window *w = &conv->window;
    int32_t sum = 0;
    for (uint32_t i = 0; i < w->kernel_rows; i++) {
        for (uint32_t j = 0; j < w->kernel_columns; j++) {
            const int inside = i >= rows->first && i < rows->last && j >= columns->first && j < columns->last;
            /* Beyond the edge a tap would see the zero point, which the bias has been freed of. */
            sum += *weights * (inside ? x[kws_tap_at(w, rows, columns, i, j)] : conv->input_zero_point);
            weights += conv->outputs;
        }
    }
    return sum;
}

static void run_pixel(const kws_depthwise_conv_2d *conv, const int8_t *x, const kws_taps *rows,
                      const kws_taps *columns, int8_t *output)
{
    for (uint32_t i = 0; i < conv->outputs; i++) {
        const int32_t sum = conv->bias[i] + sum_of(conv, x + i / conv->multiplier, conv->weights + i, rows, columns);
        /* DEPTHWISE_CONV_2D/2 */
        const int32_t scaled = kws_multiply(sum, &conv->factors[conv->per_channel ? i : 0]);
        output[i] = kws_add_zero_point(scaled, conv->output_zero_point, conv->activation_min, conv->activation_max);
    }
}

#if KWS_HAS_DSP

static void run_packed(const kws_depthwise_conv_2d *conv, const int8_t *x, void *scratch, int8_t *output)
{
    const kws_window *w = &conv->window;
    const kws_pointers taps = kws_pointers_of(w, conv->input_zero_point, scratch);
    for (uint32_t row = 0; row < w->output_rows; row++) {
        const kws_taps rows = kws_row_taps(w, row);
        int whole = 0;
        for (uint32_t column = 0; column < w->output_columns; column++) {
            const kws_taps columns = kws_column_taps(w, column);
            const int before = whole;
            whole = columns.last - columns.first == w->kernel_columns;
            if (before && whole) {
                kws_point_further(&taps, w, &rows);
            } else {
                kws_point(&taps, w, x, &rows, &columns);
            }
            kws_depthwise_pixel(conv, &taps, output);
            output += conv->outputs;
        }
    }
}

#endif

void kws_depthwise_conv_2d_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_depthwise_conv_2d *conv = (const kws_depthwise_conv_2d *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
#if KWS_HAS_DSP
    if (conv->tile_weights != NULL) {
        kws_depthwise_tiles(conv, x, kws_layer_scratch(layer, memory), output);
        return;
    }
    if (conv->packed_weights != NULL) {
        run_packed(conv, x, kws_layer_scratch(layer, memory), output);
        return;
    }
#endif
    for (uint32_t row = 0; row < conv->window.output_rows; row++) {
        const kws_taps rows = kws_row_taps(&conv->window, row);
        for (uint32_t column = 0; column < conv->window.output_columns; column++) {
            const kws_taps columns = kws_column_taps(&conv->window, column);
            run_pixel(conv, x, &rows, &columns, output);
            output += conv->outputs;
        }
    }
}
