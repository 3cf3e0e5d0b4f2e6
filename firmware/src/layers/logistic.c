/* The int8 logistic function: docs/SPEC.md, "Logistic". Twin of kws/fixedpoint/layers/logistic.py. */
#include "kws/layers/logistic.h"

#include "layer.h"

void kws_logistic_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_logistic *logistic = (const kws_logistic *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t i = 0; i < layer->output_size; i++) {
        /* LOGISTIC/1 to LOGISTIC/3, which the exporter computes for every int8 */
        output[i] = logistic->values[(uint8_t)x[i]];
    }
}
