/*
 * Sums of products of int8 for Helium, the vector extension of Armv8.1-M: sixteen columns at once, four rows a
 * pass. The weights lie as in portable C.
 *
 * Proved by tests/firmware/test_arch.py, which compares whole networks with the harness on this core.
 */
#ifndef KWS_ARCH_LANES_HELIUM_H
#define KWS_ARCH_LANES_HELIUM_H

#include <stdint.h>

#define KWS_LANES 4u
#define KWS_LANE_ROWS 4u

/* One part of the sums: its next four rows' biases and weights, and what they are multiplied by. */
typedef struct kws_lane_part {
    const int32_t *bias;
    const int8_t *rows;
    const int8_t *vector;
    uint32_t count;
} kws_lane_part;

/*
 * Four rows of each of `part_count` parts, `groups` times: biases, then rows of weights one after another, times the
 * vector. The first group's sums go to sums[0], [4], [8] and [12] for one part and as much further on for the
 * next; the second group's behind all these; the third group's to sums[1] and so on, the fourth's behind.
 */
void kws_lane_sums(kws_lane_part *parts, int32_t *sums, uint32_t part_count, uint32_t groups);

#endif
