/*
 * FRONT/2 and FRONT/3 of docs/SPEC.md. Twin of kws/fixedpoint/frontends/fft.py. Windowing is part of the first
 * stage, which reads its legs in the order that digit reversal would have brought them to
 * (tests/fixedpoint/frontends/test_log_mel_c.py, test_windowed_fft).
 */
#include "fft.h"

#include "../arch/dual.h"
#include "../arch/product.h"
#if KWS_ARCH == KWS_ARCH_HELIUM
#include "../arch/fft_helium.h"
#elif KWS_HAS_DSP
#include "../arch/fft_first_dsp.h"
#endif
#if KWS_HAS_ARMV7M && KWS_ARCH != KWS_ARCH_HELIUM
#include "../arch/fft_armv7m.h"
#endif

#define WINDOW_SHIFT 5
#define RADIX4_POINTS 256u

typedef struct complex32 {
    int32_t x;
    int32_t y;
} complex32;

#if !KWS_HAS_ARMV7M

/* FRONT/3, a leg of a later stage: value times exp(-j angle), halved: the high word of the sum of two Q31 products. */
KWS_INLINE complex32 rotate(complex32 value, const int32_t *twiddle)
{
    const int32_t c = twiddle[0];
    const int32_t s = twiddle[1];
    const complex32 result = {
        (int32_t)((kws_wide_product(value.x, c) + kws_wide_product(value.y, s)) >> 32),
        (int32_t)((kws_wide_product(value.y, c) - kws_wide_product(value.x, s)) >> 32),
    };
    return result;
}

#endif

KWS_INLINE complex32 add(complex32 a, complex32 b)
{
    const complex32 result = {a.x + b.x, a.y + b.y};
    return result;
}

KWS_INLINE complex32 subtract(complex32 a, complex32 b)
{
    const complex32 result = {a.x - b.x, a.y - b.y};
    return result;
}

/* FRONT/2: a pair of samples as z[n]. */
KWS_INLINE complex32 windowed(const int16_t *pcm, const int16_t *window)
{
#if KWS_HAS_DSP
    const uint32_t samples = kws_load_word(pcm);
    const uint32_t weights = kws_load_word(window);
    const complex32 result = {((int16_t)samples * (int16_t)weights) >> WINDOW_SHIFT,
                              ((int16_t)(samples >> 16) * (int16_t)(weights >> 16)) >> WINDOW_SHIFT};
#else
    const complex32 result = {(pcm[0] * window[0]) >> WINDOW_SHIFT, (pcm[1] * window[1]) >> WINDOW_SHIFT};
#endif
    return result;
}

#if !KWS_HAS_DSP

/* FRONT/3, radix 4: out 0 to out 3 from s, t, u and v. */
KWS_INLINE void butterfly(complex32 *to, uint32_t stride, complex32 s, complex32 t, complex32 u, complex32 v)
{
    to[0] = add(s, u);
    to += stride;
    to->x = t.x + v.y;
    to->y = t.y - v.x;
    to += stride;
    *to = subtract(s, u);
    to += stride;
    to->x = t.x - v.y;
    to->y = t.y + v.x;
}

/* Four butterflies; the legs of one are 128 samples apart, those of the next 32 samples on. */
KWS_INLINE void first_block(const int16_t *pcm, const int16_t *window, complex32 *data)
{
    for (complex32 *end = data + 16; data < end; data += 4) {
        const complex32 a = windowed(pcm, window);
        const complex32 b = windowed(pcm + 128, window + 128);
        const complex32 c = windowed(pcm + 256, window + 256);
        const complex32 d = windowed(pcm + 384, window + 384);
        butterfly(data, 1, add(a, c), subtract(a, c), add(b, d), subtract(b, d));
        pcm += 32;
        window += 32;
    }
}

#endif

/* The next number in the order of reversed base-4 digits, the highest of them being that of `digit`. */
static uint32_t next_reversed(uint32_t n, uint32_t digit)
{
    for (; digit > 0 && (n & (3u * digit)) == 3u * digit; digit >>= 2) {
        n -= 3u * digit;
    }
    return n + digit;
}

KWS_NOINLINE void first_stage_radix2(const kws_log_mel *f, const int16_t *pcm, complex32 *data, uint32_t points)
{
    uint32_t n = 0;
    for (complex32 *end = data + points; data < end; data += 2) {
        const complex32 a = windowed(pcm + 2u * n, f->window + 2u * n);
        const complex32 b = windowed(pcm + 2u * n + points, f->window + 2u * n + points);
        data[0] = add(a, b);
        data[1] = subtract(a, b);
        n = next_reversed(n, points / 8u);
    }
}

#if !KWS_HAS_DSP

/* Of 256 points, the only number for which the first stage is of radix 4. */
KWS_NOINLINE void first_stage_radix4(const int16_t *pcm, const int16_t *window, complex32 *data)
{
    uint32_t start = 0;
    for (complex32 *end = data + RADIX4_POINTS; data < end; data += 16) {
        first_block(pcm + 2u * start, window + 2u * start, data);
        start = next_reversed(start, RADIX4_POINTS / 64u);
    }
}

#endif

#if KWS_ARCH == KWS_ARCH_HELIUM

static void later_stage(complex32 *data, uint32_t points, uint32_t size, const int32_t (*twiddles)[2])
{
    kws_fft_stage_lanes(&data->x, points, size, twiddles[0]);
}

#elif KWS_HAS_ARMV7M

KWS_NOINLINE void later_stage(complex32 *data, uint32_t points, uint32_t size, const int32_t (*twiddles)[2])
{
    const kws_fft_stage stage = {&data->x,    &data[size].x,         &data[points].x,   8u * size,
                                 twiddles[0], twiddles[points / 2u], 4u * points / size};
    kws_fft_run_stage(&stage);
}

#else

KWS_NOINLINE void later_stage(complex32 *data, uint32_t points, uint32_t size, const int32_t (*twiddles)[2])
{
    const uint32_t stride = points / (2 * size); /* of the table, for one step of k and leg 1 */
    complex32 *end = data + points;
    for (uint32_t k = 0; k < size; k++) {
        int32_t w[3][2];
        for (uint32_t leg = 0; leg < 3; leg++) {
            /* The table is a quarter of a turn; the second is its mirror image, the third its negative. */
            const uint32_t q = (leg + 1) * k * stride;
            const int32_t *from = twiddles[q <= points / 2u ? q : q <= points ? points - q : q - points];
            w[leg][0] = q <= points / 2u ? from[0] : -from[0];
            w[leg][1] = q <= points ? from[1] : -from[1];
        }
        for (complex32 *a = data + k; a < end; a += 4 * size) {
            const complex32 d = rotate(a[3 * size], w[2]);
            const complex32 b = rotate(a[size], w[0]);
            const complex32 u = add(b, d), v = subtract(b, d);
            const complex32 c = rotate(a[2 * size], w[1]);
            const complex32 half = {a->x >> 1, a->y >> 1};
            butterfly(a, size, add(half, c), subtract(half, c), u, v);
        }
    }
}

#endif

void kws_windowed_fft_512(const kws_log_mel *f, const int16_t *pcm, int32_t *spectrum)
{
    complex32 *data = (complex32 *)(void *)spectrum;
#if KWS_ARCH == KWS_ARCH_DSP
    kws_fft_first_stage(pcm, f->wide_window + f->window_zeros, data, f->wide_window + RADIX4_POINTS - 2u);
#elif KWS_ARCH == KWS_ARCH_HELIUM
    kws_fft_first_stage(pcm, f->window, data);
#else
    first_stage_radix4(pcm, f->window, data);
#endif
#if KWS_HAS_ARMV7M && KWS_ARCH != KWS_ARCH_HELIUM
    kws_fft_run_middle(&data->x, f->twiddles[0]);
    kws_fft_run_last(&data->x, f->twiddles[0]);
#else
    for (uint32_t size = 4; size < RADIX4_POINTS; size *= 4) {
        later_stage(data, RADIX4_POINTS, size, f->twiddles);
    }
#endif
}

void kws_windowed_fft(const kws_log_mel *f, const int16_t *pcm, int32_t *spectrum)
{
    const uint32_t points = f->n_fft / 2u;
    if (points == RADIX4_POINTS) {
        kws_windowed_fft_512(f, pcm, spectrum);
        return;
    }
    complex32 *data = (complex32 *)(void *)spectrum;
    first_stage_radix2(f, pcm, data, points);
    for (uint32_t size = 2; size < points; size *= 4) {
        later_stage(data, points, size, f->twiddles);
    }
}
