"""The exceptions that a user sees as a sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class KwsError(Exception):
    """Something the user can mend; the message says what was wrong and what to do."""


class UsageError(KwsError):
    """Arguments that do not go together, or name what there is not."""


class CheckError(KwsError):
    """A check found what it looks for; the message says what."""


class MissingError(KwsError):
    """A program, library or package that is not installed; the message says how to install it."""


def no_such(claim: str, name: object, known: Iterable[object]) -> UsageError:
    """The error of a name that stands for nothing.

    Args:
        claim: how the sentence begins that the name ends, such as "there is no board".
        name: that was given.
        known: the names there are, in the order to show them.
    """
    import difflib  # not for a command that has no error to tell

    names = [str(k) for k in known]
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UsageError(f"{claim} {str(name)!r}; it must be one of {', '.join(names)}{hint}")
