"""The FFT in int32 of front end ``log_mel``.

Twin of ``firmware/src/frontends/fft.c``; specified in docs/SPEC.md, "FFT" (FRONT/3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.arrays import Int64


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        radix: 2 or 4.
        cos: cosines of all legs but the first, in Q0.31, int64 [radix - 1, size] with ``size`` the points of
            a block before the stage; None in the first stage, which turns nothing.
        sin: the sines.
    """

    radix: int
    cos: Int64 | None = None
    sin: Int64 | None = None


def radices(points: int) -> list[int]:
    """Radix of each stage of a complex FFT: a 2 first where a power of four is not enough."""
    bits = points.bit_length() - 1
    return [2] * (bits % 2) + [4] * (bits // 2)


def order(points: int) -> Int64:
    """Digit reversal: which input stands at each place before the first stage, int64 [points]."""
    parts = [np.arange(points)]
    # The last stage splits the input by its lowest digit, so digits are taken from the end.
    for radix in reversed(radices(points)):
        parts = [part[k::radix] for part in parts for k in range(radix)]
    return np.concatenate(parts)


def twiddles(n_fft: int) -> npt.NDArray[np.int32]:
    """(cos, sin) of 2 pi k / n_fft in Q0.31, half a turn: int32 [n_fft / 2, 2]."""
    angles = 2 * np.pi * np.arange(n_fft // 2) / n_fft
    values = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 2.0**31
    return np.clip(np.round(values), -(2**31), 2**31 - 1).astype(np.int32)


def stages(table: npt.NDArray[np.int32]) -> tuple[Stage, ...]:
    """The stages of an FFT of as many points as ``table``, the :func:`twiddles`, has rows."""
    points = len(table)
    cosines, sines = table.astype(np.int64).T
    found: list[Stage] = []
    size = 1
    for radix in radices(points):
        if size == 1:
            found.append(Stage(radix))
        else:
            # exp(-2 pi j leg k / (radix size)); the table covers half a turn, the other half is opposite.
            q = np.arange(1, radix)[:, None] * np.arange(size) * (2 * points // (radix * size))
            sign = np.where(q >= points, -1, 1)
            found.append(Stage(radix, sign * cosines[q % points], sign * sines[q % points]))
        size *= radix
    return tuple(found)


def fft(re: Int64, im: Int64, steps: tuple[Stage, ...]) -> tuple[Int64, Int64]:
    """Complex FFT along the last axis.

    The first stage multiplies by nothing and grows values by its radix; every later one, of radix 4,
    halves what it reads, which the product's high word does by itself.

    Args:
        re: real parts, int64 [..., points], in the order of :func:`order`; 26 bits with sign.
        im: imaginary parts, likewise.
        steps: the :func:`stages` for that many points.

    Returns:
        Real and imaginary parts, int64 [..., points], bins in their natural order: the transform divided
        by 2 for each stage but the first. All values fit 32 bits.
    """
    points = re.shape[-1]
    lead = re.shape[:-1]
    size = 1
    for stage in steps:
        radix = stage.radix
        re = re.reshape(*lead, -1, radix, size)
        im = im.reshape(*lead, -1, radix, size)
        x, y = re, im
        if stage.cos is not None and stage.sin is not None:
            x, y = re >> 1, im >> 1
            turned_x, turned_y = re[..., 1:, :], im[..., 1:, :]
            x[..., 1:, :] = (turned_x * stage.cos + turned_y * stage.sin) >> 32
            y[..., 1:, :] = (turned_y * stage.cos - turned_x * stage.sin) >> 32
        re, im = np.empty_like(x), np.empty_like(y)
        if radix == 2:
            re[..., 0, :], im[..., 0, :] = x[..., 0, :] + x[..., 1, :], y[..., 0, :] + y[..., 1, :]
            re[..., 1, :], im[..., 1, :] = x[..., 0, :] - x[..., 1, :], y[..., 0, :] - y[..., 1, :]
        else:
            # s and u in places 0 and 1, t and v likewise.
            sx, sy = x[..., :2, :] + x[..., 2:, :], y[..., :2, :] + y[..., 2:, :]
            tx, ty = x[..., :2, :] - x[..., 2:, :], y[..., :2, :] - y[..., 2:, :]
            re[..., 0, :], im[..., 0, :] = sx[..., 0, :] + sx[..., 1, :], sy[..., 0, :] + sy[..., 1, :]
            re[..., 1, :], im[..., 1, :] = tx[..., 0, :] + ty[..., 1, :], ty[..., 0, :] - tx[..., 1, :]
            re[..., 2, :], im[..., 2, :] = sx[..., 0, :] - sx[..., 1, :], sy[..., 0, :] - sy[..., 1, :]
            re[..., 3, :], im[..., 3, :] = tx[..., 0, :] - ty[..., 1, :], ty[..., 0, :] + tx[..., 1, :]
        size *= radix
    return re.reshape(*lead, points), im.reshape(*lead, points)
