/*
 * Sums of products of int8, which the generator has proved to fit int32; the order of the terms does
 * not matter then.
 */
#ifndef KWS_ARCH_DOT_H
#define KWS_ARCH_DOT_H

#include <stdint.h>

#include "dual.h"

static inline int32_t kws_dot(const int8_t *a, const int8_t *b, uint32_t count)
{
    int32_t sum = 0;
#if KWS_ARCH == KWS_ARCH_DSP /* with Helium, what is left of rows that it takes four at a time */
    for (; count >= 4; count -= 4) {
        const uint32_t u = kws_load_word(a);
        const uint32_t v = kws_load_word(b);
        sum = kws_smlad(kws_sxtb16(u), kws_sxtb16(v), sum);
        sum = kws_smlad(kws_sxtb16_odd(u), kws_sxtb16_odd(v), sum);
        a += 4;
        b += 4;
    }
#endif
    for (; count > 0; count--) {
        sum += *a++ * *b++;
    }
    return sum;
}

#endif
