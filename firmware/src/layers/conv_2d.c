/* The int8 convolution: docs/SPEC.md, "Convolution". Twin of kws/fixedpoint/layers/conv_2d.py. */
#include "kws/layers/conv_2d.h"

#include "../arch/dot.h"
#include "../arithmetic.h"
#include "layer.h"
#include "window.h"

/* A tap beyond the edge: what it would see is the zero point, which the bias has been freed of. */
static int32_t outside(const kws_conv_2d *conv, const int8_t *weights, uint32_t depth)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < depth; i++) {
        sum += weights[i] * conv->input_zero_point;
    }
    return sum;
}

/* CONV_2D/1 for one output; x begins with the group's channels. */
static int32_t sum_of(const kws_conv_2d *conv, const int8_t *x, const int8_t *weights, uint32_t depth,
                      const kws_taps *rows, const kws_taps *columns)
{
    const kws_window *w = &conv->window;
    /* Neighbours lie side by side, in the image as among the weights. */
    const int joined = depth == w->channels && w->dilation_columns == 1 && columns->first == 0 &&
                       columns->last == w->kernel_columns;
    const uint32_t step = joined ? depth * w->kernel_columns : depth;
    int32_t sum = 0;
    for (uint32_t i = 0; i < w->kernel_rows; i++) {
        for (uint32_t j = 0; j < (joined ? 1u : w->kernel_columns); j++) {
            if (i >= rows->first && i < rows->last && j >= columns->first && j < columns->last) {
                sum += kws_dot(weights, x + kws_tap_at(w, rows, columns, i, j), step);
            } else {
                sum += outside(conv, weights, step);
            }
            weights += step;
        }
    }
    return sum;
}

static void run_pixel(const kws_conv_2d *conv, const int8_t *x, const kws_taps *rows, const kws_taps *columns,
                      int8_t *output)
{
    const uint32_t depth = conv->window.channels / conv->groups;
    const uint32_t of_group = conv->outputs / conv->groups;
    const uint32_t taps = (uint32_t)conv->window.kernel_rows * conv->window.kernel_columns;
    const int8_t *weights = conv->weights;
    for (uint32_t i = 0; i < conv->outputs; i++) {
        const int32_t sum = conv->bias[i] + sum_of(conv, x + i / of_group * depth, weights, depth, rows, columns);
        weights += taps * depth;
        /* CONV_2D/2 */
        const int32_t scaled = kws_multiply(sum, &conv->factors[conv->per_channel ? i : 0]);
        output[i] = kws_add_zero_point(scaled, conv->output_zero_point, conv->activation_min, conv->activation_max);
    }
}

void kws_conv_2d_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_conv_2d *conv = (const kws_conv_2d *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t row = 0; row < conv->window.output_rows; row++) {
        const kws_taps rows = kws_row_taps(&conv->window, row);
        for (uint32_t column = 0; column < conv->window.output_columns; column++) {
            const kws_taps columns = kws_column_taps(&conv->window, column);
            run_pixel(conv, x, &rows, &columns, output);
            output += conv->outputs;
        }
    }
}
