/*
 * MICRO/1 to MICRO/4 of docs/SPEC.md. Twin of kws/fixedpoint/frontends/fft16.py. A complex value is a word, re in
 * its low half. Windowing writes pairs of samples where digit reversal would bring them.
 */
#include "fft16.h"

#include "../arch/complex16.h"
#include "../arithmetic.h"

#define WINDOW_SHIFT 12
#define POINTS (KWS_MICROFRONTEND_N_FFT / 2u)
#define QUARTER 8191
#define HALF 16383

/* |x|; of -32768, which int16 has no counterpart of, 0. */
KWS_INLINE uint32_t magnitude(int32_t x)
{
    return (uint32_t)((x < 0 ? -x : x) & 0x7FFF);
}

/* MICRO/1; returns the OR of all magnitudes, whose leading zeros are those of the largest one. */
KWS_NOINLINE uint32_t windowed(const int16_t *window, const int16_t *pcm, uint32_t *z)
{
    uint32_t bits = 0;
    for (uint32_t low = 0; low < POINTS / 4u; low++) {
        /* Of the digits of a place the last is the first of its pair: 64, then 16, 4 and 1 times them. */
        const uint32_t first = (low >> 4 & 3u) + (low & 12u) + (low & 3u) * 16u;
        for (uint32_t n = 2u * first; n < 2u * POINTS; n += POINTS / 2u) {
            const int32_t re = (pcm[n] * window[n]) >> WINDOW_SHIFT;
            const int32_t im = (pcm[n + 1u] * window[n + 1u]) >> WINDOW_SHIFT;
            bits |= magnitude(re) | magnitude(im);
            *z++ = ((uint32_t)re & 0xFFFFu) | (uint32_t)im << 16;
        }
    }
    return bits;
}

/* Both halves by themselves. */
KWS_INLINE uint32_t shifted(uint32_t z, uint32_t shift)
{
    return (z << shift & 0xFFFFu) | (z & 0xFFFF0000u) << shift;
}

/* MICRO/3: one stage over blocks of 4 * size points, whose twiddles are `step` apart. */
KWS_INLINE void stage(uint32_t *z, uint32_t size, uint32_t step, const int16_t (*twiddles)[2], uint32_t shift)
{
    for (uint32_t j = 0; j < size; j++) {
        const int16_t *one = twiddles[step * j], *two = twiddles[2u * step * j], *three = twiddles[3u * step * j];
        for (uint32_t *leg = z + j; leg < z + POINTS; leg += 4u * size) {
            const uint32_t a = kws_scale16(shifted(leg[0], shift), QUARTER);
            const uint32_t b = kws_turn16(kws_scale16(shifted(leg[size], shift), QUARTER), one);
            const uint32_t c = kws_turn16(kws_scale16(shifted(leg[2u * size], shift), QUARTER), two);
            const uint32_t d = kws_turn16(kws_scale16(shifted(leg[3u * size], shift), QUARTER), three);
            const uint32_t even = kws_add16(a, c), difference = kws_sub16(a, c);
            const uint32_t odd = kws_add16(b, d), across = kws_sub16(b, d);
            leg[0] = kws_add16(even, odd);
            leg[size] = kws_sub_j16(difference, across);
            leg[2u * size] = kws_sub16(even, odd);
            leg[3u * size] = kws_add_j16(difference, across);
        }
    }
}

KWS_NOINLINE void fft(const int16_t (*twiddles)[2], uint32_t *z, uint32_t shift)
{
    stage(z, 1u, 0u, twiddles, shift);
    for (uint32_t size = 4; size < POINTS; size *= 4u) {
        stage(z, size, POINTS / 4u / size, twiddles, 0u);
    }
}

/* Half of a sum that may leave int16, which its half does not. */
KWS_INLINE uint32_t half_of(int32_t re, int32_t im)
{
    return ((uint32_t)(re >> 1) & 0xFFFFu) | (uint32_t)(im >> 1) << 16;
}

/* MICRO/4: the pairs' spectrum becomes that of the samples. */
KWS_NOINLINE void split(const int16_t (*twiddle)[2], uint32_t *z)
{
    for (uint32_t *low = z + 1, *high = z + POINTS - 1u; low <= high; low++, high--, twiddle++) {
        /* The mirrored value's im is negated before it is rounded, and -32768 stays itself. */
        const uint32_t conjugate = (*high & 0xFFFFu) | (0u - (*high >> 16)) << 16;
        const uint32_t a = kws_scale16(*low, HALF);
        const uint32_t b = kws_scale16(conjugate, HALF);
        const uint32_t even = kws_add16(a, b);
        const uint32_t odd = kws_turn16(kws_sub16(a, b), *twiddle);
        const int32_t x = (int16_t)even, y = (int16_t)(even >> 16);
        const int32_t u = (int16_t)odd, v = (int16_t)(odd >> 16);
        *low = half_of(x + u, y + v);
        *high = half_of(x - u, v - y);
    }
}

uint32_t kws_windowed_fft16(const kws_microfrontend *f, const int16_t *pcm, uint32_t *spectrum)
{
    const uint32_t bits = windowed(f->window, pcm, spectrum);
    /* MICRO/2 */
    const uint32_t shift = bits ? kws_leading_zeros(bits) - 17u : 15u;
    fft(f->twiddles, spectrum, shift);
    split(f->split_twiddles, spectrum);
    return shift;
}
