/*
 * Some of the values along each axis: docs/SPEC.md, "Layers that move values". Twin of
 * kws/fixedpoint/layers/moves.py.
 */
#include "kws/layers/strided_slice.h"

#include "layer.h"
#include "move.h"

void kws_strided_slice_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_strided_slice *slice = (const kws_strided_slice *)layer->kernel;
    kws_move_values(&slice->move, kws_layer_input(layer, 0, memory, input), kws_layer_output(layer, memory));
}
