/* Rows of earlier calls: docs/SPEC.md, "History". Twin of kws/fixedpoint/layers/history.py. */
#include "kws/layers/history.h"

#include <string.h>

#include "layer.h"

void kws_history_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_history *history = (const kws_history *)layer->kernel;
    int8_t *kept = (int8_t *)kws_layer_state(layer, 0, memory);
    int8_t *output = kws_layer_output(layer, memory);
    /* HISTORY/1 */
    memcpy(output, kept, history->kept);
    memcpy(output + history->kept, kws_layer_input(layer, 0, memory, input), history->new_values);
    /* HISTORY/2 */
    memcpy(kept, output + history->new_values, history->kept);
}
