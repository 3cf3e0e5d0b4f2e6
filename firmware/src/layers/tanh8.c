/* The int8 hyperbolic tangent: docs/SPEC.md, "Hyperbolic tangent". Twin of kws/fixedpoint/layers/tanh8.py. */
#include "kws/layers/tanh8.h"

#include "layer.h"

void kws_tanh8_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_tanh8 *tanh8 = (const kws_tanh8 *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t i = 0; i < layer->output_size; i++) {
        /* TANH8/1 to TANH8/3, which the exporter computes for every int8 */
        output[i] = tanh8->values[(uint8_t)x[i]];
    }
}
