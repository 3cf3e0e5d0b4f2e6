/*
 * TensorFlow Lite Micro's front end: docs/SPEC.md, "Microfrontend". Twin of
 * kws/fixedpoint/frontends/microfrontend.py.
 */
#include "kws/frontends/microfrontend.h"

#include <string.h>

#include "../arithmetic.h"
#include "fft16.h"

#define BANDS KWS_MICROFRONTEND_BANDS
#define WEIGHT_ONE 4096u
#define SMOOTHING_ONE 16384u
#define EVEN_SMOOTHING 409u
#define ODD_SMOOTHING 983u
#define LEAST_REMAINING 819u
#define NOISE_BITS 10
#define GAIN_SHIFT 6
#define LOG_COEFFICIENT 45426u

/* D of MICRO/10: what log2(1 + i / 128) is above i / 128, in Q0.16. */
static const uint16_t log_table[129] = {
    0, 224, 442, 654, 861, 1063, 1259, 1450, 1636, 1817, 1992, 2163, 2329, 2490, 2646, 2797,
    2944, 3087, 3224, 3358, 3487, 3611, 3732, 3848, 3960, 4068, 4172, 4272, 4368, 4460, 4549, 4633,
    4714, 4791, 4864, 4934, 5001, 5063, 5123, 5178, 5231, 5280, 5326, 5368, 5408, 5444, 5477, 5507,
    5533, 5557, 5578, 5595, 5610, 5622, 5631, 5637, 5640, 5641, 5638, 5633, 5626, 5615, 5602, 5586,
    5568, 5547, 5524, 5498, 5470, 5439, 5406, 5370, 5332, 5291, 5249, 5203, 5156, 5106, 5054, 5000,
    4944, 4885, 4825, 4762, 4697, 4630, 4561, 4490, 4416, 4341, 4264, 4184, 4103, 4020, 3935, 3848,
    3759, 3668, 3575, 3481, 3384, 3286, 3186, 3084, 2981, 2875, 2768, 2659, 2549, 2437, 2323, 2207,
    2090, 1971, 1851, 1729, 1605, 1480, 1353, 1224, 1094, 963, 830, 695, 559, 421, 282, 142,
    0,
};

/* What MICRO/6 to MICRO/10 know of a band. */
typedef struct band {
    uint32_t signal;
    uint32_t estimate; /* of the noise */
} band;

KWS_INLINE uint32_t bit_length(uint32_t x)
{
    return x ? 32u - kws_leading_zeros(x) : 0u;
}

/* MICRO/6: a digit at a time. Remainders fit 32 bits because x is below 2^53. */
KWS_NOINLINE uint32_t kws_root(uint64_t x)
{
    const int small = x >> 32 == 0;
    uint32_t result = 0, rest = 0;
    if (x == 0) {
        return 0;
    }
    uint32_t pairs = small ? (bit_length((uint32_t)x) + 1u) / 2u : 16u + (bit_length((uint32_t)(x >> 32)) + 1u) / 2u;
    x <<= 64u - 2u * pairs;
    uint32_t high = (uint32_t)(x >> 32);
    uint32_t low = (uint32_t)x;
    for (uint32_t left = pairs < 16u ? pairs : 16u;;) {
        pairs -= left;
        for (; left > 0; left--) {
            rest = rest << 2 | high >> 30;
            high <<= 2;
            const uint32_t trial = result << 2 | 1u;
            result <<= 1;
            if (rest >= trial) {
                rest -= trial;
                result |= 1u;
            }
        }
        if (pairs == 0) {
            break;
        }
        high = low;
        left = pairs;
    }
    return rest > result && !(small && result == 0xFFFFu) ? result + 1u : result;
}

/* MICRO/7 */
KWS_INLINE void reduce_noise(band *b, uint32_t smoothing)
{
    const uint32_t scaled = b->signal << NOISE_BITS;
    const uint64_t sum = kws_wide_product_u16(scaled, (uint16_t)smoothing) +
                         kws_wide_product_u16(b->estimate, (uint16_t)(SMOOTHING_ONE - smoothing));
    b->estimate = (uint32_t)(sum >> 14);
    const uint32_t left = scaled > b->estimate ? (scaled - b->estimate) >> NOISE_BITS : 0u;
    const uint32_t least = (uint32_t)(kws_wide_product_u16(b->signal, LEAST_REMAINING) >> 14);
    b->signal = left > least ? left : least;
}

/* MICRO/8 */
KWS_INLINE uint32_t gain_of(const int16_t (*gains)[3], uint32_t estimate)
{
    const uint32_t interval = bit_length(estimate);
    const int16_t *g = gains[interval];
    if (estimate <= 2u) {
        return (uint32_t)g[0];
    }
    const int32_t f = (int32_t)((interval < 11u ? estimate << (11u - interval) : estimate >> (interval - 11u)) & 0x3FFu);
    return (uint32_t)(g[0] + (((((g[2] * f) >> 5) + g[1] * 32) * f + (1 << 14)) >> 15));
}

/* MICRO/9 */
KWS_INLINE uint32_t shrunk(uint32_t ratio)
{
    return ratio < 8192u ? ratio * ratio >> 20 : (ratio >> 6) - 64u;
}

/* MICRO/10 */
KWS_INLINE uint32_t logarithm(uint32_t signal)
{
    const uint32_t x = signal << 3;
    if (x <= 1u) {
        return 0;
    }
    const uint32_t zeros = kws_leading_zeros(x);
    /* The leading one goes off the top, and 16 bits of what follows it count. */
    const uint32_t fraction = (x << zeros << 1) >> 16;
    const uint16_t *entry = log_table + (fraction >> 9);
    const int32_t rise = (entry[1] - entry[0]) * (int32_t)(fraction & 0x1FFu);
    const uint32_t log2 = ((31u - zeros) << 16) + fraction + (uint32_t)(entry[0] + (rise >> 16));
    const uint32_t loge = (uint32_t)((kws_wide_product_u16(log2, LOG_COEFFICIENT) + (1u << 15)) >> 16);
    return ((loge << 6) + (1u << 15)) >> 16;
}

/* MICRO/11; a reciprocal in place of the division (tests/fixedpoint/frontends/test_microfrontend.py, test_int8). */
KWS_INLINE int8_t to_int8(uint32_t value)
{
    const int32_t scaled = (int32_t)(kws_wide_product((int32_t)(value * 256u + 333u), 1612225) >> 30);
    return (int8_t)(scaled > 255 ? 127 : scaled - 128);
}

/* MICRO/6 to MICRO/10 for one band's energy. */
KWS_INLINE uint32_t value_of(const kws_microfrontend *f, uint64_t energy, uint32_t shift, uint32_t *estimate,
                             uint32_t smoothing)
{
    band b = {kws_root(energy) >> shift, *estimate};
    reduce_noise(&b, smoothing);
    *estimate = b.estimate;
    const uint32_t gain = gain_of(f->gains, b.estimate);
    return logarithm(shrunk((uint32_t)(kws_wide_product_u16(b.signal, (uint16_t)gain) >> GAIN_SHIFT)));
}

/* From the spectrum to the bands' logarithms, which take the place of its first bins, when those have been read. */
KWS_NOINLINE void values_of_bands(const kws_microfrontend *f, uint32_t *spectrum, uint32_t shift, uint32_t *estimate)
{
    uint32_t *value = spectrum;
    const uint32_t *bin = spectrum + f->first_bin;
    const uint16_t *weight = f->falling;
    const uint16_t *bins_end = f->segment_ends;
    uint64_t rising_before = 0;
    for (int32_t i = -1; i < (int32_t)BANDS; i++) {
        const uint32_t *end = spectrum + *bins_end++;
        uint64_t falling = 0;
        uint64_t sum = 0;
        for (; bin < end; bin++) {
            const int32_t re = (int16_t)*bin, im = (int16_t)(*bin >> 16);
            const uint32_t power = (uint32_t)(re * re + im * im);
            falling += kws_wide_product_u16(power, *weight++);
            sum += power;
        }
        if (i >= 0) {
            /* MICRO/5; the weights of a bin in two bands sum to WEIGHT_ONE. */
            *value++ = value_of(f, rising_before + falling, shift, estimate++, i & 1 ? ODD_SMOOTHING : EVEN_SMOOTHING);
        }
        rising_before = sum * WEIGHT_ONE - falling;
    }
}

void kws_microfrontend_reset(const kws_frontend *frontend, void *memory)
{
    memset(memory, 0, frontend->memory_bytes);
}

void kws_microfrontend_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features)
{
    const kws_microfrontend *f = (const kws_microfrontend *)frontend->constants;
    uint32_t *estimate = (uint32_t *)memory;
    uint32_t *spectrum = estimate + BANDS;
    for (uint32_t row = 0; row < f->rows; row++, pcm += f->step) {
        const uint32_t shift = kws_windowed_fft16(f, pcm, spectrum);
        values_of_bands(f, spectrum, shift, estimate);
        for (uint32_t i = 0; i < BANDS; i++) {
            *features++ = to_int8(spectrum[i]);
        }
    }
}
