/* The int8 hyperbolic tangent: docs/SPEC.md, "Hyperbolic tangent". Twin of kws/fixedpoint/layers/tanh8.py. */
#include "kws/layers/tanh8.h"

#include "../activation.h"
#include "../arithmetic.h"
#include "layer.h"

#define INPUT_INTEGER_BITS 4

void kws_tanh8_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_tanh8 *tanh8 = (const kws_tanh8 *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t i = 0; i < layer->output_size; i++) {
        const int32_t centred = x[i] - tanh8->input_zero_point; /* TANH8/1 */
        if (centred <= -tanh8->radius) { /* TANH8/2 */
            output[i] = INT8_MIN;
        } else if (centred >= tanh8->radius) {
            output[i] = INT8_MAX;
        } else {
            /* TANH8/3 */
            const int32_t q31 = kws_tanh_q31(kws_multiply(centred, &tanh8->factor), INPUT_INTEGER_BITS);
            output[i] = (int8_t)kws_clamp(kws_rshift(q31, 24), INT8_MIN, INT8_MAX);
        }
    }
}
