"""The FFT in int16 of front end ``microfrontend``.

Twin of ``firmware/src/frontends/fft16.c``; specified in docs/SPEC.md, "FFT in 16 bits" (MICRO/3 and MICRO/4).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int64

QUARTER, HALF = 32767 // 4, 32767 // 2
"""What a stage of radix 4, and the split, multiply by in Q0.15 before they add four, or two, values."""


def wrap16(x: Int64) -> Int64:
    """The low 16 bits, with their sign."""
    return (x & 0xFFFF ^ 0x8000) - 0x8000


def rounded(x: Int64) -> Int64:
    """Of a sum of products in Q0.15, what int16 has of it: halves go up, and it wraps."""
    return wrap16((x + (1 << 14)) >> 15)


def twiddles(points: int) -> npt.NDArray[np.int16]:
    """exp(-2 pi j k / points) in Q0.15, int16 [points, 2] of cosines and minus sines."""
    angles = -2 * np.pi * np.arange(points) / points
    return np.floor(0.5 + 32767 * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.int16)


def split_twiddles(points: int) -> npt.NDArray[np.int16]:
    """exp(-pi j (k / points + 1/2)) in Q0.15 for k = 1 ... points / 2, int16 [points / 2, 2]."""
    angles = -np.pi * (np.arange(1, points // 2 + 1) / points + 0.5)
    return np.floor(0.5 + 32767 * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.int16)


def order(points: int) -> Int64:
    """Digit reversal in base 4: which input stands at each place before the first stage, int64 [points]."""
    parts = [np.arange(points)]
    while len(parts[0]) > 1:
        parts = [part[k::4] for part in parts for k in range(4)]
    return np.concatenate(parts)


def _turned(re: Int64, im: Int64, twiddle: Int64) -> tuple[Int64, Int64]:
    cos, sin = twiddle[..., 0], twiddle[..., 1]
    return rounded(re * cos - im * sin), rounded(re * sin + im * cos)


def fft16(re: Int64, im: Int64, table: npt.NDArray[np.int16]) -> tuple[Int64, Int64]:
    """Complex FFT along the last axis, divided by about its length.

    Args:
        re: real parts, int16 values in int64 [..., points], in the order of :func:`order`; points are a power of 4.
        im: imaginary parts, likewise.
        table: the :func:`twiddles` of that many points.

    Returns:
        Real and imaginary parts, int16 values in int64 [..., points], bins in their natural order. Sums wrap.
    """
    points, lead = re.shape[-1], re.shape[:-1]
    # MICRO/3
    size = 1
    while size < points:
        re, im = (rounded(part * QUARTER).reshape(*lead, -1, 4, size) for part in (re, im))
        legs = np.arange(1, 4)[:, None] * np.arange(size) * (points // (4 * size))
        x, y = _turned(re[..., 1:, :], im[..., 1:, :], table[legs].astype(np.int64))
        sx, sy = wrap16(re[..., 0, :] + x[..., 1, :]), wrap16(im[..., 0, :] + y[..., 1, :])
        dx, dy = wrap16(re[..., 0, :] - x[..., 1, :]), wrap16(im[..., 0, :] - y[..., 1, :])
        px, py = wrap16(x[..., 0, :] + x[..., 2, :]), wrap16(y[..., 0, :] + y[..., 2, :])
        qx, qy = wrap16(x[..., 0, :] - x[..., 2, :]), wrap16(y[..., 0, :] - y[..., 2, :])
        re = wrap16(np.stack([sx + px, dx + qy, sx - px, dx - qy], axis=-2)).reshape(*lead, points)
        im = wrap16(np.stack([sy + py, dy - qx, sy - py, dy + qx], axis=-2)).reshape(*lead, points)
        size *= 4
    return re, im


def split(re: Int64, im: Int64, table: npt.NDArray[np.int16]) -> tuple[Int64, Int64]:
    """The spectrum of a real signal from that of its pairs of samples.

    Args:
        re: real parts, int64 [..., points]: even samples were the pairs' real parts.
        im: imaginary parts, likewise.
        table: the :func:`split_twiddles` of that many points.

    Returns:
        Real and imaginary parts of bins 1 ... points - 1, int64 [..., points - 1], each at least -32767.
    """
    points = re.shape[-1]
    # MICRO/4
    k = np.arange(1, points // 2 + 1)
    ax, ay = rounded(re[..., k] * HALF), rounded(im[..., k] * HALF)
    bx, by = rounded(re[..., points - k] * HALF), rounded(wrap16(-im[..., points - k]) * HALF)
    ex, ey = ax + bx, ay + by
    ox, oy = _turned(ax - bx, ay - by, table.astype(np.int64))
    low = (ex + ox) >> 1, (ey + oy) >> 1
    high = (ex - ox) >> 1, (oy - ey) >> 1
    # The middle bin is the mirror of itself, and what is written last stays.
    x, y = (np.concatenate([a[..., :-1], b[..., ::-1]], axis=-1) for a, b in zip(low, high, strict=True))
    return x, y
