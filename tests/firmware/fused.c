/* Every fused step of src/arch against the specification's steps; prints the first that differs. */
#include <stdio.h>
#include <stdlib.h>

#include "../../firmware/src/arch/lstm_fused.h"

static uint64_t seed = 1;

static int32_t drawn(int32_t low, int32_t high)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int32_t)(low + (int64_t)((seed >> 33) % (uint64_t)((int64_t)high - low + 1)));
}

static void same(const char *what, int64_t a, int64_t b, int32_t plain, int32_t fused)
{
    if (plain != fused) {
        printf("%s of %lld and %lld: %d instead of %d\n", what, (long long)a, (long long)b, (int)fused, (int)plain);
        exit(1);
    }
}

/* Sums of products that end near the borders of both roundings, and any others; a is never negative. */
static void products(uint32_t shift)
{
    const kws_factor factor = {1 << 30, 0, (uint8_t)shift};
    const int32_t half = (int32_t)(1u << shift) + 1;
    for (int32_t n = 0; n < 400000; n++) {
        const int32_t a = n % 5 == 0 ? drawn(0, 3) : drawn(0, 32767);
        const int32_t b = n % 3 == 0 ? drawn(-3, 3) : drawn(-32768, 32767);
        same("product", a, b, kws_multiply(a * b, &factor), kws_scaled_product(a, b, half, shift + 1));
    }
    for (int32_t a = 1; a < 33000; a += a < 300 ? 1 : 977) {
        for (int64_t m = -40; m < 40; m++) {
            /* b such that a * b is close to m + 1/2 steps of the second rounding, and of the first. */
            const int64_t at = ((2 * m + 1) * ((int64_t)1 << shift)) / a;
            for (int64_t b = at - 2; b <= at + 2; b++) {
                if (a <= 32767 && b >= -32768 && b <= 32767) {
                    same("product", a, b, kws_multiply((int32_t)(a * b), &factor),
                         kws_scaled_product(a, (int32_t)b, half, shift + 1));
                }
            }
        }
    }
}

static void updates(int32_t power, int32_t clip)
{
    const kws_lstm lstm = {.cell_scale_power = power, .cell_clip = clip, .add_shift = (uint8_t)(29 + power),
                           .hidden_factor = {1518500250, 0, 20}, .hidden_zero_point = -7};
    const kws_factor keep = {1 << 30, 0, 14}, add = {1 << 30, 0, lstm.add_shift};
    const kws_cell_constants k = kws_cell_constants_of(&lstm);
    for (int32_t n = 0; n < 200000; n++) {
        const int32_t i = drawn(-32768, 32767), f = drawn(-32768, 32767), g = drawn(-32768, 32767), o = drawn(-32768, 32767);
        const int32_t before = n % 4 == 0 ? drawn(-2, 2) : drawn(-32768, 32767);
        int16_t cell = (int16_t)before;
        const int32_t product = kws_cell_update(&k, &cell, i, f, g, o);
        const int32_t kept = kws_sat16(kws_multiply(kws_sigmoid(f) * before, &keep));
        const int32_t added = kws_sat16(kws_multiply(kws_sigmoid(i) * kws_tanh(g, -12), &add));
        int32_t c = kws_sat16(kept + added);
        if (clip > 0) {
            c = kws_clamp(c, -clip, clip);
        }
        same("cell", before, n, c, cell);
        same("output", before, n, kws_sigmoid(o) * kws_tanh(c, power), product);
        same("hidden", before, n, kws_add_zero_point(kws_multiply(product, &lstm.hidden_factor), -7, -128, 127),
             kws_cell_hidden(&lstm, product));
    }
}

int main(void)
{
    const kws_curves curves = kws_curves_of_table();
    for (int32_t x = -32768; x < 32768; x++) {
        same("sigmoid", x, 0, kws_sigmoid(x), kws_fused_sigmoid(&curves, x));
        same("tanh of a gate", x, -12, kws_tanh(x, -12), kws_fused_tanh(&curves, 3 * x));
        for (int32_t power = -24; power <= 0; power++) {
            const kws_lstm lstm = {.cell_scale_power = power};
            const kws_cell_constants k = kws_cell_constants_of(&lstm);
            const int32_t scaled = (x * k.tanh_multiplier + k.tanh_half) >> k.tanh_shift;
            same("tanh of a cell", x, power, kws_tanh(x, power), kws_fused_tanh(&curves, scaled));
        }
    }
    for (uint32_t shift = 5; shift <= 29; shift++) {
        products(shift);
    }
    for (int32_t power = -24; power <= 0; power++) {
        updates(power, 0);
        updates(power, drawn(1, 32767));
    }
    puts("the same");
    return 0;
}
