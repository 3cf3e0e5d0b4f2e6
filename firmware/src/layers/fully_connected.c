/* The int8 fully connected layer: docs/SPEC.md, "Fully connected". Twin of kws/fixedpoint/layers/fully_connected.py. */
#include "kws/layers/fully_connected.h"

#include "../arch/dot.h"
#include "../arithmetic.h"
#include "layer.h"

#if KWS_ARCH == KWS_ARCH_DSP
#include "../arch/packed_dsp.h"
#elif KWS_ARCH == KWS_ARCH_HELIUM
#include "../arch/lanes_helium.h"
#endif

static int8_t requantized(const kws_fully_connected *dense, uint32_t row, int32_t sum)
{
    /* FULLY_CONNECTED/2 */
    const int32_t scaled = kws_multiply(sum, &dense->factors[dense->per_channel ? row : 0]);
    return kws_add_zero_point(scaled, dense->output_zero_point, dense->activation_min, dense->activation_max);
}

static void run_row(const kws_fully_connected *dense, const int8_t *x, int8_t *output)
{
    uint32_t i = 0;
#if KWS_ARCH == KWS_ARCH_HELIUM
    kws_lane_part part = {dense->bias, dense->weights, x, dense->inputs};
    for (; i + KWS_LANE_ROWS <= dense->outputs; i += KWS_LANE_ROWS) {
        int32_t sums[KWS_LANE_ROWS];
        kws_lane_sums(&part, sums);
        for (uint32_t row = 0; row < KWS_LANE_ROWS; row++) {
            output[i + row] = requantized(dense, i + row, sums[row]);
        }
    }
#endif
    for (; i < dense->outputs; i++) {
        /* FULLY_CONNECTED/1 */
        const int32_t sum = dense->bias[i] + kws_dot(dense->weights + i * dense->inputs, x, dense->inputs);
        output[i] = requantized(dense, i, sum);
    }
}

#if KWS_ARCH == KWS_ARCH_DSP

static void run_packed_row(const kws_fully_connected *dense, uint32_t *vector, const int8_t *x, int8_t *output)
{
    const uint32_t quads = (dense->inputs + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS;
    const kws_dsp_factor *factor = dense->packed_factors;
    const uint32_t step = dense->per_channel;
    const int32_t zero_point = dense->output_zero_point, low = dense->activation_min, high = dense->activation_max;
    kws_packed_pass pass;
    kws_packed_start(&pass, dense->packed_weights, vector, quads / 2u, quads - quads / 2u);
    kws_widen(vector, x, dense->inputs);
    for (const int8_t *end = output + dense->outputs; output < end;) {
        kws_packed_products(&pass); /* FULLY_CONNECTED/1 */
        const int32_t *a = pass.parts[0].sums, *b = pass.parts[1].sums;
        const int32_t sums[4] = {(a[0] + b[0] - (a[1] + b[1])) >> 8, a[1] + b[1],
                                 (a[2] + b[2] - (a[3] + b[3])) >> 8, a[3] + b[3]};
        for (uint32_t row = 0; row < 4u && output < end; row++) {
            /* FULLY_CONNECTED/2 */
            *output++ = kws_add_zero_point(kws_dsp_multiply(sums[row], factor), zero_point, low, high);
            factor += step;
        }
    }
}

#endif

void kws_fully_connected_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_fully_connected *dense = (const kws_fully_connected *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t row = 0; row < dense->rows; row++) {
#if KWS_ARCH == KWS_ARCH_DSP
        if (dense->packed_weights != NULL) {
            run_packed_row(dense, (uint32_t *)kws_layer_scratch(layer, memory), x, output);
        } else
#endif
        {
            run_row(dense, x, output);
        }
        x += dense->inputs;
        output += dense->outputs;
    }
}
