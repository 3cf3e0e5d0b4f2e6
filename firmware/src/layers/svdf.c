/* SVDF with an int16 state: docs/SPEC.md, "SVDF". Twin of kws/fixedpoint/layers/svdf.py. */
#include "kws/layers/svdf.h"

#include <string.h>

#include "../arch/dot.h"
#include "../arithmetic.h"
#include "layer.h"

void kws_svdf_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_svdf *svdf = (const kws_svdf *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    int16_t *held = (int16_t *)kws_layer_state(layer, 0, memory);
    uint32_t filter = 0;
    for (uint32_t unit = 0; unit < svdf->units; unit++) {
        int32_t total = svdf->bias[unit];
        for (uint32_t i = 0; i < svdf->rank; i++, filter++) {
            /* SVDF/1 */
            const int32_t sum = svdf->offsets[filter] + kws_dot(svdf->features + filter * svdf->inputs, x, svdf->inputs);
            /* SVDF/2 */
            memmove(held, held + 1, 2u * (svdf->memory - 1u));
            held[svdf->memory - 1] = (int16_t)kws_sat16(kws_multiply(sum, &svdf->factor_1));
            /* SVDF/3 */
            for (uint32_t k = 0; k < svdf->memory; k++) {
                total += svdf->time[filter * svdf->memory + k] * held[k];
            }
            held += svdf->memory;
        }
        /* SVDF/4 */
        output[unit] = kws_add_zero_point(kws_multiply(total, &svdf->factor_2), svdf->output_zero_point, INT8_MIN,
                                          INT8_MAX);
    }
}
