"""Faults to be planted in either twin: what `tools/mutate.py` requires `kws verify` or a test to find."""

from __future__ import annotations

from mutants.mutant import Mutant
from mutants.of_c import C
from mutants.of_cores import CORES
from mutants.of_ctc import CTC
from mutants.of_grammar import GRAMMAR
from mutants.of_layers import LAYERS
from mutants.of_micro import MICRO
from mutants.of_numpy import NUMPY
from mutants.of_spotting import SPOTTING

__all__ = ["ALL", "Mutant"]

ALL: tuple[Mutant, ...] = (*C, *CORES, *CTC, *GRAMMAR, *LAYERS, *MICRO, *NUMPY, *SPOTTING)
