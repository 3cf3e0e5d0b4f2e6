/* Tensors one behind another: docs/SPEC.md, "Layers that move values". Twin of kws/fixedpoint/layers/moves.py. */
#include "kws/layers/concatenation.h"

#include <string.h>

#include "layer.h"

void kws_concatenation_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_concatenation *all = (const kws_concatenation *)layer->kernel;
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t block = 0; block < all->blocks; block++) {
        for (uint32_t part = 0; part < all->parts; part++) {
            const uint32_t size = all->sizes[part];
            memcpy(output, kws_layer_input(layer, part, memory, input) + block * size, size);
            output += size;
        }
    }
}
