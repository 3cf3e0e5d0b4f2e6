#include "fft.h"

/* (x, y) times exp(-j angle), halved: the high word of the sum of two Q31 products. */
static inline void rotate(const int32_t *value, const int32_t *twiddle, int32_t *re, int32_t *im)
{
    const int64_t x = value[0];
    const int64_t y = value[1];
    const int64_t c = twiddle[0];
    const int64_t s = twiddle[1];
    *re = (int32_t)((x * c + y * s) >> 32);
    *im = (int32_t)((y * c - x * s) >> 32);
}

static void first_stage_radix2(int32_t *data, uint32_t points)
{
    for (int32_t *p = data; p < data + 2 * points; p += 4) {
        const int32_t ax = p[0], ay = p[1], bx = p[2], by = p[3];
        p[0] = ax + bx;
        p[1] = ay + by;
        p[2] = ax - bx;
        p[3] = ay - by;
    }
}

static inline void butterfly(int32_t *a, int32_t *b, int32_t *c, int32_t *d, const int32_t *legs)
{
    const int32_t sx = legs[0] + legs[4], sy = legs[1] + legs[5];
    const int32_t tx = legs[0] - legs[4], ty = legs[1] - legs[5];
    const int32_t ux = legs[2] + legs[6], uy = legs[3] + legs[7];
    const int32_t vx = legs[2] - legs[6], vy = legs[3] - legs[7];
    a[0] = sx + ux;
    a[1] = sy + uy;
    b[0] = tx + vy;
    b[1] = ty - vx;
    c[0] = sx - ux;
    c[1] = sy - uy;
    d[0] = tx - vy;
    d[1] = ty + vx;
}

static void first_stage_radix4(int32_t *data, uint32_t points)
{
    for (int32_t *p = data; p < data + 2 * points; p += 8) {
        const int32_t legs[8] = {p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]};
        butterfly(p, p + 2, p + 4, p + 6, legs);
    }
}

static void later_stage(int32_t *data, uint32_t points, uint32_t size, const int32_t (*twiddles)[2])
{
    const uint32_t stride = points / (2 * size); /* of the table, for one step of k and leg 1 */
    for (uint32_t k = 0; k < size; k++) {
        int32_t w3[2] = {0, 0};
        const int32_t *w1 = twiddles[k * stride];
        const int32_t *w2 = twiddles[2 * k * stride];
        const uint32_t third = 3 * k * stride;
        /* The table covers half a turn; the other half has the opposite sign. */
        w3[0] = third < points ? twiddles[third][0] : -twiddles[third - points][0];
        w3[1] = third < points ? twiddles[third][1] : -twiddles[third - points][1];
        for (int32_t *a = data + 2 * k; a < data + 2 * points; a += 8 * size) {
            int32_t *b = a + 2 * size, *c = b + 2 * size, *d = c + 2 * size;
            int32_t legs[8];
            legs[0] = a[0] >> 1;
            legs[1] = a[1] >> 1;
            rotate(b, w1, &legs[2], &legs[3]);
            rotate(c, w2, &legs[4], &legs[5]);
            rotate(d, w3, &legs[6], &legs[7]);
            butterfly(a, b, c, d, legs);
        }
    }
}

void kws_fft(int32_t *data, uint32_t points, const int32_t (*twiddles)[2])
{
    uint32_t size = 4;
    if (points & 0xAAAAAAAAu) {
        first_stage_radix2(data, points);
        size = 2;
    } else {
        first_stage_radix4(data, points);
    }
    for (; size < points; size *= 4) {
        later_stage(data, points, size, twiddles);
    }
}
