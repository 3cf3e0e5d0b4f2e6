"""Decision ``ctc_beam``: its settings, and how NumPy and C get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.constants import Array, Constants
from kws.decisions.base import first_word
from kws.decisions.ctc_beam_script import ctc_beam_script
from kws.decisions.detector import threshold_sum
from kws.decisions.script import Script
from kws.decisions.transcription import TranscriptionConfig
from kws.fields import number, require
from kws.fixedpoint.decisions.ctc_beam import LOGS, SUMS, UNIT, BeamParameters, CtcBeam, Node

_MOST_LABELS = _MOST_NODES = 255


@dataclass(frozen=True)
class CtcBeamConfig(TranscriptionConfig):
    """The transcription of a network trained with ``loss = "ctc"`` by prefix beam search (docs/SPEC.md, "Beam search").

    All labels that are no words stand for the blank.

    Attributes:
        threshold: posterior below which no word is begun, 0 to 1.
        width: hypotheses that are kept, 1 to 16.
        patience_frames: frames after which an unchanged best hypothesis decides.
        margin_nats: how much worse than the best a hypothesis may be, in nats.
        sequences: the only ones that are said, each some words with spaces between them; empty where any word may
            follow any other.
    """

    kind: ClassVar[str] = "ctc_beam"

    threshold: float = number(0.05, 0, 1, above=True)
    width: int = number(8, 1, 16)
    patience_frames: int = number(15, 1, 1000)
    margin_nats: float = number(10.0, 0, 100)
    sequences: tuple[str, ...] = ()

    def check(self, labels: Sequence[str]) -> None:
        """Refuse labels without a blank, and sequences of other words than the labels'.

        Raises:
            KwsError: the first label is a word; too many labels; a sequence without words, or of others; too many.
        """
        super().check(labels)
        require(len(labels) <= _MOST_LABELS, f"a decision of kind ctc_beam takes at most {_MOST_LABELS} labels")
        words = labels[first_word(labels) :]
        for sequence in self.sequences:
            said = sequence.split()
            unknown = [word for word in said if word not in words]
            require(bool(said), "detector.sequences has one without words")
            require(not unknown, f"detector.sequences has {unknown[0] if unknown else ''!r}, which is no word to spot")
        self._beginnings(labels)

    def parameters(self, labels: Sequence[str]) -> BeamParameters:
        """The search in integers.

        Raises:
            KwsError: as :meth:`check`.
        """
        self.check(labels)
        return BeamParameters(
            len(labels),
            first_word(labels),
            threshold_sum(self.threshold, 1),
            self.width,
            self.patience_frames,
            round(UNIT * self.margin_nats),
            self._nodes(labels),
        )

    def _beginnings(self, labels: Sequence[str]) -> tuple[set[tuple[int, ...]], list[tuple[int, ...]]]:
        """The sequences as labels, and all that one of them begins with, the shortest first."""
        said = {tuple(labels.index(word) for word in sequence.split()) for sequence in self.sequences}
        found: set[tuple[int, ...]] = {()}
        for sequence in said:
            for length in range(1, len(sequence) + 1):
                found.add(sequence[:length])
                # At once: a model's file may hold any number of words.
                require(
                    len(found) <= _MOST_NODES,
                    "detector.sequences are too many: together they have more than"
                    f" {_MOST_NODES - 1} words to branch at",
                )
        return said, sorted(found, key=lambda s: (len(s), s))

    def _nodes(self, labels: Sequence[str]) -> tuple[Node, ...]:
        """The sequences as a tree, breadth first, so that equal sequences in any order give equal bytes."""
        if not self.sequences:
            return ()
        said, prefixes = self._beginnings(labels)
        place = {prefix: i for i, prefix in enumerate(prefixes)}
        nodes = []
        for prefix in prefixes:
            below = [place[p] for p in prefixes if len(p) == len(prefix) + 1 and p[:-1] == prefix]
            beside = [place[p] for p in prefixes if prefix and p[:-1] == prefix[:-1] and len(p) == len(prefix)]
            later = [i for i in beside if i > place[prefix]]
            label = prefix[-1] if prefix else 0
            nodes.append((label, below[0] if below else 0, later[0] if later else 0, int(prefix in said)))
        return tuple(nodes)

    def twin(self, labels: Sequence[str]) -> CtcBeam:
        """The search in NumPy, of one stream.

        Raises:
            KwsError: as :meth:`check`.
        """
        return CtcBeam(self.parameters(labels))

    def script(self, labels: Sequence[str]) -> Script:
        """Posteriors between which the search has to decide.

        Raises:
            KwsError: as :meth:`check`.
        """
        return ctc_beam_script(self.parameters(labels))

    def constants(self, labels: Sequence[str]) -> Constants:
        """The search in C.

        Raises:
            KwsError: as :meth:`check`.
        """
        p = self.parameters(labels)
        # C has no arrays without elements; what is not there is never read.
        nodes = np.array(p.nodes or [(0, 0, 0, 0)], np.uint8).reshape(-1)
        return Constants(
            macros={"BEAM_WIDTH": p.width, "BEAM_NODES": len(nodes) // 4},
            memory="KWS_CTC_BEAM_BYTES(KWS_MODEL_BEAM_WIDTH)",
            arrays=(
                Array("int8_t", "logs", np.array(LOGS, np.int8), "256u"),
                Array("uint8_t", "sums", np.array(SUMS, np.uint8), "KWS_CTC_SUMS"),
                Array("uint8_t", "nodes", nodes, "KWS_CTC_NODE * KWS_MODEL_BEAM_NODES"),
            ),
            members={
                "labels": "KWS_MODEL_LABELS",
                "patience": p.patience,
                "margin": p.margin,
                "first_word": p.first_word,
                "least": p.least,
                "width": "KWS_MODEL_BEAM_WIDTH",
                "listed": int(bool(p.nodes)),
            },
        )
