/*
 * The 16-bit sigmoid and tanh of the LSTM's gates: docs/SPEC.md, "Sigmoid, int16" and "Tanh, int16". Twin
 * of kws/fixedpoint/activation.py. Only lstm.c includes this: it holds the table.
 */
#ifndef KWS_SIGMOID_H
#define KWS_SIGMOID_H

#include "arithmetic.h"
#include "sigmoid_table.h"

/* Entry u of the specification's table, 0 to 256. */
static inline int32_t kws_sigmoid_entry(int32_t u)
{
    return kws_sigmoid_table[KWS_SIGMOID_CENTRE + u] + 32768;
}

/* int16 in Q3.12 to int16 in Q0.15. */
static inline int32_t kws_sigmoid(int32_t x)
{
    const int32_t v = 3 * x; /* SIGMOID/1 */
    const int32_t magnitude = v < 0 ? -v : v;
    const int32_t u = magnitude >> 9;
    const int32_t low = kws_sigmoid_entry(u);
    const int32_t t = (low << 9) + (magnitude & 511) * (kws_sigmoid_entry(u + 1) - low); /* SIGMOID/2 */
    return (v >= 0 ? t + 512 : (1 << 25) - t + 511) >> 10;                               /* SIGMOID/3 */
}

/* int16 at scale 2^p to int16 in Q0.15; p is -24 to 0. */
static inline int32_t kws_tanh(int32_t x, int32_t p)
{
    const int32_t d = 12 + p;
    const int32_t v = d >= 0 ? x * (3 << d) : (3 * x + (1 << (-d - 1))) >> -d; /* TANH/1 */
    const int32_t magnitude = v < 0 ? -v : v;
    const int32_t u = magnitude >> 8;
    int32_t t = 65535 << 8; /* TANH/2 */
    if (u < 255) {
        const int32_t low = kws_sigmoid_entry(u);
        t = (low << 8) + (magnitude & 255) * (kws_sigmoid_entry(u + 1) - low);
    }
    return (v >= 0 ? t - (1 << 23) + 128 : (1 << 23) - t + 127) >> 8; /* TANH/3 */
}

#endif
