/* The int8 logistic function: docs/SPEC.md, "Logistic". Twin of kws/fixedpoint/layers/logistic.py. */
#include "kws/layers/logistic.h"

#include "../activation.h"
#include "../arithmetic.h"
#include "layer.h"

#define INPUT_INTEGER_BITS 4

void kws_logistic_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_logistic *logistic = (const kws_logistic *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t i = 0; i < layer->output_size; i++) {
        const int32_t centred = x[i] - logistic->input_zero_point; /* LOGISTIC/1 */
        if (centred <= -logistic->radius) { /* LOGISTIC/2 */
            output[i] = INT8_MIN;
        } else if (centred >= logistic->radius) {
            output[i] = INT8_MAX;
        } else {
            /* LOGISTIC/3 */
            const int32_t q31 = kws_logistic_q31(kws_multiply(centred, &logistic->factor), INPUT_INTEGER_BITS);
            output[i] = (int8_t)kws_clamp(kws_rshift(q31, 23) + INT8_MIN, INT8_MIN, INT8_MAX);
        }
    }
}
