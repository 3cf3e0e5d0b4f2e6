"""Decision ``ctc``: its settings, and how NumPy and C get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from kws.constants import Constants
from kws.decisions.base import first_word
from kws.decisions.ctc_script import ctc_script
from kws.decisions.detector import threshold_sum
from kws.decisions.script import Script
from kws.decisions.transcription import TranscriptionConfig
from kws.fields import number
from kws.fixedpoint.decisions.ctc import Ctc, CtcParameters


@dataclass(frozen=True)
class CtcConfig(TranscriptionConfig):
    """The greedy transcription of a network trained with ``loss = "ctc"`` (docs/SPEC.md, "Transcription").

    The first label stands for the blank. Repeats are collapsed, then what is no word is dropped.

    Attributes:
        threshold: posterior below which a frame says nothing, 0 to 1.
    """

    kind: ClassVar[str] = "ctc"

    threshold: float = number(0.3, 0, 1, above=True)

    def parameters(self, labels: Sequence[str]) -> CtcParameters:
        """The transcription in integers.

        Raises:
            KwsError: as :meth:`check`.
        """
        self.check(labels)
        return CtcParameters(len(labels), first_word(labels), threshold_sum(self.threshold, 1))

    def twin(self, labels: Sequence[str]) -> Ctc:
        """The transcription in NumPy, of one stream.

        Raises:
            KwsError: as :meth:`check`.
        """
        return Ctc(self.parameters(labels))

    def script(self, labels: Sequence[str]) -> Script:
        """Posteriors around the threshold, and of symbols that follow each other.

        Raises:
            KwsError: as :meth:`check`.
        """
        return ctc_script(self.parameters(labels))

    def constants(self, labels: Sequence[str]) -> Constants:
        """The transcription in C.

        Raises:
            KwsError: as :meth:`check`.
        """
        p = self.parameters(labels)
        return Constants(
            macros={},
            memory="KWS_SIZEOF(kws_ctc_state)",
            members={"labels": "KWS_MODEL_LABELS", "first_word": p.first_word, "least": p.least},
        )
