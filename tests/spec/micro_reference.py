"""The microfrontend in plain Python integers, written from docs/SPEC.md alone."""

from __future__ import annotations

import cmath
import math

N, POINTS, BANDS = 480, 256, 40
ODD_WINDOW, ODD_FALLING = {17: 54}, {149: 2471, 221: 1401}


def wrap16(x: int) -> int:
    return (x + 32768) % 65536 - 32768


def round15(x: int) -> int:
    return wrap16((x + 2**14) >> 15)


def q15(angle: float) -> tuple[int, int]:
    z = cmath.exp(1j * angle)
    return math.floor(0.5 + 32767 * z.real), math.floor(0.5 + 32767 * z.imag)


def turn(x: int, y: int, twiddle: tuple[int, int]) -> tuple[int, int]:
    c, s = twiddle
    return round15(x * c - y * s), round15(x * s + y * c)


def mel(hertz: float) -> float:
    return 1127 * math.log1p(hertz / 700)


def gain_point(x: int) -> int:
    return min(32767, math.floor(2**21 * (x / 128 + 80) ** -0.95 + 0.5))


def gain(estimate: int) -> int:
    if estimate <= 2:
        return gain_point(estimate)
    i = estimate.bit_length()
    a = 2 ** (i - 1)
    ga, gb, gc = (gain_point(x) for x in (a, a + a // 2, 2 * a - 1 if i == 32 else 2 * a))
    slope = 4 * (gb - ga) - (gc - ga)
    bend = gc - ga - slope
    f = (estimate << (11 - i) if i < 11 else estimate >> (i - 11)) & 1023
    return ga + ((((bend * f) >> 5) + slope * 32) * f + 2**14 >> 15)


D = [round((math.log2(1 + i / 128) - i / 128) * 65536) for i in range(129)]


def logarithm(signal: int) -> int:
    x = signal * 8 % 2**32
    if x <= 1:
        return 0
    e = x.bit_length() - 1
    f = (x - 2**e) << (16 - e) if e < 16 else (x - 2**e) >> (e - 16)
    i = f >> 9
    log2 = (e << 16) + f + D[i] + ((D[i + 1] - D[i]) * (f & 511) >> 16)
    return ((45426 * log2 + 2**15 >> 16) << 6) + 2**15 >> 16


class MicroFrontend:
    """One stream, frame by frame."""

    def __init__(self) -> None:
        hann = [0.5 - 0.5 * math.cos(2 * math.pi * (n + 0.5) / N) for n in range(N)]
        self.window = [ODD_WINDOW.get(n, math.floor(w * 4096 + 0.5)) for n, w in enumerate(hann)]
        self.twiddles = [q15(-2 * math.pi * k / POINTS) for k in range(POINTS)]
        self.split = [q15(-math.pi * (k / POINTS + 0.5)) for k in range(129)]
        first, last = mel(125), mel(7500)
        edges = [first + (last - first) / 41 * i for i in range(42)]
        self.bins = []  # (bin, segment, falling)
        for k in range(5, 241):
            m = mel(31.25 * k)
            s = max(i for i in range(41) if edges[i] < m)
            weight = math.floor((edges[s + 1] - m) / (edges[1] - edges[0]) * 4096 + 0.5)
            self.bins.append((k, s, ODD_FALLING.get(k, weight)))
        self.estimate = [0] * BANDS

    def spectrum(self, pcm: list[int]) -> tuple[list[tuple[int, int]], int]:
        v = [(p * w) >> 12 for p, w in zip(pcm, self.window, strict=True)]
        shift = 15 - max(abs(x) if x != -32768 else 0 for x in v).bit_length()
        v = [wrap16(x << shift) for x in v] + [0] * 32
        data = [(0, 0)] * POINTS
        for n in range(POINTS):
            digits = [n >> 2 * d & 3 for d in range(4)]
            data[sum(digit << 6 - 2 * d for d, digit in enumerate(digits))] = (v[2 * n], v[2 * n + 1])
        size = 1
        while size < POINTS:
            for base in range(0, POINTS, 4 * size):
                for k in range(size):
                    legs = []
                    for leg in range(4):
                        x, y = (round15(part * 8191) for part in data[base + leg * size + k])
                        legs.append(turn(x, y, self.twiddles[leg * k * 64 // size]) if leg else (x, y))
                    for leg, (x, y) in enumerate(self.butterfly(*legs)):
                        data[base + leg * size + k] = (wrap16(x), wrap16(y))
            size *= 4
        return self.split_real(data), shift

    @staticmethod
    def butterfly(a, b, c, d):
        def add(p, q, sign=1):
            return wrap16(p[0] + sign * q[0]), wrap16(p[1] + sign * q[1])

        s, t, u, v = add(a, c), add(a, c, -1), add(b, d), add(b, d, -1)
        return add(s, u), (t[0] + v[1], t[1] - v[0]), add(s, u, -1), (t[0] - v[1], t[1] + v[0])

    def split_real(self, z: list[tuple[int, int]]) -> list[tuple[int, int]]:
        out = [(0, 0)] * POINTS
        for k in range(1, 129):
            (x, y), (mx, my) = z[k], z[POINTS - k]
            ax, ay = round15(x * 16383), round15(y * 16383)
            bx, by = round15(mx * 16383), round15(wrap16(-my) * 16383)
            ex, ey = ax + bx, ay + by
            ox, oy = turn(ax - bx, ay - by, self.split[k])
            out[k] = (ex + ox) >> 1, (ey + oy) >> 1
            out[POINTS - k] = (ex - ox) >> 1, (oy - ey) >> 1
        assert all(-32767 <= part <= 32767 for pair in out for part in pair)
        return out

    def values(self, pcm: list[int]) -> list[int]:
        """One frame's values before MICRO/11."""
        bins, shift = self.spectrum(pcm)
        energy = [0] * (BANDS + 1)
        for k, s, falling in self.bins:
            power = bins[k][0] ** 2 + bins[k][1] ** 2
            energy[s] += power * (4096 - falling)
            if s > 0:
                energy[s - 1] += power * falling
        return [self.value(b, e, shift) for b, e in enumerate(energy[:BANDS])]

    def value(self, b: int, energy: int, shift: int) -> int:
        assert energy < 2**47
        r = math.isqrt(energy)
        if energy - r * r > r and not (energy < 2**32 and r == 65535):
            r += 1
        signal = r >> shift
        g = 983 if b % 2 else 409
        scaled = signal * 2**10 % 2**32
        self.estimate[b] = (scaled * g + self.estimate[b] * (16384 - g)) >> 14
        left = (scaled - min(self.estimate[b], scaled)) >> 10
        signal = max(left, (signal * 819) >> 14)
        ratio = ((signal * gain(self.estimate[b])) >> 6) % 2**32
        return logarithm(ratio**2 >> 20 if ratio < 8192 else (ratio >> 6) - 64)

    def frame(self, pcm: list[int]) -> list[int]:
        """One frame's features."""
        return [min((value * 256 + 333) // 666 - 128, 127) for value in self.values(pcm)]
