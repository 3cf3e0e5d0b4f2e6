/* States of the next call: docs/SPEC.md, "Carried states". Twin of kws/fixedpoint/layers/carry.py. */
#include "kws/layers/carry.h"

#include <string.h>

#include "layer.h"

void kws_carry_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_carry *carry = (const kws_carry *)layer->kernel;
    /* CARRY/1 */
    memcpy(kws_layer_state(layer, 0, memory), kws_layer_input(layer, 0, memory, input), carry->size);
}
