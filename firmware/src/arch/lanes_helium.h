/*
 * Sums of products of int8 for Helium, the vector extension of Armv8.1-M: sixteen columns at once, of four rows
 * that lie as in portable C, or of eight that the generator interleaved (kws/layers/lstm_packing.py).
 *
 * Proved by tests/firmware/test_arch.py, which compares whole networks with the harness on this core.
 */
#ifndef KWS_ARCH_LANES_HELIUM_H
#define KWS_ARCH_LANES_HELIUM_H

#include <stdint.h>

#define KWS_LANES 4u
#define KWS_LANE_ROWS 4u

/* Rows' biases and weights, the next four to come, and what they are multiplied by. */
typedef struct kws_lane_part {
    const int32_t *bias;
    const int8_t *rows;
    const int8_t *vector;
    uint32_t count;
} kws_lane_part;

/* The next four rows: biases, then rows of weights one after another, times the vector, to sums[0] to [3]. */
void kws_lane_sums(kws_lane_part *part, int32_t sums[KWS_LANE_ROWS]);

/* An LSTM's next units, two at a time, whose four gates are eight rows. */
typedef struct kws_lane_pass {
    const uint32_t *weights;
    struct {
        const int8_t *vector;
        uint32_t tiles; /* of 16 columns */
        uint32_t rest;  /* columns beyond them */
    } parts[2];         /* the input, the hidden state */
} kws_lane_pass;

/* Sums of the next pairs of units: int32 [pairs][parts][2][gates]; moves pass->weights on. */
void kws_lane_pairs(kws_lane_pass *pass, int32_t *sums, uint32_t pairs);

#endif
