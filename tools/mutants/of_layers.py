"""Faults of both twins of the layers of images and of several tensors."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_C = "firmware/src/layers"
_NUMPY = "kws/fixedpoint/layers"
_PAIRS = "tests/layers/test_every_pair.py::test_every_pair"
_HALVES = "tests/layers/test_every_pair.py::test_means_that_end_on_a_half"
_GRAPHS = "tests/layers/test_random_layers.py::test_graphs"
_ALONE = "tests/layers/test_random_layers.py::test_alone"

_INT16 = "tests/layers/test_int16.py::test_every_value_in_c"
_WIDE = "tests/layers/test_int16.py::test_every_value"
_STEPS = "tests/layers/test_step_graphs.py::test_random_step_graphs_in_c"
_HANDED = "tests/layers/test_step_graphs.py::test_states_may_be_handed_on"

LAYERS = (
    # ---- C ----
    M("WINDOW", f"{_C}/window.h", "(int32_t)before, 0, 0}", "(int32_t)before + 1, 0, 0}", _GRAPHS),
    M("WINDOW", f"{_C}/window.h", "(int32_t)(taps.first * dilation) < 0", "(int32_t)taps.first < 0", _GRAPHS),
    M("WINDOW", f"{_C}/window.h", "< (int32_t)size) {", "<= (int32_t)size) {", _GRAPHS),
    M("WINDOW", f"{_C}/window.h", "(row * w->dilation_rows)", "(row)", _GRAPHS),
    M("CONV_2D/1", f"{_C}/conv_2d.c", "weights[i] * conv->input_zero_point", "weights[i] * 0", _GRAPHS),
    M("CONV_2D/1", f"{_C}/conv_2d.c", "w->dilation_columns == 1 && ", "", _GRAPHS),
    M("CONV_2D/1", f"{_C}/conv_2d.c", "x + i / all->outputs * depth", "x", _GRAPHS),
    M("CONV_2D/2", f"{_C}/conv_2d.c", "all->per_channel ? i : 0", "0", _GRAPHS),
    M("DEPTHWISE_CONV_2D/1", f"{_C}/depthwise_conv_2d.c", "i / conv->multiplier", "i % conv->window.channels", _GRAPHS),
    M("DEPTHWISE_CONV_2D/1", f"{_C}/depthwise_conv_2d.c", ": conv->input_zero_point)", ": 0)", _GRAPHS),
    M("DEPTHWISE_CONV_2D/2", f"{_C}/depthwise_conv_2d.c", "conv->per_channel ? i : 0", "0", _GRAPHS),
    M("POOL_2D/2", f"{_C}/pool_2d.c", "sum - count / 2", "sum + count / 2", _GRAPHS),
    M("POOL_2D/3", f"{_C}/pool_2d.c", "int32_t greatest = INT8_MIN;", "int32_t greatest = 0;", _GRAPHS),
    M("POOL_2D/4", f"{_C}/pool_2d.c", "kws_clamp(value, pool->activation_min", "kws_clamp(value, INT8_MIN", _GRAPHS),
    M("PAIR", f"{_C}/pair.h", "pair->apart[1][axis] * pair->dims[axis]", "pair->apart[1][axis]", _GRAPHS),
    M("PAIR", f"{_C}/pair.h", "kws_layer_input(layer, number++,", "kws_layer_input(layer, number,", _GRAPHS),
    M("ADD/1", f"{_C}/add.c", "#define LEFT_SHIFT 20", "#define LEFT_SHIFT 19", _GRAPHS),
    M("ADD/2", f"{_C}/add.c", "add->subtract ? a - b", "add->subtract ? b - a", _GRAPHS),
    M("MUL/1", f"{_C}/mul.c", "(*walk.at[1] - pair->zero_points[1])", "(*walk.at[1] - pair->zero_points[0])", _GRAPHS),
    M("MEAN/1", f"{_C}/mean.c", "int32_t sum = mean->offset;", "int32_t sum = 0;", _GRAPHS),
    M("MEAN/1", f"{_C}/mean.c", "x + i * mean->summed[0].apart", "x", _GRAPHS),
    M("MOVE", f"{_C}/move.h", "from += move->source;", "", _GRAPHS),
    M("MOVE", f"{_C}/move.h", "to += move->target;", "", _GRAPHS),
    M("PAD", f"{_C}/pad.c", "(uint8_t)pad->value", "0", _GRAPHS),
    M("CONCATENATION", f"{_C}/concatenation.c", "+ block * size, size", ", size", _GRAPHS),
    M("QUANTIZE/1", f"{_C}/quantize.c", "x[i] - quantize->input_zero_point", "x[i]", _GRAPHS),
    M("QUANTIZE/1", f"{_C}/quantize16.c", "x[1] * 256 + (uint8_t)x[0]", "x[1] * 256 + x[0]", _INT16),
    M("QUANTIZE/2", f"{_C}/quantize16.c", "? kws_sat8(moved) : kws_sat16(moved)", "? moved : kws_sat16(moved)", _INT16),
    M("TANH8/1", f"{_C}/tanh8.c", "[(uint8_t)x[i]]", "[(uint8_t)x[i] / 2u]", _GRAPHS),
    M(
        "TANH8/1",
        "kws/layers/bounded.py",
        "np.arange(256, dtype=np.uint8)",
        "np.arange(256, dtype=np.uint8)[::-1]",
        _GRAPHS,
    ),
    M("HISTORY/2", f"{_C}/history.c", "output + history->new_values, history->kept", "output, history->kept", _GRAPHS),
    M("CARRY/1", f"{_C}/carry.c", "input), carry->size", "input), carry->size / 2u", _STEPS),
    M("SVDF/1", f"{_C}/svdf.c", "svdf->offsets[filter] + kws_dot", "kws_dot", _GRAPHS),
    M("SVDF/2", f"{_C}/svdf.c", "memmove(held, held + 1, ", "memmove(held, held, ", _GRAPHS),
    M("SVDF/3", f"{_C}/svdf.c", "int32_t total = svdf->bias[unit];", "int32_t total = 0;", _GRAPHS),
    # ---- NumPy ----
    M(
        "SVDF factor",
        "kws/layers/svdf.py",
        "np.float32(a.scale) * np.float32(b.scale)",
        "a.scale * b.scale",
        _ALONE,
        equivalent="a double holds the product of two float32 exactly, and NumPy rounds it where it meets a float32",
    ),
    M("SVDF/2", f"{_NUMPY}/svdf.py", "axis=2)[:, :, 1:]", "axis=2)[:, :, :-1]", _ALONE),
    M("CARRY/1", f"{_NUMPY}/carry.py", "kept[:, 1:] = x", "kept[:, :-1] = x", _STEPS),
    M("CARRY order", "kws/fixedpoint/network.py", "if writer < reader:", "if writer <= reader + 99:", _STEPS),
    M("CARRY place", "kws/codegen/memory.py", "tensors[layer.output] = own[0]", "tensors[layer.output] = 0", _STEPS),
    M("CARRY turn", "kws/model/states.py", "        made += free\n", "        made[:0] = free\n", _HANDED),
    M("HISTORY/2", f"{_NUMPY}/history.py", "at + new + np.arange(self.size)", "at + np.arange(self.size)", _ALONE),
    M("WINDOW", f"{_NUMPY}/window.py", "k * d + (o - 1) * s + 1, s)", "k * d + (o - 1) * s + 1, 1)", _ALONE),
    M("CONV_2D/1", f"{_NUMPY}/conv_2d.py", ".astype(np.int64) + self.bias", ".astype(np.int64)", _ALONE),
    M("DEPTHWISE_CONV_2D/1", f"{_NUMPY}/depthwise_conv_2d.py", "np.repeat(view, ", "np.tile(view, ", _ALONE),
    M("QUANTIZE/1", f"{_NUMPY}/quantize16.py", "astype(np.int64) - self.input_zero_point", "astype(np.int64)", _WIDE),
    M("QUANTIZE/2", f"{_NUMPY}/quantize16.py", "wrap(scaled + self", "(scaled + self", _WIDE),
    M("MOVE", f"{_NUMPY}/requantize.py", "wrap(np.asarray(x, np.int64) + zero_point)", "wrap(x)", _ALONE),
    M("POOL_2D/2", f"{_NUMPY}/pool_2d.py", "np.abs(total) + count // 2", "np.abs(total)", _ALONE),
    M("POOL_2D/2", f"{_NUMPY}/pool_2d.py", "self.window.inside()[..., None]", "self.window.taps", _ALONE),
    M("ADD/1", f"{_NUMPY}/pair.py", "LEFT_SHIFT = 20", "LEFT_SHIFT = 3", _PAIRS),
    M("ADD/2", f"{_NUMPY}/pair.py", "a - b if self.subtract", "b - a if self.subtract", _ALONE),
    M("MUL/1", f"{_NUMPY}/pair.py", "multiply(a * b, self.factor)", "multiply(a * a, self.factor)", _ALONE),
    M("MEAN/1", f"{_NUMPY}/mean.py", " - self.count * self.input_zero_point", "", _ALONE),
    M("MEAN factor", f"{_NUMPY}/mean.py", "count.bit_length() - 1", "count.bit_length()", _ALONE),
    M(
        "MEAN factor",
        f"{_NUMPY}/mean.py",
        "(whole.value << bits) // count",
        "(whole.value << bits) // (count + 1)",
        _HALVES,
    ),
    M("QUANTIZE/1", f"{_NUMPY}/requantize.py", "astype(np.int64) - self.input_zero_point", "astype(np.int64)", _ALONE),
    M("TANH8/2", f"{_NUMPY}/tanh8.py", "INT8_MIN, INT8_MAX)  # TANH8/2", "-INT8_MAX, INT8_MAX)  # TANH8/2", _ALONE),
    M(
        "TANH8/3",
        f"{_NUMPY}/tanh8.py",
        "rshift(tanh_q31(q4, INPUT_INTEGER_BITS), 24)",
        "tanh_q31(q4, INPUT_INTEGER_BITS) >> 24",
        _ALONE,
    ),
    M(
        "TANH_Q31/2",
        "kws/fixedpoint/activation.py",
        "_newton(doubled) - 2**29, 2)",
        "_newton(doubled) - 2**29, 1)",
        _ALONE,
    ),
)
