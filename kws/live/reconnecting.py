"""A microphone that may be unplugged while it is listened to, and plugged in again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from types import TracebackType

import numpy as np

from kws.config import SAMPLE_RATE
from kws.engines.base import Output
from kws.errors import KwsError
from kws.live.board_microphone import BoardMicrophone
from kws.microphone import Microphone
from kws.types import Pcm

AnyMicrophone = Microphone | BoardMicrophone

WAIT_SECONDS = 60.0
"""How long a microphone is waited for unless told otherwise."""
_RETRY_SECONDS = 0.5
# What was said before the gap and what is said after it are no one word.
_SILENCE_SECONDS = 1.0


class Reconnecting(Iterator[Pcm]):
    """Chunks of a microphone, over plugging and unplugging; use it in a ``with`` block.

    While it is gone it is tried again and again. When it is back, a second of silence comes first, so that a word is
    never made of two halves; a board begins anew, and its samples are its own.

    Attributes:
        gone: how often it went away and came back.
        gone_seconds: how long nothing was heard, all in all.
    """

    def __init__(
        self,
        open_again: Callable[[], AnyMicrophone],
        wait: float = WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open it.

        Args:
            open_again: opens the microphone, each time anew.
            wait: seconds to wait for one that went away; 0 for none.
            clock: seconds that go on.
            sleep: waits so many seconds.

        Raises:
            KwsError: it cannot be opened now.
        """
        self._open_again, self._wait, self._clock, self._sleep = open_again, wait, clock, sleep
        self.gone, self.gone_seconds = 0, 0.0
        self._told: Callable[[str], None] = lambda text: None
        self._before = 0
        self._last: float | None = None
        self._take(open_again())

    def tell(self, told: Callable[[str], None]) -> None:
        """Call ``told`` with a sentence when it goes away and when it is back."""
        self._told = told

    @property
    def current(self) -> AnyMicrophone:
        """The one that is open, or was last."""
        return self._opened

    @property
    def overflows(self) -> int:
        """Blocks lost while it was there."""
        return self._before + (self._opened.overflows if self._is_open else 0)

    def output(self) -> Output:
        """Of a board: what it made of the oldest chunk that was not asked about yet."""
        assert isinstance(self._opened, BoardMicrophone)
        return self._opened.output()

    def __next__(self) -> Pcm:
        """The next chunk.

        Raises:
            KwsError: it never delivered any, or went away and did not come back in time.
        """
        try:
            chunk = next(self._chunks)
        except KwsError as error:
            self._let_go()
            if self._last is None or self._wait <= 0:
                raise
            self._told(f"{error}; it is waited for up to {self._wait:g} s, Ctrl-C ends")
            chunk = self._again(self._last, error)
        self._last = self._clock()
        return chunk

    def __enter__(self) -> Reconnecting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    def _take(self, opened: AnyMicrophone) -> None:
        self._opened = opened.__enter__()
        self._is_open = True
        self._chunks = iter(self._opened)

    def _let_go(self) -> None:
        self._before = self.overflows
        if self._is_open:
            self._is_open = False
            self._opened.__exit__(None, None, None)

    def _again(self, last: float, why: KwsError) -> Pcm:
        """The first chunk after a gap that began at ``last``."""
        until = self._clock() + self._wait
        while True:
            try:
                self._take(self._open_again())
                chunk = next(self._chunks)
                break
            except KwsError as error:
                self._let_go()
                why = error
            if self._clock() >= until:
                raise KwsError(
                    f"the microphone went away and did not come back within {self._wait:g} s ({why});"
                    " plug it in and start again"
                ) from why
            self._sleep(_RETRY_SECONDS)
        seconds = self._clock() - last
        self.gone += 1
        self.gone_seconds += seconds
        self._told(f"listening again to {self._opened.name}; {seconds:.1f} s were not heard")
        if isinstance(self._opened, BoardMicrophone):
            return chunk
        self._chunks = itertools.chain([chunk], self._chunks)
        return np.zeros(round(_SILENCE_SECONDS * SAMPLE_RATE), np.int16)
