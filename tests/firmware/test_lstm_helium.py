"""An LSTM's update in Helium, eight units at a time, and the specification's steps, on an emulated Cortex-M55."""

from __future__ import annotations

import pytest
from conftest import needs
from emulated_program import HeliumProgram

PROGRAM = """
#include "board.h"
#include "layers/lstm.c"

static uint64_t seed = 1;

static int32_t drawn(int32_t low, int32_t high)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int32_t)(low + (int64_t)((seed >> 33) % (uint64_t)((int64_t)high - low + 1)));
}

static void same(const char *what, int32_t expected, int32_t found)
{
    if (expected != found) {
        board_write(what, strlen(what));
        board_exit(1);
    }
}

static void activations(void)
{
    const int16_t *table = kws_sigmoid_table + KWS_SIGMOID_CENTRE;
    int16_t x[8], y[8];
    for (int32_t first = -32768; first < 32768; first += 8) {
        for (int32_t i = 0; i < 8; i++) {
            x[i] = (int16_t)(first + i);
        }
        vst1q_s16(y, kws_lanes_sigmoid(table, vld1q_s16(x)));
        for (int32_t i = 0; i < 8; i++) {
            same("sigmoid", kws_sigmoid(x[i]), y[i]);
        }
        for (int32_t power = -12; power <= -6; power++) {
            vst1q_s16(y, kws_lanes_tanh(table, vld1q_s16(x), 768u << (12 + power)));
            for (int32_t i = 0; i < 8; i++) {
                same("tanh", kws_tanh(x[i], power), y[i]);
            }
        }
    }
}

static void updates(int32_t power, int32_t clip, uint8_t hidden_shift)
{
    const kws_lstm lstm = {.cell_scale_power = power, .cell_clip = clip, .add_shift = (uint8_t)(29 + power),
                           .hidden_factor = {1518500250, 0, hidden_shift}, .hidden_zero_point = -7};
    const kws_factor keep = {1 << 30, 0, 14}, add = {1 << 30, 0, lstm.add_shift};
    int16_t gates[4][8], before[8], cell[8], scratch[8];
    int8_t output[8];
    for (int32_t n = 0; n < 3000; n++) {
        const uint32_t some = n % 8 ? 8 : (uint32_t)drawn(1, 8);
        for (int32_t i = 0; i < 8; i++) {
            for (int32_t gate = 0; gate < 4; gate++) {
                gates[gate][i] = (int16_t)(n % 3 ? drawn(-32768, 32767) : drawn(-9, 9) * 512);
            }
            before[i] = (int16_t)(n % 4 == 0 ? drawn(-2, 2) : n % 4 == 1 ? 1 - drawn(0, 1) * 2 << drawn(0, 14)
                                                                          : drawn(-32768, 32767));
            cell[i] = before[i];
            output[i] = 99;
        }
        kws_lanes_update(&lstm, gates[0], scratch, cell, output, vctp16q(some));
        for (uint32_t i = 0; i < 8; i++) {
            const int32_t kept = kws_sat16(kws_multiply(kws_sigmoid(gates[1][i]) * before[i], &keep));
            const int32_t added = kws_sat16(kws_multiply(kws_sigmoid(gates[0][i]) * kws_tanh(gates[2][i], -12), &add));
            int32_t c = kws_sat16(kept + added);
            c = clip > 0 ? kws_clamp(c, -clip, clip) : c;
            const int32_t h = kws_multiply(kws_sigmoid(gates[3][i]) * kws_tanh(c, power), &lstm.hidden_factor);
            same("cell", i < some ? c : before[i], cell[i]);
            same("h", i < some ? kws_add_zero_point(h, -7, INT8_MIN, INT8_MAX) : 99, output[i]);
        }
    }
}

int main(void)
{
    activations();
    for (int32_t power = -24; power <= 0; power++) {
        updates(power, power % 2 ? 0 : 20000, 23);
        updates(power, power % 3 ? 32767 : 5, 7);
    }
    board_write("the same", 8);
    return 0;
}
"""


@pytest.mark.slow
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_lanes_are_the_specifications_steps(tmp_path):
    program = HeliumProgram(tmp_path, PROGRAM, without=("lstm.c",))
    assert program.run(b"") == b"the same"
