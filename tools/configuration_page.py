"""Write docs/configuration.md: every key of a configuration, its default and its bounds, from the code itself.

python tools/configuration_page.py
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

from kws import config, decisions, frontends, network, toml
from kws.decisions.grammar_values import Listening, PhraseText
from kws.fields import range_of
from kws.files import write_atomic
from kws.voice_gate import VoiceGateConfig

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
_HEAD = """\
# Configuration

One experiment is one TOML file; `configs/` has some to start from. Every section and key is optional, and an unknown
key is an error. `base = "other.toml"` takes over what another file says, section by section. Of `frontend`,
`detector` and `network` the key `kind` chooses which settings there are. `[[phrases]]` and `[listening]`
make a detector a grammar ([phrases.md](phrases.md)); `lexicon = "FILE"` in `[data]` stands for `spellings`. Written by
`tools/configuration_page.py`.
"""


def sections() -> dict[str, list[type]]:
    """The dataclasses of each section of a configuration: one, or one a kind."""
    return {
        "data": [config.DataConfig],
        "augment": [config.AugmentConfig],
        "negatives": [config.NegativesConfig],
        "frontend": list(frontends.KINDS.values()),
        "network": list(network.KINDS.values()),
        "training": [config.TrainingConfig],
        "detector": list(decisions.KINDS.values()),
        "[phrases]": [PhraseText],
        "listening": [Listening],
        "gate": [VoiceGateConfig],
    }


def page() -> str:
    """The page's text."""
    parts = [_HEAD]
    for section, kinds in sections().items():
        for settings in kinds:
            kind = getattr(settings, "kind", None)
            title = f"## `[{section}]`" + (f', `kind = "{kind}"`' if kind else "")
            parts.append(f"{title}\n\n{_table(settings)}\n")
    return "\n".join(parts)


def _table(settings: type) -> str:
    said = _attributes(inspect.getdoc(settings) or "")
    rows = ["| key | default | allowed | what it is |", "|---|---|---|---|"]
    for field in dataclasses.fields(settings):
        allowed = range_of(field)
        row = (f"`{field.name}`", f"`{toml.value(field.default)}`", str(allowed) if allowed else "", said[field.name])
        rows.append(f"| {' | '.join(row)} |")
    return "\n".join(rows)


def _attributes(docstring: str) -> dict[str, str]:
    """What a docstring's "Attributes" say, by name, each in one line."""
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", docstring.partition("Attributes:\n")[2], re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text).replace("``", "`") for name, text in found}


if __name__ == "__main__":
    write_atomic(PAGE, page())
