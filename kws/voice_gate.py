"""The voice gate's settings, and how NumPy and C get them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kws.constants import Array, Constants
from kws.decisions import first_word
from kws.fields import number, require, require_ranges
from kws.fixedpoint.arrays import Int8
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.fixedpoint.posterior import POSTERIOR_ZERO_POINT
from kws.fixedpoint.voice_gate import FLOOR_BITS, VoiceGate, VoiceGateParameters
from kws.frontends import FrontendConfig

KIND = "voice_gate"
"""Its name in C."""
_ONE = 1 << FLOOR_BITS


@dataclass(frozen=True)
class VoiceGateConfig:
    """The network sleeps while nothing rises above the floor of its band (docs/SPEC.md, "Voice gate").

    Attributes:
        on: whether there is a gate. Without one the network is called for every frame.
        margin: what a feature must exceed its floor by to count, in steps of the features (0.6 dB with `log_mel`).
        threshold: mean over the bands of what exceeds floor and margin, in steps, from which on a frame wakes the
            network.
        rise: steps that a floor rises a second, at most.
        fall_shift: a floor falls by 2^-fall_shift of its distance from the feature a frame.
        lowest: the lowest floor, in steps.
        hold_ms: how long the network is awake from a loud frame on, in milliseconds; at least `history_ms`.
        history_ms: how much of what was before a loud frame the network hears, in milliseconds: the onset of a word.
        calls: most calls of the network in a frame, while it catches up with what was before.
        settle_ms: how long the network is awake after a reset, in milliseconds, while the floors come down.
    """

    on: bool = False
    margin: float = number(10.0, 0, 127)
    threshold: float = number(1.5, 0, 127, above=True)
    rise: float = number(3.0, 0, 1000, above=True)
    fall_shift: int = number(3, 0, 8)
    lowest: int = number(-100, -128, 127)
    hold_ms: float = number(600.0, 20, 10_000)
    history_ms: float = number(500.0, 20, 2000)
    calls: int = number(2, 2, 16)
    settle_ms: float = number(2000.0, 20, 60_000)

    def __post_init__(self) -> None:
        require_ranges("gate", self)
        require(
            self.history_ms <= self.hold_ms <= self.settle_ms,
            f"gate.settle_ms = {self.settle_ms:g} must be at least gate.hold_ms = {self.hold_ms:g}, and that must be at"
            f" least gate.history_ms = {self.history_ms:g}: what was before a word is heard while the network is awake",
        )

    def parameters(self, frontend: FrontendConfig) -> VoiceGateParameters:
        """The gate in integers, behind ``frontend``."""
        return VoiceGateParameters(
            margin=round(self.margin * _ONE),
            limit=max(1, round(self.threshold * _ONE * frontend.features)),
            rise=min(max(1, round(self.rise * _ONE * frontend.hop / SAMPLE_RATE)), 0x7FFF),
            fall_shift=self.fall_shift,
            lowest=self.lowest * _ONE,
            hold_frames=frontend.frames_in(self.hold_ms),
            places=frontend.frames_in(self.history_ms),
            calls=self.calls,
            settle_frames=frontend.frames_in(self.settle_ms),
        )

    def twin(self, frontend: FrontendConfig, streams: int = 1) -> VoiceGate:
        """The gate in NumPy, of ``streams`` streams in step, behind ``frontend``."""
        return VoiceGate(self.parameters(frontend), frontend.features, streams)

    def constants(self, frontend: FrontendConfig, labels: Sequence[str]) -> Constants:
        """The gate in C, behind ``frontend``, for a network with these labels."""
        p = self.parameters(frontend)
        return Constants(
            macros={"GATE_PLACES": p.places},
            memory="KWS_VOICE_GATE_BYTES(KWS_MODEL_BANDS, KWS_MODEL_GATE_PLACES)",
            arrays=(Array("int8_t", "asleep", asleep(labels), "KWS_MODEL_OUTPUT_SIZE"),),
            members={
                "limit": p.limit,
                "margin": p.margin,
                "rise": p.rise,
                "lowest": p.lowest,
                "hold_frames": p.hold_frames,
                "settle_frames": p.settle_frames,
                "bands": "KWS_MODEL_BANDS",
                "places": "KWS_MODEL_GATE_PLACES",
                "calls": p.calls,
                "fall_shift": p.fall_shift,
            },
        )

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values; none where there is no gate, so that files stay as they were."""
        return dataclasses.asdict(self) if self.on else {}


def asleep(labels: Sequence[str]) -> Int8:
    """The posteriors of a frame that the network sleeps through, int8 [labels]: silence, where there is a label for it.

    Args:
        labels: the model's; those that are no words come first.
    """
    rows = np.full(len(labels), POSTERIOR_ZERO_POINT, np.int8)
    if first_word(labels) > 0:
        rows[0] = 127
    return rows


def added_ram(gate: VoiceGateConfig, frontend: FrontendConfig) -> int:
    """Bytes of RAM that a spotter with the gate needs on top of one without it."""
    if not gate.on:
        return 0
    state = 3 * np.dtype(np.uint16).itemsize
    floors = frontend.features * np.dtype(np.int16).itemsize
    bytes_ = state + floors + gate.parameters(frontend).places * frontend.features
    return -(-bytes_ // 4) * 4
