"""Parsing of the command line, where a verb's module is imported only when the verb is called."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from kws.cli.registry import Verb

_COLUMN = 14


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Names the defaults that say something: neither "None" nor "False"."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if action.default in (None, False, [], argparse.SUPPRESS) or not action.option_strings:
            return text
        shown = ",".join(action.default) if isinstance(action.default, list) else action.default
        return f"{text} (default: {shown})"


class VerbParser(argparse.ArgumentParser):
    """A parser that gets a verb's options from the verb's module when it is about to parse.

    argparse makes a parser for every verb but lets only that of the verb called parse.
    """

    def __init__(self, verb: Verb | None = None, **settings: Any) -> None:
        super().__init__(formatter_class=HelpFormatter, **settings)
        self._verb = verb

    def add_verbs(self, verbs: Mapping[str, Sequence[Verb]]) -> None:
        """Take one of these verbs as the next argument; the help lists them under their titles."""
        parsers = self.add_subparsers(
            title="verbs",
            metavar="VERB",
            required=True,
            help=f"one of those below; {self.prog} VERB --help tells what it takes",
        )
        for title, group in verbs.items():
            self.add_argument_group(title, "\n".join(f"{verb.name:<{_COLUMN}}{verb.help}" for verb in group))
            for verb in group:
                parsers.add_parser(verb.name, verb=verb, description=f"{verb.help[0].upper()}{verb.help[1:]}.")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse's, after asking the verb's module for its options."""
        verb, self._verb = self._verb, None
        if verb is not None and verb.verbs:
            self.add_verbs({f"verbs of {self.prog}": verb.verbs})
        elif verb is not None:
            module = verb.load()
            module.options(self)
            self.set_defaults(handler=module.run)
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse's, and names the nearest of the choices."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            import difflib

            near = difflib.get_close_matches(str(value), map(str, action.choices or ()), n=1)
            if near:
                error.message += f"; did you mean {near[0]!r}?"
            raise
