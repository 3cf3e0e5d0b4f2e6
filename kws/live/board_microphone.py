"""The microphone of a board that runs the ``link`` app, heard over its serial line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType

import numpy as np
import numpy.typing as npt

from kws.boards.serial_port import SerialStream
from kws.config import SAMPLE_RATE
from kws.engines.base import Engine, Output
from kws.engines.link_connection import BLOCK_SAMPLES, LISTEN_BAUD, Block, Connection
from kws.engines.link_message import PAYLOAD_BYTES, Stream, Type
from kws.engines.serial_engine import PREFIX, parse
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import Model
from kws.types import Int8, Pcm

BAUD = 1_000_000
"""Bits a second unless told otherwise: the firmware's own 115,200 are too slow for samples."""
_SLOW_BAUD = 115_200
_TIMEOUT = 3.0


def port_and_baud(text: str) -> tuple[str, int]:
    """Of ``PORT`` or ``PORT@BAUD``.

    Raises:
        UsageError: no port, or no baud rate.
        KwsError: at that rate samples do not get through.
    """
    port, baud = parse(f"{PREFIX}{text}")
    baud = baud if "@" in text else BAUD
    if baud < LISTEN_BAUD:
        raise KwsError(
            f"16,000 samples a second of 16 bits take more than {LISTEN_BAUD} bits a second, and the serial line has"
            f" {baud}; build and flash the link app with --baud {BAUD} and say {port}@{BAUD}"
        )
    return port, baud


class BoardMicrophone(Iterator[Pcm]):
    """What a board's microphone hears, as an endless iterator of int16 ``[samples]`` at 16 kHz.

    Where a block got lost on the line there is silence as long, so that times stay right; what the board itself lost
    is missing without a trace in the samples. Both are counted. Close it, or use it in a ``with`` block.

    Attributes:
        name: what it is called in messages.
        missing: blocks of 10 ms lost on the line.
        overruns: blocks that the board lost because it was too slow.
        model_id: of the board's model.
    """

    sample_rate = SAMPLE_RATE
    channels = 1

    def __init__(self, stream: Stream, samples: int, name: str, model: Model | None = None) -> None:
        """Connect; the board listens from the first sample on that is asked for.

        Args:
            stream: to the board; owned from now on.
            samples: samples an array, made up to whole blocks of 10 ms.
            name: of the port.
            model: the model that the board must have; None for any.

        Raises:
            KwsError: nothing answers, the board has another model, or none that hears.
        """
        self.name = f"the board at {name}"
        self.missing = self.overruns = 0
        self._blocks_a_chunk = max(1, -(-samples // BLOCK_SAMPLES))
        self._outputs: deque[Output] = deque()
        self._connection = Connection(stream, _TIMEOUT, "serial", lambda: f" (on {name})")
        self._stream: Iterator[Block] | None = None
        try:
            identity = self._connection.identify()
            if model is not None and identity.model_id != model.id:
                raise KwsError(
                    f"the board runs the model {identity.model_id}, but {model.source} is {model.id};"
                    " build and flash the link app with this model"
                )
        except BaseException:
            self._connection.close()
            raise
        self.model_id, self._labels = identity.model_id, identity.labels

    @property
    def lost(self) -> int:
        """All blocks that are lost, wherever."""
        return self.missing + self.overruns

    @property
    def overflows(self) -> int:
        """The same, as a :class:`kws.microphone.Microphone` calls it."""
        return self.lost

    def __next__(self) -> Pcm:
        if self._stream is None:
            # Frames are counted from here on.
            self._connection.request(Type.RESET)
            self._stream = self._connection.listen(self._labels)
        parts: list[Pcm] = []
        posteriors: list[Int8] = []
        detections: list[Detection] = []
        for _ in range(self._blocks_a_chunk):
            block = next(self._stream, None)
            if block is None:
                break
            self.missing += block.missing
            self.overruns = block.overruns
            # A line that comes back after a while is not worth more than a second of silence.
            parts += [np.zeros(min(block.missing, 100) * BLOCK_SAMPLES, np.int16), block.pcm]
            posteriors += block.posteriors
            detections += block.detections
        if not parts:
            raise StopIteration
        rows = np.array(posteriors, np.int8).reshape(-1, self._labels)
        self._outputs.append(Output(None, {}, {}, rows, detections))
        return np.concatenate(parts)

    def __enter__(self) -> BoardMicrophone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and give the port back."""
        try:
            self.forget()
        except (KwsError, OSError):
            # It went away; whoever listens has been told.
            pass
        finally:
            self._connection.close()

    def forget(self) -> None:
        """Leave out what was heard and not yet taken; the board listens anew when asked for more."""
        stream, self._stream = self._stream, None
        self._outputs.clear()
        if stream is not None:
            stream.close()  # type: ignore[attr-defined]

    def every_channel(self) -> Iterator[npt.NDArray[np.int16]]:
        """The same as int16 ``[samples, 1]``."""
        for chunk in self:
            self._outputs.clear()
            yield chunk[:, None]

    def output(self) -> Output:
        """What the board made of the oldest chunk that was not asked about yet."""
        return self._outputs.popleft()


class BoardEar(Engine):
    """The board's own posteriors and detections of what its microphone hears, as an engine.

    Its samples are those of the microphone, chunk by chunk, and of nothing else.
    """

    name = "serial"

    def __init__(self, output: Callable[[], Output], model: Model) -> None:
        """Of a board.

        Args:
            output: gives what the board made of the oldest chunk that was not asked about yet.
            model: the board's.
        """
        self._output = output
        self._frontend = model.require_info().frontend.twin()

    def reset(self) -> None:
        """Nothing: a board is reset when it begins to listen."""

    def process(self, pcm: Pcm) -> Output:
        """What the board made of the chunk; features are the harness's, which hears the same samples."""
        output = self._output()
        output.features = self._frontend.process(pcm[None])[0]
        return output

    def run_network(self, x: Int8) -> Output:
        """Refused.

        Raises:
            KwsError: always.
        """
        raise KwsError("a board that listens to its microphone runs nothing else; use the engine serial:PORT")

    def decide(self, posteriors: Int8) -> list[Detection]:
        """Refused, likewise."""
        raise KwsError("a board that listens to its microphone decides nothing else; use the engine serial:PORT")

    def open(self, frames: int) -> None:
        """Refused, likewise."""
        raise KwsError("a board that listens to its microphone takes no request; use the engine serial:PORT")


def open_board(text: str, samples: int, model: Model | None = None) -> BoardMicrophone:
    """Open the microphone of the board at ``PORT`` or ``PORT@BAUD``.

    Raises:
        KwsError: no such port; a line that is too slow; nothing answers; another model.
    """
    port, baud = port_and_baud(text)
    return _open(port, baud, samples, model)


def _open(port: str, baud: int, samples: int, model: Model | None) -> BoardMicrophone:
    def connect(rate: int) -> BoardMicrophone:
        stream = SerialStream(port, rate)
        # Completes whatever message an earlier session may have left unfinished.
        stream.write(bytes(PAYLOAD_BYTES + 8))
        return BoardMicrophone(stream, samples, f"{port}, {rate} baud", model)

    try:
        return connect(baud)
    except KwsError:
        if _answers(connect, _SLOW_BAUD):
            raise KwsError(
                f"the board at {port} was built for {_SLOW_BAUD} baud, which is too slow for 16,000 samples a second;"
                f" build and flash the link app with --baud {BAUD}"
            ) from None
        raise


def _answers(connect: Callable[[int], BoardMicrophone], rate: int) -> bool:
    try:
        connect(rate).close()
    except (KwsError, OSError):
        return False
    return True
