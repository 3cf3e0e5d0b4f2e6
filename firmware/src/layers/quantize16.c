/*
 * QUANTIZE from int16, to int16, or both: docs/SPEC.md, "Quantize". Twin of kws/fixedpoint/layers/quantize16.py.
 *
 * An int16 lies in memory with its lower byte first, whatever the processor, and the caller's input need not be
 * aligned: it is made of bytes.
 */
#include "kws/layers/quantize16.h"

#include "../arithmetic.h"
#include "layer.h"

static int32_t read(const int8_t *x, uint32_t bytes)
{
    return bytes == 1 ? x[0] : (int32_t)x[1] * 256 + (uint8_t)x[0];
}

static void write(int8_t *output, uint32_t bytes, int32_t value)
{
    output[0] = (int8_t)(value & 0xff);
    if (bytes == 2) {
        output[1] = (int8_t)(value >> 8);
    }
}

void kws_quantize16_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_quantize16 *quantize = (const kws_quantize16 *)layer->kernel;
    const uint32_t from = quantize->input_bytes;
    const uint32_t to = quantize->output_bytes;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    const int8_t *end = output + layer->output_size;
    for (; output < end; x += from, output += to) {
        /* QUANTIZE/1, QUANTIZE/2 */
        const int32_t scaled = kws_multiply(read(x, from) - quantize->input_zero_point, &quantize->factor);
        const int32_t moved = (int32_t)((uint32_t)scaled + (uint32_t)quantize->output_zero_point);
        write(output, to, to == 1 ? kws_sat8(moved) : kws_sat16(moved));
    }
}
