/* The int8 logistic function: docs/SPEC.md, "Logistic". Twin of kws/fixedpoint/layers/logistic.py. */
#include "activation.h"
#include "arithmetic.h"
#include "layers.h"

#define INPUT_INTEGER_BITS 4

void kws_logistic_run(const kws_logistic *layer, const int8_t *x, int8_t *output, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const int32_t centred = x[i] - layer->input_zero_point;
        if (centred <= -layer->radius) {
            output[i] = INT8_MIN;
        } else if (centred >= layer->radius) {
            output[i] = INT8_MAX;
        } else {
            const int32_t q31 = kws_logistic_q31(kws_multiply(centred, &layer->factor), INPUT_INTEGER_BITS);
            output[i] = (int8_t)kws_clamp(kws_rounding_shift_right(q31, 23) + INT8_MIN, INT8_MIN, INT8_MAX);
        }
    }
}
