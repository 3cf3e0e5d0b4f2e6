"""Every number of a configuration is bounded; the error says the bounds, and so does docs/configuration.md."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import configuration_page
import pytest

from kws import config, fields
from kws.errors import KwsError
from kws.fields import range_of

NUMBERS = [
    (section, kind, field)
    for section, kinds in configuration_page.sections().items()
    for kind in kinds
    for field in dataclasses.fields(kind)
    if any(word in str(field.type) for word in ("int", "float"))
]


@pytest.mark.parametrize(("section", "kind", "field"), NUMBERS, ids=[f"{s}.{f.name}" for s, _, f in NUMBERS])
def test_every_number_has_bounds(section, kind, field):
    allowed = range_of(field)
    assert allowed is not None
    assert math.isfinite(allowed.low)
    assert math.isfinite(allowed.high)
    section = section.strip("[]")
    for value in (-1e20, 1e20, math.inf, -math.inf, math.nan):
        # A whole number in TOML is as long as one writes it; a float may be any, and not a number at all.
        number = int(value) if str(field.type).startswith(("int", "tuple[int")) and math.isfinite(value) else value
        given = [number, number] if str(field.type).startswith("tuple") else number
        with pytest.raises(KwsError, match=rf"{section}\.{field.name}(\[0\])? must (all )?be"):
            fields.read(kind, {field.name: given}, section)


def test_the_limits_themselves():
    allowed = range_of(next(f for f in dataclasses.fields(config.TrainingConfig) if f.name == "learning_rate"))
    assert (0 in allowed, 1e-9 in allowed, 0.999 in allowed, 1 in allowed) == (False, True, True, False)
    assert config.TrainingConfig(epochs=100_000).epochs == 100_000
    with pytest.raises(KwsError, match=r"training\.epochs must be 1 to 100000, not 100001"):
        config.TrainingConfig(epochs=100_001)
    with pytest.raises(KwsError, match=r"training\.seed must be 0 to 4294967295, not -1"):
        config.TrainingConfig(seed=-1)


def test_the_page_says_what_the_code_says():
    page = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
    assert page.read_text(encoding="utf-8") == configuration_page.page(), "run tools/configuration_page.py"
