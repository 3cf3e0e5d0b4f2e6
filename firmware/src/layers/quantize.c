/* int8 at another scale and zero point: docs/SPEC.md, "Quantize". Twin of kws/fixedpoint/layers/requantize.py. */
#include "kws/layers/quantize.h"

#include "../arithmetic.h"
#include "layer.h"

void kws_quantize_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_quantize *quantize = (const kws_quantize *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t i = 0; i < layer->output_size; i++) {
        /* QUANTIZE/1, QUANTIZE/2 */
        const int32_t scaled = kws_multiply(x[i] - quantize->input_zero_point, &quantize->factor);
        output[i] = kws_add_zero_point(scaled, quantize->output_zero_point, INT8_MIN, INT8_MAX);
    }
}
