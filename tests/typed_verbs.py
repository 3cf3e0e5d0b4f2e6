"""Every verb of the command as it is typed, sub-verbs behind their group."""

from __future__ import annotations

from kws.cli.registry import VERBS


def _typed(group, before=()):
    for verb in group:
        typed = (*before, verb.name)
        yield typed, verb
        yield from _typed(verb.verbs, typed)


COMMANDS = dict(_typed(verb for group in VERBS.values() for verb in group))
MODULES = {typed: verb for typed, verb in COMMANDS.items() if not verb.verbs}
"""Those that are no groups."""
