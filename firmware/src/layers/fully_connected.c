/* The int8 fully connected layer: docs/SPEC.md, "Fully connected". Twin of kws/fixedpoint/layers/fully_connected.py. */
#include "kws/layers/fully_connected.h"

#include "layer.h"
#include "rows.h"

void kws_fully_connected_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_fully_connected *dense = (const kws_fully_connected *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t vector = 0; vector < dense->rows.vectors; vector++) {
        kws_rows_run(&dense->rows, kws_layer_scratch(layer, memory), x, output);
        x += dense->rows.inputs;
        output += dense->rows.outputs;
    }
}
