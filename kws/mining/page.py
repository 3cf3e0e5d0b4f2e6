"""The page of mined recordings: what fired, to be listened to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

import jinja2

from kws.mining.hearing import FALSE, KINDS
from kws.model.file import Model
from kws.text import visible

if TYPE_CHECKING:
    from kws.mining.folder import Mined


def render(mined: Mined, model: Model) -> str:
    """One HTML page with a player for each recording, by kind, highest scores first."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kws", "mining"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"url": quote, "visible": visible}
    groups = [(kind, [row for row in mined.rows if row.cut.kind == kind]) for kind in KINDS]
    labels = Counter(row.cut.label for row in mined.rows if row.cut.kind == FALSE)
    return environment.get_template("page.html.j2").render(
        mined=mined,
        model=model.id,
        groups=[(kind, rows) for kind, rows in groups if rows],
        labels=labels.most_common(),
        false=mined.fired.get(FALSE, 0),
    )
