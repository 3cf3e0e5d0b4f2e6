/* The product: docs/SPEC.md, "Product". Twin of kws/fixedpoint/layers/pair.py. */
#include "kws/layers/mul.h"

#include "../arithmetic.h"
#include "pair.h"

void kws_mul_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_mul *mul = (const kws_mul *)layer->kernel;
    const kws_pair *pair = &mul->pair;
    kws_pair_walk walk = kws_pair_begin(pair, layer, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t i = 0; i < layer->output_size; i++) {
        /* MUL/1 */
        const int32_t product = (*walk.at[0] - pair->zero_points[0]) * (*walk.at[1] - pair->zero_points[1]);
        const int32_t scaled = kws_multiply(product, &mul->factor);
        output[i] = kws_add_zero_point(scaled, pair->output_zero_point, pair->activation_min, pair->activation_max);
        kws_pair_step(pair, &walk);
    }
}
