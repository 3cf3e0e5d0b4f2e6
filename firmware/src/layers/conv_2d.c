/* The int8 convolution: docs/SPEC.md, "Convolution". Twin of kws/fixedpoint/layers/conv_2d.py. */
#include "kws/layers/conv_2d.h"

#include "layer.h"
#include "rows.h"
#include "window.h"

#if KWS_HAS_DSP

#include "../arch/patch.h"

/* Where the patch lies in the scratch: rows that widen it begin to do so in front of it. */
static uint32_t patch_offset(const kws_conv_2d *conv)
{
    return KWS_ARCH == KWS_ARCH_DSP ? KWS_ALIGN4((uint32_t)conv->rows.inputs) : 0;
}

static void run_pixel(const kws_conv_2d *conv, const int8_t *x, const kws_taps *rows, const kws_taps *columns,
                      uint8_t *scratch, int8_t *output)
{
    const uint32_t depth = conv->window.channels / conv->groups;
    int8_t *patch = (int8_t *)scratch + patch_offset(conv);
    kws_rows group = conv->rows;
    for (uint32_t i = 0; i < conv->groups; i++) {
        kws_gather(&conv->window, depth, x, rows, columns, conv->input_zero_point, patch);
        kws_rows_run(&group, scratch, patch, output);
        kws_rows_next(&group);
        x += depth;
        output += group.outputs;
    }
}

#else

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
                      uint8_t *scratch, int8_t *output)
{
    const kws_rows *all = &conv->rows;
    const uint32_t depth = conv->window.channels / conv->groups;
    const int8_t *weights = all->weights;
    (void)scratch;
    for (uint32_t i = 0; i < (uint32_t)all->outputs * conv->groups; i++) {
        const int32_t sum = all->bias[i] + sum_of(conv, x + i / all->outputs * depth, weights, depth, rows, columns);
        weights += all->inputs;
        /* CONV_2D/2 */
        const int32_t scaled = kws_multiply(sum, &all->factors[all->per_channel ? i : 0]);
        output[i] = kws_add_zero_point(scaled, all->output_zero_point, all->activation_min, all->activation_max);
    }
}

#endif

void kws_conv_2d_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_conv_2d *conv = (const kws_conv_2d *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    uint8_t *scratch = (uint8_t *)kws_layer_scratch(layer, memory);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t row = 0; row < conv->window.output_rows; row++) {
        const kws_taps rows = kws_row_taps(&conv->window, row);
        for (uint32_t column = 0; column < conv->window.output_columns; column++) {
            const kws_taps columns = kws_column_taps(&conv->window, column);
            run_pixel(conv, x, &rows, &columns, scratch, output);
            output += (uint32_t)conv->rows.outputs * conv->groups;
        }
    }
}
