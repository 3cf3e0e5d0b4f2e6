/* The int8 softmax: docs/SPEC.md, "Softmax". Twin of kws/fixedpoint/layers/softmax.py. */
#include "kws/layers/softmax.h"

#include "../activation.h"
#include "../arithmetic.h"
#include "layer.h"

#define SUM_INTEGER_BITS 12u

static void run_row(const kws_softmax *softmax, const int8_t *x, int8_t *output)
{
    const int8_t *end = x + softmax->size;
    const int32_t *exponentials = softmax->exponentials; /* SOFTMAX/2 */
    const uint32_t differences = softmax->differences;
    int32_t greatest = INT8_MIN;
    for (const int8_t *at = x; at < end; at++) {
        greatest = *at > greatest ? *at : greatest;
    }
    /* SOFTMAX/1 is in the differences below, which are turned round. */
    uint32_t sum = 0;
    for (const int8_t *at = x; at < end; at++) {
        const uint32_t difference = (uint32_t)(greatest - *at);
        if (difference < differences) {
            /* SOFTMAX/3, of what is never negative */
            sum += ((uint32_t)exponentials[difference] + (1u << (SUM_INTEGER_BITS - 1u))) >> SUM_INTEGER_BITS;
        }
    }
    const uint32_t headroom = kws_leading_zeros(sum);            /* SOFTMAX/4 */
    const uint32_t fraction = (sum << headroom) - 0x80000000u;
    const int32_t reciprocal = kws_recip((int32_t)fraction);     /* SOFTMAX/5 */
    const uint32_t exponent = SUM_INTEGER_BITS - headroom + 31 - 8;
    for (; x < end; x++) {
        const uint32_t difference = (uint32_t)(greatest - *x);
        uint32_t posterior = 0; /* SOFTMAX/6 */
        if (difference < differences) {
            const int64_t wide = kws_wide_product(reciprocal, exponentials[difference]) + (1 << 30);
            const uint32_t product = (uint32_t)(wide >> 31);
            posterior = (product + (1u << (exponent - 1u))) >> exponent;
            posterior = posterior < 255u ? posterior : 255u;
        }
        *output++ = (int8_t)((int32_t)posterior + INT8_MIN);
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
