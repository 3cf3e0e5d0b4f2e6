#include "frontend.h"

#include "arithmetic.h"
#include "fft.h"

#define WINDOW_SHIFT 5
#define SPECTRUM_BITS 28
#define POWER_SHIFT 27
#define WEIGHT_ONE 32768u
#define STEPS_PER_OCTAVE 5

/* log2(1 + i / 32) in Q0.16 */
static const uint32_t log_table[33] = {
    0,     2909,  5732,  8473,  11136, 13727, 16248, 18704, 21098, 23433, 25711, 27936, 30109, 32234, 34312, 36346, 38336,
    40286, 42196, 44068, 45904, 47705, 49472, 51207, 52911, 54584, 56229, 57845, 59434, 60997, 62534, 64047, 65536,
};

static uint32_t bit_length(uint64_t x)
{
    const uint32_t high = (uint32_t)(x >> 32);
    const uint32_t low = (uint32_t)x;
    return high ? 64u - kws_leading_zeros(high) : low ? 32u - kws_leading_zeros(low) : 0u;
}

/* Windowed samples, paired into complex values, where the FFT's first stage wants them. */
static void load_window(const kws_frontend *f, const int16_t *pcm, int32_t *spectrum)
{
    for (uint32_t n = 0; n < f->n_fft; n += 2) {
        int32_t *place = spectrum + 2u * f->permutation[n / 2];
        place[0] = n < f->window_size ? (pcm[n] * f->window[n]) >> WINDOW_SHIFT : 0;
        place[1] = n + 1 < f->window_size ? (pcm[n + 1] * f->window[n + 1]) >> WINDOW_SHIFT : 0;
    }
}

/* The left shift (right, if negative) that brings the largest component just under 2^28. */
static int32_t normalise(int32_t *spectrum, uint32_t count)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits |= (uint32_t)(spectrum[i] < 0 ? ~spectrum[i] : spectrum[i]);
    }
    const int32_t shift = SPECTRUM_BITS - (int32_t)bit_length(bits);
    for (uint32_t i = 0; i < count; i++) {
        spectrum[i] = shift >= 0 ? kws_shift_left_wrapping(spectrum[i], (uint32_t)shift) : spectrum[i] >> -shift;
    }
    return shift;
}

/* Power of bin k of the real signal's spectrum, from the half-length complex one. */
static uint32_t power(const kws_frontend *f, const int32_t *spectrum, uint32_t k)
{
    const int32_t *z = spectrum + 2 * k;
    const int32_t *mirror = spectrum + 2 * (f->n_fft / 2u - k);
    const int64_t c = f->twiddles[k][0];
    const int64_t s = f->twiddles[k][1];
    const int32_t even_x = (z[0] + mirror[0]) >> 1;
    const int32_t even_y = (z[1] - mirror[1]) >> 1;
    const int32_t odd_x = (z[1] + mirror[1]) >> 1;
    const int32_t odd_y = (mirror[0] - z[0]) >> 1;
    const int64_t x = even_x + (int32_t)((odd_x * c + odd_y * s) >> 31);
    const int64_t y = even_y + (int32_t)((odd_y * c - odd_x * s) >> 31);
    return (uint32_t)((uint64_t)(x * x + y * y + (1 << (POWER_SHIFT - 1))) >> POWER_SHIFT);
}

static int32_t log2_fixed(uint64_t x)
{
    const uint32_t exponent = bit_length(x) - 1;
    const uint32_t mantissa = (uint32_t)(exponent >= 16 ? x >> (exponent - 16) : x << (16 - exponent)) & 0xFFFFu;
    const uint32_t low = log_table[mantissa >> 11];
    const uint32_t high = log_table[(mantissa >> 11) + 1];
    return (int32_t)((exponent << 16) + low + (((high - low) * (mantissa & 0x7FFu)) >> 11));
}

static int8_t quantize(const kws_frontend *f, uint64_t energy, int32_t shift)
{
    if (energy == 0) {
        return INT8_MIN;
    }
    const int32_t log = log2_fixed(energy) - 2 * shift * 65536;
    const int32_t value = ((log - f->log_offset) * STEPS_PER_OCTAVE + (1 << 15)) >> 16;
    return (int8_t)kws_clamp(value, INT8_MIN, INT8_MAX);
}

void kws_log_mel(const kws_frontend *f, const int16_t *pcm, int32_t *spectrum, int8_t *features)
{
    load_window(f, pcm, spectrum);
    kws_fft(spectrum, f->n_fft / 2u, f->twiddles);
    const int32_t shift = normalise(spectrum, f->n_fft);
    uint32_t k = f->first_bin;
    uint64_t rising_before = 0;
    for (uint32_t segment = 0; segment <= f->bands; segment++) {
        uint64_t rising = 0;
        uint64_t falling = 0;
        for (; k < f->segment_ends[segment]; k++) {
            const uint64_t p = power(f, spectrum, k);
            const uint32_t weight = f->weights[k - f->first_bin];
            rising += p * weight;
            falling += p * (WEIGHT_ONE - weight);
        }
        if (segment > 0) {
            features[segment - 1] = quantize(f, rising_before + falling, shift);
        }
        rising_before = rising;
    }
}
