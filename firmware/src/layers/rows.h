/*
 * Rows of weights times a vector, and from the sums to int8: docs/SPEC.md, "Fully connected" and "Convolution".
 * Twin of kws/fixedpoint/layers/fully_connected.py.
 */
#ifndef KWS_LAYER_ROWS_H
#define KWS_LAYER_ROWS_H

#include "kws/layers/rows.h"

#include "../arch/dot.h"
#include "../arithmetic.h"

/* From row i on, one after another. */
static inline void kws_rows_rest(const kws_rows *rows, const int8_t *x, int8_t *output, uint32_t i)
{
    for (; i < rows->outputs; i++) {
        /* FULLY_CONNECTED/1, CONV_2D/1 */
        const int32_t sum = rows->bias[i] + kws_dot(rows->weights + i * rows->inputs, x, rows->inputs);
        /* FULLY_CONNECTED/2, CONV_2D/2 */
        const int32_t scaled = kws_multiply(sum, &rows->factors[rows->per_channel ? i : 0]);
        output[i] = kws_add_zero_point(scaled, rows->output_zero_point, rows->activation_min, rows->activation_max);
    }
}

#if KWS_HAS_DSP

/*
 * x [inputs] to output [outputs]. Packed rows widen x to the scratch, int16 [inputs] rounded up to 4; x may lie there
 * itself, in the second half.
 */
void kws_rows_run(const kws_rows *rows, void *scratch, const int8_t *x, int8_t *output);

/* The rows that lie behind these, as many and with the same settings. */
void kws_rows_next(kws_rows *rows);

#else

static inline void kws_rows_run(const kws_rows *rows, void *scratch, const int8_t *x, int8_t *output)
{
    (void)scratch;
    kws_rows_rest(rows, x, output, 0);
}

#endif

#endif
