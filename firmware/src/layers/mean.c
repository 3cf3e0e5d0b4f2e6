/* The mean over axes: docs/SPEC.md, "Mean". Twin of kws/fixedpoint/layers/mean.py. */
#include "kws/layers/mean.h"

#include "../arithmetic.h"
#include "layer.h"

/* MEAN/1 */
static int32_t sum_of(const kws_mean *mean, const int8_t *x)
{
    int32_t sum = mean->offset;
    for (uint32_t i = 0; i < mean->summed[0].count; i++) {
        const int8_t *value = x + i * mean->summed[0].apart;
        for (uint32_t j = 0; j < mean->summed[1].count; j++) {
            sum += *value;
            value += mean->summed[1].apart;
        }
    }
    return sum;
}

void kws_mean_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_mean *mean = (const kws_mean *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t i = 0; i < mean->kept[0].count; i++) {
        for (uint32_t j = 0; j < mean->kept[1].count; j++) {
            const int32_t sum = sum_of(mean, x + i * mean->kept[0].apart + j * mean->kept[1].apart);
            /* MEAN/2 */
            const int32_t scaled = kws_multiply(sum, &mean->factor);
            *output++ = kws_add_zero_point(scaled, mean->output_zero_point, INT8_MIN, INT8_MAX);
        }
    }
}
