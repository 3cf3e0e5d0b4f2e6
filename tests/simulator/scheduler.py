"""What happens when, in core cycles."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class Event:
    """Something that will happen; :meth:`cancel` keeps it from happening."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    @property
    def pending(self) -> bool:
        """Whether it has neither happened nor been cancelled."""
        return self._callback is not None

    def cancel(self) -> None:
        """Do nothing when its time comes."""
        self._callback = None

    def happen(self) -> None:
        """Call back once, unless cancelled."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Scheduler:
    """Events ordered by cycle; those of one cycle happen in the order in which they were made."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, int, Event]] = []
        self._order = itertools.count()

    def at(self, cycle: int, callback: Callable[[], None]) -> Event:
        """Have ``callback`` called at ``cycle``."""
        event = Event(callback)
        heapq.heappush(self._queue, (cycle, next(self._order), event))
        return event

    def next_cycle(self) -> int | None:
        """When the next event is due; None if there is none."""
        while self._queue and not self._queue[0][2].pending:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def run(self, now: int) -> None:
        """Let everything happen that is due at ``now`` or was before."""
        while (cycle := self.next_cycle()) is not None and cycle <= now:
            heapq.heappop(self._queue)[2].happen()
