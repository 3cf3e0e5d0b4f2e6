/* The kernels, one file each; each is the twin of the Python file of the same name. */
#ifndef KWS_LAYERS_H
#define KWS_LAYERS_H

#include "kws/model.h"

/* One step: reads x [inputs], updates c and h in `memory`, writes the new h to `output` [units]. */
void kws_lstm_step(const kws_lstm *lstm, uint8_t *memory, const int8_t *x, int8_t *output);

/* h to its zero point, c to zero. */
void kws_lstm_reset(const kws_lstm *lstm, uint8_t *memory);

void kws_fully_connected_run(const kws_fully_connected *layer, const int8_t *x, int8_t *output);

void kws_softmax_run(const kws_softmax *layer, const int8_t *x, int8_t *output, uint32_t count);

void kws_logistic_run(const kws_logistic *layer, const int8_t *x, int8_t *output, uint32_t count);

#endif
