"""Train LSTMs with weights pruned in blocks: what half of the products cost, against a smaller dense network.

An experiment's trainer stands in for that of `kws train`, whose options it takes; none of it is in the product
(docs/EXPERIMENTS.md, "A frame at half the cost"). Blocks are zeroed by their Euclidean norm within each matrix, a
larger share in every epoch of the first half (Zhu 2017, arXiv:1710.01878); the others go on learning.

    python tools/pruning_experiment.py CONFIG --from MODEL --share 0.5 --block quad --data WORDS --out RUN

Zeros stay zeros in the int8 file, so that `kws convert RUN` and `kws evaluate RUN` need to know nothing of it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from kws import runs
from kws.cli import trainings
from kws.network import FloatNetwork, LstmNetwork
from kws.network.lstm import KerasLstmNetwork
from kws.training import stream_trainer
from kws.training import train as training
from kws.training.batches import ValidationSet
from kws.training.trainer import Metrics
from kws.types import Floats

GATES = 4
BLOCKS = {
    "weight": (1, 1),
    "pair": (2, GATES),
    "quad": (4, GATES),
    "unit": (0, GATES),
}
"""Neighbouring inputs and gates of a unit that fall together; of ``unit``, all that reads its output."""


def strongest(matrix: Floats, share: float, inputs: int, gates: int) -> npt.NDArray[np.bool_]:
    """Which weights stay where a share of the blocks goes.

    Args:
        matrix: float32 [inputs, 4 units], gate by gate.
        share: of the blocks, from 0 to 1; the weakest go.
        inputs: of a block; what does not fill one at the end is a smaller block.
        gates: of a block, 1 or 4.

    Returns:
        bool, of the matrix's shape.
    """
    rows, columns = matrix.shape
    units = columns // GATES
    starts = np.arange(0, rows, inputs)
    power = np.add.reduceat(np.square(matrix, dtype=np.float64), starts, axis=0).reshape(len(starts), GATES, units)
    if gates == GATES:
        power = np.broadcast_to(power.sum(axis=1, keepdims=True), power.shape)
    # A smaller block at the end is judged by the mean of its weights.
    norm = power / np.diff([*starts, rows])[:, None, None]
    blocks = norm[:, :1] if gates == GATES else norm
    going = round(share * blocks.size)
    kept = np.ones(blocks.size, np.bool_)
    kept[np.argsort(blocks, axis=None, kind="stable")[:going]] = False
    of_block = np.broadcast_to(kept.reshape(blocks.shape), norm.shape).reshape(len(starts), columns)
    return np.repeat(of_block, np.diff([*starts, rows]), axis=0)


def narrower(readers: list[Floats], share: float) -> npt.NDArray[np.bool_]:
    """Which units stay of a layer, bool [units]: those that its readers weigh most.

    Args:
        readers: the matrices that read the layer's output, float32 [units, ...].
        share: of the units that go.
    """
    power = sum(np.square(reader, dtype=np.float64).sum(axis=1) for reader in readers)
    kept = np.ones(len(readers[0]), np.bool_)
    kept[np.argsort(power, kind="stable")[: round(share * len(kept))]] = False
    return kept


def masks(network: LstmNetwork, share: float, block: str) -> list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    """Which weights of each LSTM's two matrices stay.

    Args:
        network: the weights.
        share: of the blocks that go.
        block: one of :data:`BLOCKS`.
    """
    inputs, gates = BLOCKS[block]
    if inputs:
        return [
            (strongest(lstm.kernel, share, inputs, gates), strongest(lstm.recurrent, share, inputs, gates))
            for lstm in network.lstms
        ]
    above = [*(lstm.kernel for lstm in network.lstms[1:]), network.kernel]
    stay = [narrower([lstm.recurrent, kernel], share) for lstm, kernel in zip(network.lstms, above, strict=True)]
    below = [np.ones(network.lstms[0].kernel.shape[0], np.bool_), *stay]
    # What a unit that nobody hears computes is of no use, either.
    return [
        (heard[:, None] & np.tile(own, GATES), own[:, None] & np.tile(own, GATES))
        for heard, own in zip(below, stay, strict=False)
    ]


def products(network: FloatNetwork) -> int:
    """Multiplications of a frame in the LSTMs, without those by zero."""
    assert isinstance(network, LstmNetwork)
    return sum(int(np.count_nonzero(m)) for lstm in network.lstms for m in (lstm.kernel, lstm.recurrent))


def pruned(share: float, block: str) -> type[stream_trainer.StreamTrainer]:
    """A trainer that prunes LSTMs as it goes.

    Args:
        share: of the blocks, at the end.
        block: one of :data:`BLOCKS`.
    """

    class PruningTrainer(stream_trainer.StreamTrainer):
        """Blocks that are zeroed at the beginning of an epoch are zeroed after each of its steps."""

        current: KerasLstmNetwork
        average: KerasLstmNetwork

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            layers = zip(self.current.lstms, self.average.lstms, strict=True)
            self._pairs = [(a.weights[:2], b.weights[:2]) for a, b in layers]
            self._masks = [[self._tf.Variable(self._tf.ones_like(v)) for v in pair] for pair, _ in self._pairs]
            self._rising = max(1, self.experiment.training.epochs // 2)
            self._whole = False

        def epoch(self, number: int, progress: Any) -> tuple[float, float]:
            """Learn from every clip once; ``number`` says what share of the blocks is zero."""
            now = share * (1 - (1 - min(number / self._rising, 1)) ** 3)
            self._whole = number >= self._rising
            for mask, found in zip(self._masks, masks(self.current.get(), now, block), strict=True):
                for variable, values in zip(mask, found, strict=True):
                    variable.assign(values.astype(np.float32))
            result = super().epoch(number, progress)
            for (_, average), mask in zip(self._pairs, self._masks, strict=True):
                self._zero(average, mask)
            return result

        def validate(self, clips: ValidationSet) -> Metrics:
            """How the averaged weights do; nothing right while blocks are still to go, lest they be kept."""
            metrics = super().validate(clips)
            return metrics if self._whole else replace(metrics, from_reset=0.0, in_stream=0.0, missed=None)

        def _zero(self, weights: list[Any], mask: list[Any]) -> None:
            for weight, kept in zip(weights, mask, strict=True):
                weight.assign(weight * kept)

        def _train_step(self, *arguments: Any) -> tuple[Any, Any]:
            for (current, _), mask in zip(self._pairs, self._masks, strict=True):
                self._zero(current, mask)
            result = super()._train_step(*arguments)
            for (current, _), mask in zip(self._pairs, self._masks, strict=True):
                self._zero(current, mask)
            return result

    return PruningTrainer


def main() -> None:
    """Train, and say how many products are left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    trainings.add_options(parser, "RUN")
    parser.add_argument("--share", type=float, required=True, help="of the blocks that become zero")
    parser.add_argument("--block", choices=BLOCKS, default="quad", help="what becomes zero together")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN")
    a = parser.parse_args()
    with mock.patch.object(training, "StreamTrainer", pruned(a.share, a.block)):
        history = training.train(
            trainings.experiment(a.config),
            a.data,
            a.out,
            report=lambda epoch, best: print(epoch, "best" if best else "", flush=True),
            options=trainings.train_options(a),
        )
    best = history.best
    print(
        f"{a.out}: {products(runs.load_network(a.out)):,} products a frame,"
        f" {100 * best.validation_accuracy:.2f} % from a reset, {100 * best.stream_accuracy:.2f} % in a stream"
    )


if __name__ == "__main__":
    main()
