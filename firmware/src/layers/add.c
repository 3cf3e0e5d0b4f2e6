/* The sum and the difference: docs/SPEC.md, "Sum and difference". Twin of kws/fixedpoint/layers/pair.py. */
#include "kws/layers/add.h"

#include "../arithmetic.h"
#include "pair.h"

#define LEFT_SHIFT 20

void kws_add_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_add *add = (const kws_add *)layer->kernel;
    const kws_pair *pair = &add->pair;
    kws_pair_walk walk = kws_pair_begin(pair, layer, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t i = 0; i < layer->output_size; i++) {
        /* ADD/1 */
        const int32_t a = kws_multiply((*walk.at[0] - pair->zero_points[0]) * (1 << LEFT_SHIFT), &add->factors[0]);
        const int32_t b = kws_multiply((*walk.at[1] - pair->zero_points[1]) * (1 << LEFT_SHIFT), &add->factors[1]);
        /* ADD/2, ADD/3 */
        const int32_t scaled = kws_multiply(add->subtract ? a - b : a + b, &add->factors[2]);
        output[i] = kws_add_zero_point(scaled, pair->output_zero_point, pair->activation_min, pair->activation_max);
        kws_pair_step(pair, &walk);
    }
}
