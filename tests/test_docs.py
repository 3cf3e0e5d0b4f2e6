"""The documents: links and paths lead somewhere, and what they repeat is what it says where it comes from."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from conftest import needs
from typed_verbs import MODULES

import kws
from kws.cli.registry import VERBS
from kws.decisions import KINDS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "models").rglob("*.md")),
    ROOT / "firmware/tflm/README.md",
    ROOT / "tests/simulator/README.md",
]
FOLDERS = "configs|docs|firmware|kws|models|tests|tools"
HEADERS = ROOT / "firmware/include"

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())


def prose(document: Path) -> str:
    """The text without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """What GitHub calls the headings."""
    headings = re.findall(r"^#+ (.*)$", prose(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def repository_paths(text: str) -> list[str]:
    """Paths in backticks that begin with a folder of the repository; NAME stands for any name."""
    return [path.replace("NAME", "*") for path in re.findall(rf"`((?:{FOLDERS})/[\w.*/+-]*)`", text)]


@each_document
def test_links_lead_somewhere(document):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@each_document
def test_paths_are_there(document):
    # A changelog also names what is no more.
    if document.name == "CHANGELOG.md":
        return
    paths = repository_paths(prose(document))
    missing = [p for p in paths if not (any(ROOT.glob(p.rstrip("/"))) or any(HEADERS.glob(p.rstrip("/"))))]
    assert not missing


def commands(text: str) -> list[str]:
    """What follows ``kws`` in a document's code, or in the comment at the head of a configuration."""
    joined = re.sub(r"\\\n#?\s*", "", text)
    lines = re.findall(r"^(?:\$ |#   )?kws (.*)$", joined, flags=re.MULTILINE)
    found = [line.split("  #")[0] for line in lines] + re.findall(r"`kws ([^`]*)`", joined)
    return [part.removeprefix("kws ") for line in found for part in re.split(r" (?:&&|\|) (?=kws )", line)]


@pytest.fixture(scope="module")
def known_options():
    """The options of each verb, by its name."""
    known = {}
    for typed, verb in MODULES.items():
        parser = argparse.ArgumentParser()
        verb.load().options(parser)
        known[" ".join(typed)] = {option for action in parser._actions for option in action.option_strings}
    return known


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, *sorted((ROOT / "configs").rglob("*.toml"))], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_options_are_those_of_the_verbs(document, known_options):
    # A changelog also names what is no more.
    if document.name == "CHANGELOG.md":
        return
    unknown = []
    for command in commands(document.read_text(encoding="utf-8")):
        verb = max((v for v in known_options if f"{command} ".startswith(f"{v} ")), key=len, default=None)
        given = re.findall(r"(?<![\w-])--[a-z][\w-]*", command)
        unknown += [f"kws {command}"] if verb and not set(given) <= known_options[verb] else []
    assert not unknown


def test_readme_has_a_row_for_every_verb_and_every_extra():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| `")]
    verbs = [verb.name for group in VERBS.values() for verb in group]
    assert [verb for verb in verbs if not any(row.startswith(f"| `kws {verb}") for row in rows)] == []
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = set(tomllib.load(file)["project"]["optional-dependencies"])
    # Those come with `dev`, or in place of another.
    extras -= {"test", "tflite-runtime"}
    assert [extra for extra in extras if not any(f"`{extra}`" in row.split("|")[1] for row in rows)] == []


def test_the_checks_see_what_is_wrong(tmp_path):
    document = tmp_path / "x.md"
    document.write_text(
        "# A b, c\n[a](#a-b-c) [b](gone.md)\n```\n[c](code.md)\n```\n`kws/gone.py` `kws/layers/NAME.py`"
    )
    assert anchors(document) == {"a-b-c"}
    assert repository_paths(prose(document)) == ["kws/gone.py", "kws/layers/*.py"]
    assert commands("`kws a --b`\n```sh\nkws c \\\n  --d && kws e  # --f\n```\n#   kws g\n") == [
        "c --d",
        "e",
        "g",
        "a --b",
    ]
    with pytest.raises(AssertionError, match=r"gone\.md"):
        test_links_lead_somewhere(document)
    with pytest.raises(AssertionError, match=r"gone\.py"):
        test_paths_are_there(document)


def test_pre_commit_runs_the_checks_of_make_lint():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe
    lint = [line.strip().removeprefix("@") for line in recipe[1].splitlines()]
    hooks = [h for r in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"] for h in r["hooks"]]
    assert [" ".join([h["entry"], *h.get("args", [])]) for h in hooks] == lint
    # Each hook checks all files, as make does, whatever is committed.
    assert all(h["always_run"] and not h["pass_filenames"] for h in hooks)


def test_the_specification_has_every_setting_of_every_decision():
    """In the table of the model file: the kinds, and a row of the kind or of all for each key."""
    text = (ROOT / "docs/SPEC.md").read_text(encoding="utf-8").partition("# Model file")[2].partition("\n# ")[0]
    rows = [row for row in text.splitlines() if row.startswith(("| detector", "| ... "))]
    (kinds,) = (row for row in rows if row.startswith("| detector.kind |"))
    keys = set(re.findall(r"\.([a-z_]+)", " ".join(row.split(" | ")[0] for row in rows)))
    for kind, settings in KINDS.items():
        assert f"`{kind}`" in kinds
        assert {field.name for field in fields(settings)} <= keys, kind


def test_the_version_is_told_alike():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == kws.__version__
    released = f"## [{citation['version']}] - {citation['date-released']}"
    assert released in (ROOT / "CHANGELOG.md").read_text().splitlines()


@pytest.mark.slow
@needs("cc", "make", "arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("document", ["README.md", "docs/phrases.md"])
def test_documents_show_what_the_commands_print(document, tmp_path):
    block = re.search(r"```console\n(.*?)```", (ROOT / document).read_text(), flags=re.DOTALL)
    assert block
    (tmp_path / "models").symlink_to(ROOT / "models")
    printed = []
    for line in block[1].splitlines():
        if line.startswith("$ "):
            command = shlex.split(line)[1:]
            if command[0] == "kws":
                command = [sys.executable, "-m", *command]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
            printed += [line, *(text.rstrip() for text in done.stdout.rstrip().splitlines())]
    assert printed == block[1].splitlines()
