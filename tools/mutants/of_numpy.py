"""Faults of the NumPy twin."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_ARITHMETIC = "kws/fixedpoint/arithmetic.py"
_ACTIVATION = "kws/fixedpoint/activation.py"
_LSTM = "kws/fixedpoint/layers/lstm.py"
_DENSE = "kws/fixedpoint/layers/fully_connected.py"
_SOFTMAX = "kws/fixedpoint/layers/softmax.py"
_LOGISTIC = "kws/fixedpoint/layers/logistic.py"
_NETWORK = "kws/fixedpoint/network.py"
_FRAMES = "kws/fixedpoint/frontends/base.py"
_FFT = "kws/fixedpoint/frontends/fft.py"
_MEL = "kws/fixedpoint/frontends/log_mel.py"
_SPOTTER = "kws/fixedpoint/spotter.py"
_DETECTOR = "kws/fixedpoint/decisions/detector.py"
_DECIMATOR = "kws/fixedpoint/decimator.py"

# Both twins take these constants from the same place: only an implementation of its own sees a fault of theirs.
_SPEC = "tests/spec/test_reference.py"
_TFLM = "numpy,tflm"
_BITS = "tests/fixedpoint/test_decimator.py::test_c_and_any_chunking_give_the_same_samples"
# C has a table that this computes, so that only TFLM can differ.
_OF_THE_TABLE = "tests/layers/test_logistic.py"

NUMPY = (
    # ---- arithmetic ----
    M("RDHM", _ARITHMETIC, "np.minimum((product + 2**30) >> 31, INT32_MAX)", "product >> 31"),
    M(
        "RDHM",
        _ARITHMETIC,
        "(product + 2**30) >> 31, INT32_MAX)",
        "(product + 2**30) >> 31, 2**31)",
        "tests/fixedpoint/test_arithmetic.py",
    ),
    M("RSHIFT", _ARITHMETIC, "(mask >> 1) + (x < 0)", "(mask >> 1)"),
    M("RSHIFT", _ARITHMETIC, "((x & mask) > threshold)", "((x & mask) >= threshold)"),
    M("WRAP", _ARITHMETIC, "(shifted + 2**31) % 2**32 - 2**31", "shifted", "tests/fixedpoint/test_arithmetic.py"),
    M(
        "CLAMP",
        _ARITHMETIC,
        "np.minimum(np.maximum(np.asarray(x, np.int64), low), high)",
        "np.maximum(np.asarray(x, np.int64), low)",
    ),
    M(
        "CLAMP",
        _ARITHMETIC,
        "np.minimum(np.maximum(np.asarray(x, np.int64), low), high)",
        "np.minimum(np.asarray(x, np.int64), high)",
    ),
    M("SAT16", _ARITHMETIC, "return clamp(x, INT16_MIN, INT16_MAX)", "return clamp(x, INT16_MIN + 1, INT16_MAX - 1)"),
    M(
        "SATSHIFT",
        _ARITHMETIC,
        "clamp(np.asarray(x, np.int64) << n, INT32_MIN, INT32_MAX)",
        "np.asarray(x, np.int64) << n",
        f"{_SPEC}::test_activations_everywhere",
    ),
    M("MULTIPLY", _ARITHMETIC, "x = wrap(x, left_shift)", "x = wrap(x)"),
    M("MULTIPLY", _ARITHMETIC, "return rshift(rdhm(x, value), right_shift)", "return rdhm(x, value) >> right_shift"),
    M(
        "FACTOR",
        _ARITHMETIC,
        "math.floor(mantissa * 2.0**31 + 0.5)",
        "math.floor(mantissa * 2.0**31)",
        f"{_SPEC}::test_factors",
    ),
    M("FACTOR", _ARITHMETIC, "if shift > 30:", "if shift > 31:", f"{_SPEC}::test_factors"),
    # ---- activations ----
    M("SIGMOID TABLE", "kws/fixedpoint/sigmoid_table.py", "32768, 33451,", "32768, 33452,"),
    M("SIGMOID/1", _ACTIVATION, "np.int64) * 3  #", "np.int64) * 2  #"),
    M("SIGMOID/2", _ACTIVATION, "(magnitude & 511)", "(magnitude & 255)"),
    M("SIGMOID/2", _ACTIVATION, "magnitude >> 9 >= 255", "magnitude >> 9 >= 128"),
    M("SIGMOID/3", _ACTIVATION, "2**25 - result + 511", "2**25 - result + 512"),
    M("TANH/1", _ACTIVATION, "(x * 3 + (1 << (-shift - 1))) >> -shift", "(x * 3) >> -shift"),
    M("TANH/2", _ACTIVATION, "0xFFFF << 8", "0xFFFE << 8"),
    M("TANH/3", _ACTIVATION, "2**23 + 127", "2**23 + 128"),
    # C's table of softmax is made by this exp: what both share only the oracle sees.
    M("EXP/2", _ACTIVATION, "return 1895147668 +", "return 1899147668 +", _TFLM),
    M("EXP/3", _ACTIVATION, "(1672461947, 1302514674,", "(1672461947, 1306514674,", _TFLM),
    M("EXP/3", _ACTIVATION, "if exponent < integer_bits:", "if exponent < integer_bits - 3:", _TFLM),
    M("RECIP/3", _ACTIVATION, "for _ in range(3):", "for _ in range(1):"),
    M("LOGISTIC", _ACTIVATION, "np.where(a > 0, positive", "np.where(a < 0, positive", _OF_THE_TABLE),
    M("LOGISTIC", _ACTIVATION, "np.where(a == 0, 2**30,", "np.where(a == 0, 2**29,", _OF_THE_TABLE),
    # ---- LSTM ----
    M("LSTM/1", _LSTM, "bias - input_zero_point * w", "bias + input_zero_point * w"),
    M(
        "LSTM/1",
        _LSTM,
        "from_input = sat16(multiply_by(products, *p.input_factors))",
        "from_input = multiply_by(products, *p.input_factors)",
    ),
    M("LSTM/2", _LSTM, "-hidden_zero_point * r", "hidden_zero_point * r"),
    M(
        "LSTM/2",
        _LSTM,
        "recurrent = sat16(multiply_by(products, *p.recurrent_factors))",
        "recurrent = multiply_by(products, *p.recurrent_factors)",
    ),
    M("LSTM/3", _LSTM, "gates = sat16(from_input[:, t] + recurrent)", "gates = (from_input[:, t] + recurrent)"),
    M("LSTM gates", _LSTM, "i, f = sigmoid", "f, i = sigmoid"),
    M("LSTM/4", _LSTM, "g, o = tanh[", "g, o = sigmoid["),
    M(
        "LSTM/5",
        _LSTM,
        "sat16(multiply(f * c, self.keep_factor))",
        "multiply(f * c, self.keep_factor)",
        equivalent="f is below one, so that f * c always fits",
    ),
    M("LSTM/5", _LSTM, "multiply(f * c, self.keep_factor)", "multiply(i * c, self.keep_factor)"),
    M("LSTM/6", _LSTM, "sat16(multiply(i * g, self.add_factor))", "multiply(i * g, self.add_factor)"),
    M("LSTM/7", _LSTM, "c = sat16(kept + added)", "c = (kept + added)"),
    M("LSTM/7", _LSTM, "clamp(c, -self.cell_clip, self.cell_clip)", "clamp(c, -self.cell_clip, INT8_MAX * 256)"),
    M("LSTM/7", _LSTM, "clamp(c, -self.cell_clip, self.cell_clip)", "clamp(c, -self.cell_clip + 1, self.cell_clip)"),
    M("LSTM/8", _LSTM, "wrap(product + self.hidden_zero_point)", "wrap(product)"),
    M("LSTM/8", _LSTM, "tanh_lookup(self.cell_scale_power),", "tanh_lookup(GATE_SCALE_POWER),"),
    M("LSTM state", _LSTM, "h.astype(np.float64) @ p.rec", "hidden[:, 0].astype(np.float64) @ p.rec"),
    M("LSTM state", _LSTM, "cell[:, (t + 1) // rows] = c", "cell[:, (t + 1) // rows] = c - 1"),
    M("RESET", _LSTM, "(self.units,), self.hidden_zero_point)", "(self.units,), 0)", f"{_SPEC}::test_network"),
    M("RESET", _LSTM, "(self.units,), self.hidden_zero_point)", "(self.units,), 0)", _TFLM),
    # ---- other layers ----
    M("FULLY_CONNECTED/1", _DENSE, "- self.input_zero_point * wide", "+ self.input_zero_point * wide"),
    M("FULLY_CONNECTED/1", _DENSE, "products.astype(np.int64) + folded", "products.astype(np.int64)"),
    M("FULLY_CONNECTED/2", _DENSE, "wrap(scaled + self.output_zero_point)", "wrap(scaled)"),
    M("FULLY_CONNECTED/2", _DENSE, "self.activation_min, self.activation_max", "self.activation_min, 127"),
    M("FULLY_CONNECTED/2", _DENSE, "self.activation_min, self.activation_max", "-128, self.activation_max"),
    M("FULLY_CONNECTED/2", _DENSE, "folded, *factors)", "folded, *(f[:1] for f in factors))"),
    M("SOFTMAX/1", _SOFTMAX, "wide.max(axis=-1, keepdims=True)", "wide.max(keepdims=True)"),
    # C's table again.
    M("SOFTMAX/2", _SOFTMAX, "wrap(differences, self.factor.shift)", "wrap(differences, self.factor.shift - 1)", _TFLM),
    M("SOFTMAX/3", _SOFTMAX, "SUM_INTEGER_BITS = 12", "SUM_INTEGER_BITS = 13"),
    M("SOFTMAX/4", _SOFTMAX, "headroom = 32 -", "headroom = 31 -"),
    M("SOFTMAX/6", _SOFTMAX, "headroom + 31 - 8", "headroom + 30 - 8"),
    M(
        "SOFTMAX/6",
        _SOFTMAX,
        "rshift(rdhm(reciprocal, exponential), exponent)",
        "rdhm(reciprocal, exponential) >> exponent",
    ),
    M(
        "SOFTMAX radius",
        _SOFTMAX,
        "((1 << integer_bits) - 1) * 2.0",
        "((1 << integer_bits + 2) - 1) * 2.0",
        "tests/layers/test_softmax.py",
    ),
    M("LOGISTIC/1", _LOGISTIC, "np.int64) - self.input_zero_point", "np.int64)", _OF_THE_TABLE),
    M("LOGISTIC/2", _LOGISTIC, "np.abs(centred) < self.radius", "np.abs(centred) < self.radius // 32", _OF_THE_TABLE),
    M("LOGISTIC/3", _LOGISTIC, "INPUT_INTEGER_BITS), 23)", "INPUT_INTEGER_BITS), 24)", _OF_THE_TABLE),
    M("ROW SLICE", "kws/fixedpoint/layers/row_slice.py", "[..., self.start : self", "[..., self.start - 1 : self"),
    M("STATE", _NETWORK, "[values[:, -1].copy() for", "[values[:, 0].copy() for"),
    # ---- front end ----
    M("FRONT/1", _FRAMES, "pending[:, count * self.hop :].copy()", "pending[:, count * self.hop + 1 :].copy()"),
    M("FRONT/1", _FRAMES, "slice(0, count * self.hop, self.hop)", "slice(0, count * self.hop, self.hop - 1)"),
    M("FRONT/1", _FRAMES, "pending.shape[1] < self.window else", "pending.shape[1] <= self.window else"),
    M("FRONT/2", _MEL, "\nWINDOW_SHIFT = 5", "\nWINDOW_SHIFT = 4"),
    M("FRONT/3", _FFT, "re >> 1, im >> 1", "(re + 1) >> 1, im >> 1"),
    M("FRONT/3", _FFT, "(turned_x * stage.cos + turned_y", "(turned_x * stage.cos - turned_y"),
    M("FRONT/3", _FFT, "tx[..., 0, :] + ty[..., 1, :], ty", "tx[..., 0, :] - ty[..., 1, :], ty"),
    M("FRONT/3", _FFT, "np.where(q >= points, -1, 1)", "np.where(q >= points, 1, 1)"),
    M("FRONT/4", _MEL, "SPECTRUM_BITS = 28", "SPECTRUM_BITS = 27"),
    M("FRONT/4", _MEL, "(re ^ (re >> 63)) |", "re |"),
    M("FRONT/5", _MEL, "(x + mirror_x) >> 1, (y - mirror_y) >> 1", "(x + mirror_x) >> 1, (y + mirror_y) >> 1"),
    M("FRONT/5", _MEL, "+ (1 << (POWER_SHIFT - 1))) >> POWER_SHIFT", ") >> POWER_SHIFT"),
    M("FRONT/6", _MEL, "falling[..., 1:]", "falling[..., :-1]"),
    M("FRONT/6", _MEL, "power * (WEIGHT_ONE - weights)", "power * (WEIGHT_ONE - 1 - weights)"),
    M(
        "FRONT/6",
        _MEL,
        "/ spacing * WEIGHT_ONE).astype",
        "/ spacing * (WEIGHT_ONE - 1)).astype",
        f"{_SPEC}::test_frontend",
    ),
    M("FRONT/7", _MEL, "mantissa & 0x7FF\n", "mantissa & 0x3FF\n"),
    M("FRONT/7", _MEL, "_bit_length(x) - 1\n", "_bit_length(x)\n"),
    M("FRONT/8", _MEL, "np.where(energy == 0, -128,", "np.where(energy == 0, -127,"),
    M("FRONT/8", _MEL, "STEPS_PER_OCTAVE + half)", "STEPS_PER_OCTAVE)"),
    M("FRONT/8", _MEL, "(2 * shift[..., None]", "(shift[..., None]"),
    M(
        "HANN",
        _MEL,
        "0.5 - 0.5 * np.cos(2 * np.pi * (n + 0.5) / window)",
        "0.5 - 0.5 * np.cos(2 * np.pi * n / window)",
        f"{_SPEC}::test_frontend",
    ),
    # ---- spotter and detector ----
    M("RESET", _SPOTTER, "        self._frontend.reset()\n", ""),
    M("RESET", _SPOTTER, "            decision.reset()\n", "            pass\n"),
    M(
        "RESET",
        _FRAMES,
        "np.zeros((self._streams, 0), np.int16)\n\n    def",
        "np.zeros((self._streams, 1), np.int16)\n\n    def",
    ),
    M(
        "DETECT/1",
        _DETECTOR,
        "running[:, average_frames:] - running[:, :-average_frames]",
        "running[:, average_frames:] - running[:, 1 : 1 - average_frames]",
    ),
    M("DETECT/1", _DETECTOR, "astype(np.int16) + 128", "astype(np.int16) + 127"),
    M("DETECT/1", _DETECTOR, "rows[len(posteriors) :].copy()", "rows[: p.average_frames - 1].copy()"),
    M("DETECT/2", _DETECTOR, "elif self._held >= 0 and not reached[self._held, start:end].all():", "elif False:"),
    M("DETECT/2", _DETECTOR, "not reached[self._held, start:end].all()", "not reached[self._held, start:end].any()"),
    M("DETECT/3", _DETECTOR, "t = max(start, self._ready - first_frame)", "t = start"),
    M("DETECT/4", _DETECTOR, "reached = sums >= self._thresholds", "reached = sums > self._thresholds"),
    M("DETECT/4", _DETECTOR, "reached = sums >= self._thresholds", "reached = sums >= self._thresholds.min()"),
    M(
        "DETECT/4",
        _DETECTOR,
        "np.argmax(np.where(reached[:, some], sums[:, some], 0), axis=0)",
        "np.argmax(reached[:, some], axis=0)",
    ),
    M(
        "DETECT/4",
        _DETECTOR,
        "np.argmax(np.where(reached[:, some], sums[:, some], 0), axis=0)",
        "np.argmax(sums[:, some], axis=0)",
    ),
    M(
        "DETECT/4",
        _DETECTOR,
        "np.argmax(np.where(reached[:, some], sums[:, some], 0), axis=0)",
        "len(sums) - 1 - np.argmax(np.where(reached[:, some], sums[:, some], 0)[::-1], axis=0)",
    ),
    M("DETECT/5", _DETECTOR, "if word == self._held:", "if word == self._held and word < 0:"),
    M("DETECT/6", _DETECTOR, "p.first_word + word, int", "word, int"),
    M("DETECT/6", _DETECTOR, "int(sums[word, t])", "int(sums[word, start])"),
    M("DETECT/6", _DETECTOR, "int(sums[word, t])", "int(sums[word, t]) + 1"),
    M("DETECT/6", _DETECTOR, "                self._held = word\n", ""),
    M("DETECT/6", _DETECTOR, "t + p.cooldown_frames + 1", "t + p.cooldown_frames"),
    M("DETECT/6", _DETECTOR, "t + p.cooldown_frames + 1", "t + p.cooldown_frames + 2"),
    M("DETECT frames", _DETECTOR, "self._frame += len(best)", "self._frame = len(best)"),
    M(
        "DETECT reset",
        _DETECTOR,
        "        self._decider = Decider(p)\n",
        '        self._decider = getattr(self, "_decider", Decider(p))\n',
    ),
    M(
        "DETECT reset",
        _DETECTOR,
        "self._window: npt.NDArray[np.int8] = np.full((p.average_frames - 1, p.labels), -128, np.int8)",
        'self._window = getattr(self, "_window", np.full((p.average_frames - 1, p.labels), -128, np.int8))',
    ),
    M(
        "THRESHOLD",
        "kws/decisions/detector.py",
        "-(-round(threshold * 256 * 1000) * average_frames // 1000)",
        "round(threshold * 256 * 1000) * average_frames // 1000",
        f"{_SPEC}::test_detector",
    ),
    # ---- decimator ----
    M("DECIMATE/1", _DECIMATOR, "[1][:] = 2048", "[1][:] = 2047", _BITS),
    M("DECIMATE/3", _DECIMATOR, "(values + 2**14) >> 15", "values >> 15", _BITS),
    M("DECIMATE/4", _DECIMATOR, "2438 7550\n", "2438 7551\n", _BITS),
    M("DECIMATE/5", _DECIMATOR, "(value - offset + 128) >> 8", "(value - offset) >> 8", _BITS),
    M("DECIMATE state", _DECIMATOR, "pdm[whole:].copy()", "pdm[whole + 1 :].copy()", _BITS),
    M(
        "FRONT rows",
        "kws/fixedpoint/frontends/log_mel.py",
        "rows[:, :, :: self.tables.hop]",
        "rows[:, :, : -self.tables.hop : self.tables.hop // 2]",
        "tests/spec/test_reference.py::test_pipeline",
    ),
)
