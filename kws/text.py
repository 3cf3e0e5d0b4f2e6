"""Names that anybody may have chosen, made fit for a terminal and for a figure."""

from __future__ import annotations

import unicodedata


def is_text(name: str) -> bool:
    """Whether a name holds neither control characters nor bytes that are not UTF-8 (lone surrogates)."""
    return not any(map(_unfit, name))


def decoded(name: str) -> str:
    """A file's name, or an argument, as UTF-8 has it, where the locale's encoding knows ASCII only.

    Bytes that are not UTF-8 stay lone surrogates, as Python makes of them everywhere.
    """
    return name.encode(errors="surrogateescape").decode(errors="surrogateescape")


def visible(name: str, keep: str = "") -> str:
    r"""A name with backslash escapes in place of control characters and of bytes that are not UTF-8.

    Args:
        name: the name.
        keep: characters that stay as they are.

    >>> print(visible("a\tb\udcf6"))
    a\tb\udcf6
    """
    return "".join(_escaped(c) if _unfit(c) and c not in keep else c for c in name)


def caption(name: str) -> str:
    """As `visible`, for Matplotlib, to which what stands between two dollar signs is a formula."""
    return visible(name).replace("$", "\\$")


def _unfit(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
