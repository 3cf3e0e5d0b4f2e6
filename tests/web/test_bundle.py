"""Modules as one file, and the page's text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from kws.errors import KwsError
from kws.web.bundle import bundle
from kws.web.page import WebModel, assets, page_files, single_page, write_site

MODULES = {
    "page.js": 'import { a } from "./core/a.js";\nimport { b,\n  c } from "./core/b.js";\na(b, c);\n',
    "core/a.js": 'import { c } from "./b.js";\n\nexport function a() {\n  return c;\n}\n',
    "core/b.js": "export const b = 1;\nexport class c {}\n",
}


def test_each_module_comes_once_before_its_users():
    text = bundle(MODULES, "page.js")
    assert re.findall(r"^// (.*)$", text, re.MULTILINE) == ["core/b.js", "core/a.js", "page.js"]
    assert "import" not in text
    assert "export" not in text
    assert text.endswith("a(b, c);\n")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"core/b.js": 'import { a } from "./a.js";\n'}, "imports itself: page.js -> core/a.js -> core/b.js"),
        ({"core/a.js": 'import { x } from "./x.js";\n'}, "core/a.js imports core/x.js, which is not there"),
        ({"core/a.js": 'import { b as x } from "./b.js";\n'}, "under another name"),
        ({"core/a.js": 'import * as x from "./b.js";\n'}, r"because of this line: import \* as x"),
        ({"core/a.js": "export default 1;\n"}, "because of this line: export default 1"),
        ({"core/a.js": 'const x = await import("./b.js");\n'}, "because of this line"),
        ({"core/a.js": "const x = import.meta.url;\n"}, "because of this line"),
    ],
)
def test_other_forms_are_refused(changed, told):
    with pytest.raises(KwsError, match=told):
        bundle(MODULES | changed, "page.js")


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_one_file_names_no_other():
    page = single_page(WebModel("</script><b>", b"\0asm"))
    elements = Elements(page).found
    for tag, attributes in elements:
        assert not {"src", "style"} & attributes.keys(), tag
        assert not [name for name in attributes if name.startswith("on")], tag
        assert attributes.get("href", "data:,") == "data:,"
    assert "b" not in {tag for tag, _ in elements}
    policy = next(a["content"] for _, a in elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src" not in policy
    assert "unsafe-inline" not in policy
    # Nothing that a browser would fetch.
    assert not re.findall(r"https?://[^\s\"'`)]+", page)


def test_a_folder_holds_all_that_its_page_names(tmp_path):
    written = write_site(tmp_path, [WebModel("my word", b"\0asm"), WebModel("two", b"\0asm")])
    assert all(path.is_file() for path in written)
    elements = Elements((tmp_path / "index.html").read_text(encoding="utf-8")).found
    named = [a[key] for _, a in elements for key in ("src", "href") if key in a and not a[key].startswith("data:")]
    assert sorted(named) == ["kws/kws.css", "page.css", "page.js"]
    assert all((tmp_path / name).is_file() for name in named)
    assert '"url":"models/my%20word.wasm"' in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "models/my word.wasm").read_bytes() == b"\0asm"
    for name, text in page_files().items():
        if name.endswith(".js"):
            for source in re.findall(r'from "\./([^"]+)"', text):
                assert (tmp_path / name).parent.joinpath(source).is_file(), name


def test_modules_do_without_a_network():
    for name, text in assets().items():
        assert "fetch(" not in text, name
        assert "XMLHttpRequest" not in text, name
