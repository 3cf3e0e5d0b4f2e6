/* Some of the rows of a tensor: docs/SPEC.md, "Network". Twin of kws/fixedpoint/layers/row_slice.py. */
#include "kws/layers/row_slice.h"

#include <string.h>

#include "layer.h"

void kws_row_slice_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_row_slice *slice = (const kws_row_slice *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input) + (uint32_t)slice->start * slice->size;
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t row = 0; row < slice->rows; row++) {
        memcpy(output, x, slice->size);
        output += slice->size;
        x += (uint32_t)slice->step * slice->size;
    }
}
