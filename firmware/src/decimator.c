/* Bits of a microphone to PCM: docs/SPEC.md, "Decimator". Twin of kws/fixedpoint/decimator.py. */
#include "kws/decimator.h"

#include <string.h>

#include "arithmetic.h"
#include "decimator_table.h"

#define BYTES_PER_SAMPLE KWS_DECIMATOR_BYTES_PER_SAMPLE
#define BLOCK KWS_DECIMATOR_BLOCK
#define HALF_BAND_HISTORY (KWS_DECIMATOR_HALF_BAND_TAPS - 2)
#define LOW_PASS_TAPS KWS_DECIMATOR_LOW_PASS_TAPS
#define LOW_PASS_HISTORY (LOW_PASS_TAPS - 2)

#define HALF_BAND_SHIFT 15u
/* Bits of a full-scale sample at the low pass's output, less two that no sum of its products needs. */
#define LOW_PASS_SHIFT 2u
#define SAMPLE_SHIFT 12u
/* 2^8 samples are 16 ms: 3 dB less at 10 Hz. */
#define OFFSET_SHIFT 8u

/* Every other one, from the outermost inwards, then the middle one; Q15. Those between are zeros. */
static const int32_t half_band[4] = {352, -1969, 9819, 16384};

/* Q14. */
static const int16_t low_pass[LOW_PASS_TAPS] = {
    -28,  -5,   43,   28,   -58,   -35,   95,   68,   -131, -100, 188,   155,   -256, -226, 352,  336,
    -486, -505, 700,  814,  -1123, -1601, 2438, 7550, 7550, 2438, -1601, -1123, 814,  700,  -505, -486,
    336,  352,  -226, -256, 155,   188,   -100, -131, 68,   95,   -35,   -58,   28,   43,   -5,   -28,
};

/*
 * DECIMATE/2: the next value of 64 kHz, from two counts of ones among 32 bits, weighted. Together with the counts'
 * own weights the five are four moving sums of 16 bits; half of what they can reach is 0.
 */
static inline int32_t combine(uint32_t counts[3], uint32_t fourth, uint32_t fifth)
{
    const uint32_t sum = counts[0] + 4 * (counts[1] + counts[2] + fourth) + 2 * counts[2] + fifth;
    counts[0] = counts[2];
    counts[1] = fourth;
    counts[2] = fifth;
    return (int32_t)sum - 32768;
}

/*
 * DECIMATE/1 and DECIMATE/2: `count` bytes, a multiple of four, to half as many values of 64 kHz. A byte adds
 * to four counts that lie in two words, and completes one of them; instead of moving them on, each of four
 * bytes finds them half a word further (tests/fixedpoint/test_decimator.py). No count exceeds 4096.
 */
static void integrate(kws_decimator *decimator, const uint8_t *pdm, uint32_t count, int32_t *values)
{
    uint32_t low = decimator->sums[0];
    uint32_t high = decimator->sums[1];
    uint32_t counts[3] = {decimator->counts[0], decimator->counts[1], decimator->counts[2]};
    for (const uint8_t *end = pdm + count; pdm < end; pdm += 4) {
        const uint32_t *part = kws_decimator_table[pdm[0]];
        low += part[0];
        high += part[1];
        const uint32_t first = low & 0xFFFFu;
        low -= first;

        part = kws_decimator_table[pdm[1]];
        low += part[0] << 16;
        high += part[0] >> 16;
        high += part[1] << 16;
        const uint32_t second = low >> 16;
        low = part[1] >> 16;
        *values++ = combine(counts, first, second);

        part = kws_decimator_table[pdm[2]];
        high += part[0];
        low += part[1];
        const uint32_t third = high & 0xFFFFu;
        high -= third;

        part = kws_decimator_table[pdm[3]];
        high += part[0] << 16;
        low += part[0] >> 16;
        low += part[1] << 16;
        const uint32_t fourth = high >> 16;
        high = part[1] >> 16;
        *values++ = combine(counts, third, fourth);
    }
    decimator->sums[0] = low;
    decimator->sums[1] = high;
    memcpy(decimator->counts, counts, sizeof counts);
}

/* DECIMATE/3 */
static void halve(const int32_t *x, uint32_t count, int16_t *values)
{
    for (uint32_t i = 0; i < count; i++, x += 2) {
        const int32_t sum = half_band[0] * (x[0] + x[10]) + half_band[1] * (x[2] + x[8]) +
                            half_band[2] * (x[4] + x[6]) + half_band[3] * x[5];
        values[i] = (int16_t)kws_sat16((sum + (1 << (HALF_BAND_SHIFT - 1))) >> HALF_BAND_SHIFT);
    }
}

/* DECIMATE/4 */
static int32_t filter(const int16_t *x)
{
    int32_t sum = 0;
    for (const int16_t *tap = low_pass; tap < low_pass + LOW_PASS_TAPS; tap += 8, x += 8) {
#if KWS_HAS_DSP
        sum = kws_smlad(kws_load_word(tap), kws_load_word(x), sum);
        sum = kws_smlad(kws_load_word(tap + 2), kws_load_word(x + 2), sum);
        sum = kws_smlad(kws_load_word(tap + 4), kws_load_word(x + 4), sum);
        sum = kws_smlad(kws_load_word(tap + 6), kws_load_word(x + 6), sum);
#else
        sum += tap[0] * x[0] + tap[1] * x[1] + tap[2] * x[2] + tap[3] * x[3];
        sum += tap[4] * x[4] + tap[5] * x[5] + tap[6] * x[6] + tap[7] * x[7];
#endif
    }
    return sum >> LOW_PASS_SHIFT;
}

/* At most BLOCK samples from BYTES_PER_SAMPLE bytes each. */
static void process_block(kws_decimator *decimator, const uint8_t *pdm, uint32_t samples, int16_t *pcm)
{
    int32_t *rate64 = decimator->rate64;
    int16_t *rate32 = decimator->rate32;
    integrate(decimator, pdm, samples * BYTES_PER_SAMPLE, rate64 + HALF_BAND_HISTORY);
    halve(rate64, 2 * samples, rate32 + LOW_PASS_HISTORY);
    memmove(rate64, rate64 + 4 * samples, HALF_BAND_HISTORY * sizeof rate64[0]);
    const uint32_t shift = SAMPLE_SHIFT - decimator->gain;
    int32_t offset = decimator->offset;
    for (uint32_t i = 0; i < samples; i++) {
        /* DECIMATE/5 */
        const int32_t value = filter(rate32 + 2 * i) - offset;
        offset += (value + (1 << (OFFSET_SHIFT - 1))) >> OFFSET_SHIFT;
        pcm[i] = (int16_t)kws_sat16((value + (1 << (shift - 1))) >> shift);
    }
    decimator->offset = offset;
    memmove(rate32, rate32 + 2 * samples, LOW_PASS_HISTORY * sizeof rate32[0]);
}

int32_t kws_decimator_init(kws_decimator *decimator, uint32_t gain)
{
    if (decimator == NULL || gain > KWS_DECIMATOR_GREATEST_GAIN) {
        return KWS_ERROR_ARGUMENT;
    }
    /* As if the microphone had been silent, so that the stream begins without a click. */
    static const uint8_t silence[BYTES_PER_SAMPLE] = {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55};
    memset(decimator, 0, sizeof *decimator);
    integrate(decimator, silence, sizeof silence, decimator->rate64);
    memset(decimator->rate64, 0, sizeof decimator->rate64);
    decimator->gain = (uint8_t)gain;
    return KWS_OK;
}

int32_t kws_decimator_process(kws_decimator *decimator, const uint8_t *pdm, size_t bytes, int16_t *pcm, size_t capacity)
{
    if (decimator == NULL || (pdm == NULL && bytes > 0)) {
        return KWS_ERROR_ARGUMENT;
    }
    /* So that the count fits the return value. */
    if (bytes > INT32_MAX) {
        return KWS_ERROR_ARGUMENT;
    }
    size_t left = (decimator->pending_count + bytes) / BYTES_PER_SAMPLE;
    const int32_t samples = (int32_t)left;
    if (left > 0 && pcm == NULL) {
        return KWS_ERROR_ARGUMENT;
    }
    if (left > capacity) {
        return KWS_ERROR_MEMORY;
    }
    if (decimator->pending_count > 0 && left > 0) {
        const size_t missing = BYTES_PER_SAMPLE - (size_t)decimator->pending_count;
        memcpy(decimator->pending + decimator->pending_count, pdm, missing);
        process_block(decimator, decimator->pending, 1, pcm);
        decimator->pending_count = 0;
        pdm += missing;
        bytes -= missing;
        pcm++;
        left--;
    }
    while (left > 0) {
        const uint32_t block = left < BLOCK ? (uint32_t)left : BLOCK;
        process_block(decimator, pdm, block, pcm);
        pdm += (size_t)block * BYTES_PER_SAMPLE;
        bytes -= (size_t)block * BYTES_PER_SAMPLE;
        pcm += block;
        left -= block;
    }
    if (bytes > 0) {
        memcpy(decimator->pending + decimator->pending_count, pdm, bytes);
        decimator->pending_count = (uint8_t)(decimator->pending_count + bytes);
    }
    return samples;
}
