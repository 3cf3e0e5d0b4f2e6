/* The int8 fully connected layer: docs/SPEC.md, "Fully connected". Twin of kws/fixedpoint/layers/fully_connected.py. */
#include "arch/dot.h"
#include "arithmetic.h"
#include "layers.h"

void kws_fully_connected_run(const kws_fully_connected *layer, const int8_t *x, int8_t *output)
{
    for (uint32_t i = 0; i < layer->outputs; i++) {
        const int32_t sum = layer->bias[i] + kws_dot(layer->weights + i * layer->inputs, x, layer->inputs);
        const int32_t scaled = kws_multiply(sum, &layer->factors[layer->per_channel ? i : 0]);
        output[i] = kws_add_zero_point(scaled, layer->output_zero_point, layer->activation_min, layer->activation_max);
    }
}
