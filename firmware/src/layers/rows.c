/* Rows of weights with the DSP extension and with Helium. */
#include "rows.h"

#if KWS_ARCH == KWS_ARCH_DSP
#include "../arch/packed_dsp.h"
#include "../arch/requantize_dsp.h"
#elif KWS_ARCH == KWS_ARCH_HELIUM
#include "../arch/lanes_helium.h"
#include "../arch/requantize_helium.h"
#endif

#if KWS_HAS_DSP

void kws_rows_next(kws_rows *rows)
{
#if KWS_ARCH == KWS_ARCH_DSP
    if (rows->packed_weights != NULL) {
        const uint32_t fours = (rows->outputs + 3u) / 4u;
        rows->packed_weights += kws_packed_words(rows->inputs) * fours;
        rows->packed_factors += rows->per_channel ? 4u * fours : 0;
        return;
    }
#endif
    rows->weights += (uint32_t)rows->inputs * rows->outputs;
    rows->bias += rows->outputs;
    rows->factors += rows->per_channel ? rows->outputs : 0;
}

#endif

#if KWS_ARCH == KWS_ARCH_DSP

void kws_rows_run(const kws_rows *rows, void *scratch, const int8_t *x, int8_t *output)
{
    if (rows->packed_weights == NULL) {
        kws_rows_rest(rows, x, output, 0);
        return;
    }
    const kws_dsp_factor *factor = rows->packed_factors;
    const uint32_t step = rows->per_channel;
    const int32_t zero_point = rows->output_zero_point;
    const uint32_t low = 0x01010101u * (uint8_t)rows->activation_min;
    const uint32_t high = 0x01010101u * (uint8_t)rows->activation_max;
    kws_packed_pass pass;
    kws_packed_start(&pass, rows->packed_weights, (const uint32_t *)scratch, rows->inputs);
    kws_widen((uint32_t *)scratch, x, rows->inputs);
    for (uint32_t left = rows->outputs;; left -= 4u) {
        kws_packed_products(&pass); /* FULLY_CONNECTED/1, CONV_2D/1 */
        const int32_t *a = pass.parts[0].sums;
        /* FULLY_CONNECTED/2, CONV_2D/2 */
        uint32_t word = kws_dsp_byte((a[0] - a[1]) >> 8, factor, zero_point);
        factor += step;
        word |= kws_dsp_byte(a[1], factor, zero_point) << 8;
        factor += step;
        word |= kws_dsp_byte((a[2] - a[3]) >> 8, factor, zero_point) << 16;
        factor += step;
        word |= kws_dsp_byte(a[3], factor, zero_point) << 24;
        factor += step;
        word = kws_clamp_bytes(word, low, high);
        if (left <= 4u) {
            for (; left > 0; left--, word >>= 8) {
                *output++ = (int8_t)word;
            }
            return;
        }
        __builtin_memcpy(output, &word, sizeof word);
        output += 4;
    }
}

#elif KWS_ARCH == KWS_ARCH_HELIUM

void kws_rows_run(const kws_rows *rows, void *scratch, const int8_t *x, int8_t *output)
{
    kws_lane_part part = {rows->bias, rows->weights, x, rows->inputs};
    const kws_lanes_output lanes = kws_lanes_output_of(rows->per_channel, rows->output_zero_point,
                                                       rows->activation_min, rows->activation_max);
    const kws_factor *factor = rows->factors;
    uint32_t i = 0;
    (void)scratch;
    for (; i + KWS_LANE_ROWS <= rows->outputs; i += KWS_LANE_ROWS) {
        int32_t sums[KWS_LANE_ROWS];
        kws_lane_sums(&part, sums); /* FULLY_CONNECTED/1, CONV_2D/1 */
        kws_lanes_requantize(vld1q_s32(sums), factor, &lanes, output + i); /* FULLY_CONNECTED/2, CONV_2D/2 */
        factor += rows->per_channel ? KWS_LANE_ROWS : 0;
    }
    kws_rows_rest(rows, x, output, i);
}

#else

typedef int kws_rows_are_in_the_header; /* an empty file is none in C */

#endif
