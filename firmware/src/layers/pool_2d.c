/* Averages and maxima of windows: docs/SPEC.md, "Pools". Twin of kws/fixedpoint/layers/pool_2d.py. */
#include "kws/layers/pool_2d.h"

#include "../arithmetic.h"
#include "layer.h"
#include "window.h"

static int32_t value_of(const kws_pool_2d *pool, const int8_t *x, const kws_taps *rows, const kws_taps *columns)
{
    int32_t sum = 0;
    int32_t greatest = INT8_MIN;
    for (uint32_t i = rows->first; i < rows->last; i++) {
        for (uint32_t j = columns->first; j < columns->last; j++) {
            const int32_t value = x[kws_tap_at(&pool->window, rows, columns, i, j)];
            sum += value;                                   /* POOL_2D/1 */
            greatest = value > greatest ? value : greatest; /* POOL_2D/3 */
        }
    }
    if (!pool->average) {
        return greatest;
    }
    /* POOL_2D/2 */
    const int32_t count = (int32_t)((rows->last - rows->first) * (columns->last - columns->first));
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

void kws_pool_2d_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_pool_2d *pool = (const kws_pool_2d *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t row = 0; row < pool->window.output_rows; row++) {
        const kws_taps rows = kws_row_taps(&pool->window, row);
        for (uint32_t column = 0; column < pool->window.output_columns; column++) {
            const kws_taps columns = kws_column_taps(&pool->window, column);
            for (uint32_t c = 0; c < pool->window.channels; c++) {
                const int32_t value = value_of(pool, x + c, &rows, &columns);
                *output++ = (int8_t)kws_clamp(value, pool->activation_min, pool->activation_max); /* POOL_2D/4 */
            }
        }
    }
}
