/* Rows of weights times a vector, and from the sums to int8. */
#ifndef KWS_LAYER_ROWS_H
#define KWS_LAYER_ROWS_H

#include "kws/layers/rows.h"

/*
 * x [inputs] to output [outputs]. Packed rows widen x to the scratch, int16 [inputs] rounded up to 4; x may lie there
 * itself, in the second half.
 */
void kws_rows_run(const kws_rows *rows, void *scratch, const int8_t *x, int8_t *output);

/* The rows that lie behind these, as many and with the same settings. */
void kws_rows_next(kws_rows *rows);

#endif
