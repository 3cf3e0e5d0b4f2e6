"""Faults of the microfrontend, in both twins."""

from __future__ import annotations

from mutants.mutant import Mutant as M

_FFT = "firmware/src/frontends/fft16.c"
_COMPLEX = "firmware/src/arch/complex16.h"
_MICRO = "firmware/src/frontends/microfrontend.c"
_PY_FFT = "kws/fixedpoint/frontends/fft16.py"
_PY = "kws/fixedpoint/frontends/microfrontend.py"

_FILE = "tests/fixedpoint/frontends/test_microfrontend.py"
_TEST = f"{_FILE}::test_the_original_gives_the_same"
_CORES = "tests/firmware/test_arch.py::test_microfrontend"

MICRO = (
    # ---- C ----
    M("MICRO/1", _FFT, "#define WINDOW_SHIFT 12", "#define WINDOW_SHIFT 11", _TEST),
    M("MICRO/1", _FFT, "pcm[n + 1u] * window[n + 1u]", "pcm[n + 1u] * window[n]", _TEST),
    M("MICRO/1", _FFT, "(low & 12u) + (low & 3u) * 16u", "(low & 3u) * 4u + (low & 12u) * 4u", _TEST),
    M("MICRO/2", _FFT, "(x < 0 ? -x : x) & 0x7FFF", "(x < 0 ? -x : x)", _TEST),
    M("MICRO/2", _FFT, "bits ? kws_leading_zeros(bits) - 17u : 15u", "0u", _TEST),
    M("MICRO/2", _FFT, "bits |= magnitude(re) | magnitude(im);", "bits |= magnitude(re);", _TEST),
    M("MICRO/2", _FFT, "(z << shift & 0xFFFFu)", "(z & 0xFFFFu)", _TEST),
    M("MICRO/3", _FFT, "#define QUARTER 8191", "#define QUARTER 8192", _TEST),
    M("MICRO/3", _FFT, "leg[size] = kws_sub_j16", "leg[size] = kws_add_j16", _TEST),
    M("MICRO/3", _FFT, "twiddles[3u * step * j]", "twiddles[2u * step * j + j]", _TEST),
    M("MICRO/3", _FFT, "stage(z, size, POINTS / 4u / size, twiddles, 0u);", "stage(z, size, 1u, twiddles, 0u);", _TEST),
    M("MICRO/4", _FFT, "#define HALF 16383", "#define HALF 16384", _TEST),
    M("MICRO/4", _FFT, "half_of(x - u, v - y)", "half_of(x - u, y - v)", _TEST),
    M("MICRO/4", _FFT, "low <= high; low++", "low < high; low++", _TEST),
    M("MICRO/4", _FFT, "(uint32_t)(im >> 1) << 16;", "(uint32_t)(im / 2) << 16;", _TEST),
    M("MICRO/3", _COMPLEX, "kws_re16(a) * twiddle[1] + kws_im16", "kws_re16(a) * twiddle[1] - kws_im16", _TEST),
    M("MICRO/3", _COMPLEX, "(kws_im16(a) * factor + KWS_ROUND15) >> 15", "(kws_im16(a) * factor) >> 15", _TEST),
    M("MICRO/3", _COMPLEX, "(re + KWS_ROUND15) >> 15, (im", "re >> 15, (im", _TEST),
    M("MICRO/3", _COMPLEX, 'kws_sub_j16, "ssax"', 'kws_sub_j16, "sasx"', _CORES),
    M("MICRO/3", _COMPLEX, 'kws_imaginary_product16, "smladx"', 'kws_imaginary_product16, "smlad"', _CORES),
    M("MICRO/3", _COMPLEX, "asr #15", "asr #14", _CORES),
    M("MICRO/5", _MICRO, "sum * WEIGHT_ONE - falling;", "sum * WEIGHT_ONE;", _TEST),
    M("MICRO/5", _MICRO, "rising_before + falling, shift", "rising_before, shift", _TEST),
    M("MICRO/6", _MICRO, "!(small && result == 0xFFFFu)", "1", f"{_FILE}::test_root"),
    M("MICRO/6", _MICRO, "rest > result &&", "rest >= result &&", f"{_FILE}::test_root"),
    M("MICRO/6", _MICRO, "kws_root(energy) >> shift", "kws_root(energy)", _TEST),
    M("MICRO/7", _MICRO, "#define EVEN_SMOOTHING 409u", "#define EVEN_SMOOTHING 410u", _TEST),
    M("MICRO/7", _MICRO, "i & 1 ? ODD_SMOOTHING : EVEN_SMOOTHING", "i & 1 ? EVEN_SMOOTHING : ODD_SMOOTHING", _TEST),
    M("MICRO/7", _MICRO, "scaled > b->estimate ? (scaled - b->estimate) >> NOISE_BITS : 0u", "0u", _TEST),
    M(
        "MICRO/7",
        _MICRO,
        "left > least ? left : least",
        "left",
        equivalent="what stays is too little to show (test_what_always_stays_of_a_signal_is_nothing)",
    ),
    M("MICRO/7", _MICRO, "*estimate = b.estimate;", "", _TEST),
    M("MICRO/8", _MICRO, "g[1] * 32) * f", "g[1] * 32)", _TEST),
    M("MICRO/8", _MICRO, "(g[2] * f) >> 5", "0", _TEST),
    M("MICRO/8", _MICRO, "if (estimate <= 2u) {", "if (estimate <= 1u) {", equivalent="at 2 the parabola is its start"),
    M("MICRO/9", _MICRO, "ratio * ratio >> 20", "ratio * ratio >> 19", _TEST),
    M("MICRO/9", _MICRO, "(ratio >> 6) - 64u", "ratio >> 6", _TEST),
    M("MICRO/10", _MICRO, "(rise >> 16)", "(rise >> 9)", _TEST),
    M("MICRO/10", _MICRO, "#define LOG_COEFFICIENT 45426u", "#define LOG_COEFFICIENT 45427u", _TEST),
    M("MICRO/10", _MICRO, "if (x <= 1u) {", "if (x <= 8u) {", _TEST),
    M("MICRO/11", _MICRO, "1612225) >> 30", "1612000) >> 30", f"{_FILE}::test_int8"),
    M("MICRO/11", _MICRO, "value * 256u + 333u", "value * 256u", _TEST),
    M("MICRO reset", _MICRO, "memset(memory, 0, frontend->memory_bytes);", "(void)frontend;", _TEST),
    # ---- NumPy ----
    M("MICRO/2", _PY, "np.where(v == -32768, 0, v)", "v", _TEST),
    M("MICRO/3", _PY_FFT, "32767 // 4, 32767 // 2", "32768 // 4, 32767 // 2", _TEST),
    M("MICRO/3", _PY_FFT, "re * cos - im * sin", "re * cos + im * sin", _TEST),
    M(
        "MICRO/4",
        _PY_FFT,
        "rounded(wrap16(-im[..., points - k]) * HALF)",
        "-rounded(im[..., points - k] * HALF)",
        f"{_FILE}::test_spectrum_of_a_tie",
    ),
    M(
        "MICRO/4",
        _PY_FFT,
        "[a[..., :-1], b[..., ::-1]]",
        "[a, b[..., -2::-1]]",
        equivalent="in the middle they differ at an imaginary part of 16384, and a window's is below 15400",
    ),
    M("MICRO/5", _PY, "ODD_FALLING = {149: 2471, 221: 1401}", "ODD_FALLING = {149: 2471}", _FILE),
    M("MICRO/6", _PY, "r -= r * r > x", "r -= 0", equivalent="below 2^53 a rounded root is never too large"),
    M("MICRO/6", _PY, "(x - r * r > r)", "(x - r * r >= r)", f"{_FILE}::test_root"),
    M("MICRO/7", _PY, "0.025, 0.06, 0.05", "0.025, 0.06, 0.2", _TEST),
    M(
        "MICRO/8",
        _PY,
        "GAIN_STRENGTH, GAIN_OFFSET, GAIN_BITS = 0.95",
        "GAIN_STRENGTH, GAIN_OFFSET, GAIN_BITS = 0.951",
        _TEST,
    ),
    M("MICRO/9", _PY, "(ratio >> 6) - 64)", "(ratio >> 6) - 63)", _TEST),
    M("MICRO/10", _PY, "(fraction & 0x1FF)) >> 16)", "(fraction & 0x1FF)) >> 9)", _TEST),
    M(
        "MICRO reset",
        _PY,
        "super().reset()\n        self._estimate",
        "self._estimate",
        f"{_FILE}::test_any_chunking_and_reset",
    ),
)
