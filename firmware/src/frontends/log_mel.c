/*
 * int16 PCM frames to int8 log-mel features: docs/SPEC.md, "Front end". Twin of
 * kws/fixedpoint/frontends/log_mel.py. Where several of SPEC's steps are one here, the test that proves it
 * is named: of tests/fixedpoint/frontends/test_log_mel_c.py, and on every core of tests/firmware/test_arch.py,
 * test_front_end_settings.
 */
#include "kws/frontends/log_mel.h"

#include "../arithmetic.h"
#include "fft.h"
#if KWS_ARCH == KWS_ARCH_HELIUM
#include "../arch/mel_helium.h"
#include "../arch/power_helium.h"
#elif KWS_HAS_ARMV7M
#include "../arch/mel_armv7m.h"
#include "../arch/power_armv7m.h"
#endif

#define SPECTRUM_BITS 28
#define POWER_SHIFT 27
#define STEPS_PER_OCTAVE 5
#define WEIGHT_ONE 32768u

typedef struct log_entry {
    uint16_t value;
    uint16_t rise; /* to the next entry's value */
} log_entry;

/* L of FRONT/7: log2(1 + i / 32) in Q0.16, and what it rises by. */
static const log_entry log_table[32] = {
    {0, 2909},     {2909, 2823},  {5732, 2741},  {8473, 2663},  {11136, 2591}, {13727, 2521}, {16248, 2456},
    {18704, 2394}, {21098, 2335}, {23433, 2278}, {25711, 2225}, {27936, 2173}, {30109, 2125}, {32234, 2078},
    {34312, 2034}, {36346, 1990}, {38336, 1950}, {40286, 1910}, {42196, 1872}, {44068, 1836}, {45904, 1801},
    {47705, 1767}, {49472, 1735}, {51207, 1704}, {52911, 1673}, {54584, 1645}, {56229, 1616}, {57845, 1589},
    {59434, 1563}, {60997, 1537}, {62534, 1513}, {64047, 1489},
};

#if !KWS_HAS_ARMV7M || KWS_ARCH == KWS_ARCH_HELIUM

/* The last line of FRONT/5. */
KWS_INLINE uint32_t power_of(int32_t x, int32_t y)
{
    const int64_t squares = kws_wide_product(x, x) + kws_wide_product(y, y);
    return (uint32_t)((uint64_t)(squares + (1 << (POWER_SHIFT - 1))) >> POWER_SHIFT);
}

/* FRONT/4 and FRONT/5 for one bin, where the shift is to the right or none and halves are lost: a loud frame. */
KWS_INLINE uint32_t power_of_loud(const int32_t *z, const int32_t *mirror, int32_t c, int32_t s, uint32_t shift)
{
    const int32_t zx = z[0] >> shift, zy = z[1] >> shift, mx = mirror[0] >> shift, my = mirror[1] >> shift;
    const int32_t odd_x = (zy + my) >> 1;
    const int32_t odd_y = (mx - zx) >> 1;
    return power_of(((zx + mx) >> 1) + (int32_t)((kws_wide_product(odd_x, c) + kws_wide_product(odd_y, s)) >> 31),
                    ((zy - my) >> 1) + (int32_t)((kws_wide_product(odd_y, c) - kws_wide_product(odd_x, s)) >> 31));
}

static void kws_powers_of_loud_pairs(int32_t *z, int32_t *mirror, const int32_t *twiddle, uint32_t shift)
{
    for (; z <= mirror; z += 2, mirror -= 2, twiddle += 2) {
        const uint32_t power = power_of_loud(z, mirror, twiddle[0], twiddle[1], shift);
        *(uint32_t *)mirror = power_of_loud(mirror, z, -twiddle[0], twiddle[1], shift);
        *(uint32_t *)z = power;
    }
}

#endif

#if !KWS_HAS_ARMV7M

/* m of FRONT/4: OR of x if x >= 0, else ~x. */
static uint32_t kws_used_bits(const int32_t *values, uint32_t count)
{
    uint32_t bits = 0;
    for (const int32_t *end = values + count; values < end; values++) {
        bits |= (uint32_t)(*values ^ kws_sign(*values));
    }
    return bits;
}

/*
 * FRONT/4 and FRONT/5 at once, where the shift is to the left: the powers of bins k and points - k of the real
 * signal's spectrum, from the half-length complex one (test_powers). They share their two values, which they
 * replace: a power lies where its bin's real part was.
 */
KWS_INLINE void powers_of_pair(int32_t *z, int32_t *mirror, const int32_t *twiddle, int32_t shift)
{
    /* A left shift leaves nothing to round: the sums of the mirrored bin are this one's or their negatives. */
    const uint32_t half = (uint32_t)shift - 1u;
    const int32_t even_x = kws_wrap(z[0] + mirror[0], half);
    const int32_t even_y = kws_wrap(z[1] - mirror[1], half);
    const int32_t odd_x = kws_wrap(z[1] + mirror[1], (uint32_t)shift); /* twice the odd part */
    const int32_t odd_y = kws_wrap(mirror[0] - z[0], (uint32_t)shift);
    const int64_t x = kws_wide_product(odd_x, twiddle[0]) + kws_wide_product(odd_y, twiddle[1]);
    const int32_t y = (int32_t)((kws_wide_product(odd_y, twiddle[0]) - kws_wide_product(odd_x, twiddle[1])) >> 32);
    *(uint32_t *)z = power_of(even_x + (int32_t)(x >> 32), even_y + y);
    *(uint32_t *)mirror = power_of(even_x + (int32_t)(-x >> 32), y - even_y);
}

static void kws_powers_of_pairs(int32_t *z, int32_t *mirror, const int32_t *twiddle, int32_t shift)
{
    for (; z <= mirror; z += 2, mirror -= 2, twiddle += 2) {
        powers_of_pair(z, mirror, twiddle, shift);
    }
}

#endif

static int32_t bit_length(uint32_t x)
{
    return x ? 32 - (int32_t)kws_leading_zeros(x) : 0;
}

/* Replaces the spectrum by its bins' powers; returns the shift that normalised it. */
KWS_NOINLINE int32_t power_spectrum(const kws_log_mel *f, int32_t *spectrum)
{
    const uint32_t points = f->n_fft / 2u;
    const uint32_t after_last = f->segment_ends[f->bands];
    /* To the left (to the right, if negative): brings the largest component just under 2^28. */
#if KWS_ARCH == KWS_ARCH_HELIUM
    const uint32_t greatest = kws_greatest(spectrum, f->n_fft);
    const int32_t shift = SPECTRUM_BITS - bit_length(kws_used_bits(spectrum, f->n_fft, greatest));
#else
    const int32_t shift = SPECTRUM_BITS - bit_length(kws_used_bits(spectrum, f->n_fft));
#endif
    uint32_t first = points - after_last + 1u < f->first_bin ? points - after_last + 1u : f->first_bin;
#if KWS_ARCH == KWS_ARCH_HELIUM
    /* Two pairs at a time, up to the one in the middle. One too many lies before, from 1 on. */
    const uint32_t shift_and_twos[2] = {(uint32_t)shift, (points / 2u - first) / 2u + 1u};
    first = points / 2u + 1u - 2u * shift_and_twos[1];
#endif
    const int32_t *twiddle = f->twiddles[first];
    int32_t *mirror = spectrum + 2u * (points - first);
    int32_t *z = spectrum + 2u * first;
#if KWS_ARCH == KWS_ARCH_HELIUM
    if ((shift > 0 ? greatest << shift : greatest >> -shift) <= KWS_LANES_LOUDEST) {
        kws_powers_of_twos(z, mirror, twiddle, shift_and_twos);
    } else {
        kws_normalise(spectrum, f->n_fft, shift);
        kws_powers_of_loud_pairs(z, mirror, twiddle, 0);
    }
#else
    if (shift > 0) {
        kws_powers_of_pairs(z, mirror, twiddle, shift);
    } else {
        kws_powers_of_loud_pairs(z, mirror, twiddle, (uint32_t)-shift);
    }
#endif
    return shift;
}

/*
 * From powers to features: FRONT/6 to FRONT/8. `offset` is what the frame's scale adds to the steps, without
 * the half that rounds.
 */
#if KWS_HAS_ARMV7M

static void mel_bands(const kws_log_mel *f, const int32_t *powers, int32_t offset, int8_t *features)
{
    const kws_mel_pass pass = {(const uint32_t *)powers + 2u * f->first_bin,
                               f->weights,
                               f->segment_ends,
                               f->first_bin,
                               features,
                               features + f->bands,
                               offset,
                               log_table};
    kws_run_mel(&pass);
}

#else

/* FRONT/7, and the product of FRONT/8: STEPS_PER_OCTAVE * log2(x) in Q.16 for x > 0 (test_bands). */
static int32_t steps_of(uint32_t high, uint32_t low)
{
    const uint32_t zeros = kws_leading_zeros(high ? high : low);
    /* The leading one at the top of 32 bits; what follows it is the mantissa, of which 16 bits count. */
    const uint32_t top = high ? high << zeros | low >> 1 >> (31u - zeros) : low << zeros;
    const uint32_t exponent = (high ? 63u : 31u) - zeros;
    const log_entry entry = log_table[top >> 26 & 31u];
    const uint32_t log2 = (exponent << 16) + entry.value + (entry.rise * (top >> 15 & 0x7FFu) >> 11);
    return (int32_t)(log2 * STEPS_PER_OCTAVE);
}

/* FRONT/8, whose sums before the product are after it here, in `offset` (test_bands). */
static int8_t quantize(uint64_t energy, int32_t offset)
{
    const uint32_t high = (uint32_t)(energy >> 32);
    const uint32_t low = (uint32_t)energy;
    if (high == 0 && low == 0) {
        return INT8_MIN;
    }
    return (int8_t)kws_sat8((steps_of(high, low) - offset) >> 16);
}

/* Apart, so that its variables take no stack while the FFT runs. */
KWS_NOINLINE void mel_bands(const kws_log_mel *f, const int32_t *powers, int32_t offset, int8_t *features)
{
    const uint32_t *bin = (const uint32_t *)powers + 2u * f->first_bin;
    const uint16_t *weight = f->weights;
    const uint16_t *bins_end = f->segment_ends;
    uint64_t rising_before = 0;
    for (int32_t band = -1; band < f->bands; band++) {
        const uint32_t *end = (const uint32_t *)powers + 2u * *bins_end++;
        uint64_t rising = 0;
        uint64_t sum = 0;
        for (; bin < end; bin += 2) {
            rising += kws_wide_product_u16(*bin, *weight++);
            sum += *bin;
        }
        if (band >= 0) {
            /* FRONT/6, in one pass: the weights of a bin in two bands sum to WEIGHT_ONE (test_bands). */
            features[band] = quantize(rising_before + sum * WEIGHT_ONE - rising, offset);
        }
        rising_before = rising;
    }
}

#endif

void kws_log_mel_reset(const kws_frontend *frontend, void *memory)
{
    (void)frontend;
    (void)memory;
}

/* The features of a row whose spectrum is there; apart, as it is in two functions. */
KWS_NOINLINE void row_of(const kws_log_mel *f, int32_t *spectrum, int8_t *features)
{
    const int32_t scale = f->log_offset + 2 * power_spectrum(f, spectrum) * 65536;
    mel_bands(f, spectrum, STEPS_PER_OCTAVE * scale - (1 << 15), features);
}

KWS_INLINE void run(const kws_log_mel *f, int32_t *spectrum, const int16_t *pcm, int8_t *features, kws_fft *fft)
{
    for (uint32_t row = 0; row < f->rows; row++, pcm += f->step, features += f->bands) {
        fft(f, pcm, spectrum);
        row_of(f, spectrum, features);
    }
}

void kws_log_mel_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features)
{
    run((const kws_log_mel *)frontend->constants, (int32_t *)memory, pcm, features, kws_windowed_fft);
}

void kws_log_mel_run_512(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features)
{
    run((const kws_log_mel *)frontend->constants, (int32_t *)memory, pcm, features, kws_windowed_fft_512);
}
