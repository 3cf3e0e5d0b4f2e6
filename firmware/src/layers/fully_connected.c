/* The int8 fully connected layer: docs/SPEC.md, "Fully connected". Twin of kws/fixedpoint/layers/fully_connected.py. */
#include "kws/layers/fully_connected.h"

#include "../arch/dot.h"
#include "../arithmetic.h"
#include "layer.h"

static void run_row(const kws_fully_connected *dense, const int8_t *x, int8_t *output)
{
    for (uint32_t i = 0; i < dense->outputs; i++) {
        /* FULLY_CONNECTED/1 */
        const int32_t sum = dense->bias[i] + kws_dot(dense->weights + i * dense->inputs, x, dense->inputs);
        /* FULLY_CONNECTED/2 */
        const int32_t scaled = kws_multiply(sum, &dense->factors[dense->per_channel ? i : 0]);
        output[i] = kws_add_zero_point(scaled, dense->output_zero_point, dense->activation_min, dense->activation_max);
    }
}

void kws_fully_connected_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_fully_connected *dense = (const kws_fully_connected *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t row = 0; row < dense->rows; row++) {
        run_row(dense, x, output);
        x += dense->inputs;
        output += dense->outputs;
    }
}
