/* The int8 softmax: docs/SPEC.md, "Softmax". Twin of kws/fixedpoint/layers/softmax.py. */
#include "activation.h"
#include "arithmetic.h"
#include "layers.h"

#define DIFFERENCE_INTEGER_BITS 5
#define SUM_INTEGER_BITS 12

static int32_t exponential(const kws_softmax *layer, int32_t difference)
{
    const int32_t shifted = kws_shift_left_wrapping(difference, layer->factor.left_shift);
    return kws_exp_on_negative_values(kws_rounding_doubling_high_mul(shifted, layer->factor.multiplier),
                                      DIFFERENCE_INTEGER_BITS);
}

void kws_softmax_run(const kws_softmax *layer, const int8_t *x, int8_t *output, uint32_t count)
{
    int32_t greatest = INT8_MIN;
    for (uint32_t i = 0; i < count; i++) {
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (x[i] - greatest >= layer->difference_min) {
            sum += kws_rounding_shift_right(exponential(layer, x[i] - greatest), SUM_INTEGER_BITS);
        }
    }
    const uint32_t headroom = kws_leading_zeros((uint32_t)sum);
    const uint32_t fraction = ((uint32_t)sum << headroom) - 0x80000000u;
    const int32_t reciprocal = kws_reciprocal_of_one_plus((int32_t)fraction);
    const uint32_t exponent = SUM_INTEGER_BITS - headroom + 31 - 8;
    for (uint32_t i = 0; i < count; i++) {
        output[i] = INT8_MIN;
        if (x[i] - greatest >= layer->difference_min) {
            const int32_t product = kws_rounding_doubling_high_mul(reciprocal, exponential(layer, x[i] - greatest));
            output[i] = (int8_t)kws_clamp(kws_rounding_shift_right(product, exponent) + INT8_MIN, INT8_MIN, INT8_MAX);
        }
    }
}
