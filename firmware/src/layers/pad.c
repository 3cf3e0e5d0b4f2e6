/* Values around a tensor: docs/SPEC.md, "Layers that move values". Twin of kws/fixedpoint/layers/moves.py. */
#include "kws/layers/pad.h"

#include <string.h>

#include "layer.h"
#include "move.h"

void kws_pad_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_pad *pad = (const kws_pad *)layer->kernel;
    int8_t *output = kws_layer_output(layer, memory);
    memset(output, (uint8_t)pad->value, layer->output_size);
    kws_move_values(&pad->move, kws_layer_input(layer, 0, memory, input), output);
}
