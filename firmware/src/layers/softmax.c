/* The int8 softmax: docs/SPEC.md, "Softmax". Twin of kws/fixedpoint/layers/softmax.py. */
#include "kws/layers/softmax.h"

#include "../activation.h"
#include "../arithmetic.h"
#include "layer.h"

#define DIFFERENCE_INTEGER_BITS 5
#define SUM_INTEGER_BITS 12

/* SOFTMAX/2. */
static int32_t exponential(const kws_softmax *softmax, int32_t difference)
{
    const int32_t shifted = kws_wrap(difference, softmax->factor.left_shift);
    return kws_exp(kws_rdhm(shifted, softmax->factor.value),
                                      DIFFERENCE_INTEGER_BITS);
}

static void run_row(const kws_softmax *softmax, const int8_t *x, int8_t *output)
{
    const uint32_t count = softmax->size;
    int32_t greatest = INT8_MIN;
    for (uint32_t i = 0; i < count; i++) {
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    /* SOFTMAX/1 is in the differences below. */
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (x[i] - greatest >= softmax->difference_min) {
            sum += kws_rshift(exponential(softmax, x[i] - greatest), SUM_INTEGER_BITS); /* SOFTMAX/3 */
        }
    }
    const uint32_t headroom = kws_leading_zeros((uint32_t)sum); /* SOFTMAX/4 */
    const uint32_t fraction = ((uint32_t)sum << headroom) - 0x80000000u;
    const int32_t reciprocal = kws_recip((int32_t)fraction); /* SOFTMAX/5 */
    const uint32_t exponent = SUM_INTEGER_BITS - headroom + 31 - 8;
    for (uint32_t i = 0; i < count; i++) {
        output[i] = INT8_MIN; /* SOFTMAX/6 */
        if (x[i] - greatest >= softmax->difference_min) {
            const int32_t product = kws_rdhm(reciprocal, exponential(softmax, x[i] - greatest));
            output[i] = (int8_t)kws_clamp(kws_rshift(product, exponent) + INT8_MIN, INT8_MIN, INT8_MAX);
        }
    }
}

void kws_softmax_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_softmax *softmax = (const kws_softmax *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t row = 0; row < softmax->rows; row++) {
        run_row(softmax, x, output);
        x += softmax->size;
        output += softmax->size;
    }
}
