"""The packages' metadata against rules written from each ecosystem's documentation."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import jsonschema
import kconfiglib
import pytest
import yaml
from random_models import spotting_model

from kws import __version__
from kws.codegen import packages

SEMVER = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
TEXT = {"type": "string", "minLength": 1, "pattern": r"^[^\n]+$"}
SPDX = {"enum": ["Apache-2.0"]}

# Arduino library specification 2.2, "Library metadata".
ARDUINO = {
    "type": "object",
    "required": [
        "name",
        "version",
        "author",
        "maintainer",
        "sentence",
        "paragraph",
        "category",
        "url",
        "architectures",
    ],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "maxLength": 63, "pattern": r"^(?!arduino)[A-Za-z0-9][A-Za-z0-9 _.-]*$"},
        "version": {"type": "string", "pattern": SEMVER},
        "author": TEXT,
        "maintainer": {**TEXT, "not": {"pattern": "^[Aa]rduino"}},
        "sentence": TEXT,
        "paragraph": TEXT,
        "category": {
            "enum": [
                "Display",
                "Communication",
                "Signal Input/Output",
                "Sensors",
                "Device Control",
                "Timing",
                "Data Storage",
                "Data Processing",
                "Other",
            ]
        },
        "url": {"type": "string", "pattern": r"^[a-z][a-z0-9+.-]*:\S+$"},
        "architectures": {"type": "string", "pattern": r"^(\*|[a-z0-9_]+)(,(\*|[a-z0-9_]+))*$"},
        "depends": TEXT,
        "includes": {"type": "string", "pattern": r"^[\w./-]+\.h(pp)?(,[\w./-]+\.h(pp)?)*$"},
        "dot_a_linkage": {"enum": ["true", "false"]},
        "precompiled": {"enum": ["true", "full", "false"]},
        "ldflags": TEXT,
        "license": SPDX,
    },
}

# Zephyr documentation, "Modules (External projects)", module.yml.
ZEPHYR_MODULE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["build"],
    "properties": {
        "name": {"type": "string", "pattern": r"^[A-Za-z0-9_-]+$"},
        "build": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "cmake": TEXT,
                "kconfig": TEXT,
                "cmake-ext": {"type": "boolean"},
                "kconfig-ext": {"type": "boolean"},
                "depends": {"type": "array", "items": TEXT},
                "settings": {"type": "object"},
            },
        },
        "samples": {"type": "array", "items": TEXT},
        "tests": {"type": "array", "items": TEXT},
        "boards": {"type": "array", "items": TEXT},
    },
}

# Zephyr documentation, "Test Runner (Twister)", test and sample files.
ZEPHYR_SAMPLE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["sample", "tests"],
    "properties": {
        "sample": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {"name": TEXT, "description": TEXT},
        },
        "tests": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": r"^sample(\.[A-Za-z0-9_-]+)+$"},
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "tags": {"type": ["string", "array"]},
                    "filter": TEXT,
                    "build_only": {"type": "boolean"},
                    "integration_platforms": {"type": "array", "items": TEXT, "minItems": 1},
                    "harness": {"enum": ["console"]},
                    "harness_config": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["type", "regex"],
                        "properties": {
                            "type": {"enum": ["one_line", "multi_line"]},
                            "regex": {"type": "array", "items": TEXT, "minItems": 1},
                            "ordered": {"type": "boolean"},
                        },
                    },
                },
                "dependentRequired": {"harness_config": ["harness"]},
            },
        },
    },
}

# IDF component manager, "idf_component.yml Manifest File".
IDF = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "version": {"type": "string", "pattern": SEMVER},
        "description": TEXT,
        "license": SPDX,
        "targets": {"type": "array", "items": {"pattern": "^(esp32|linux)"}},
        "tags": {"type": "array", "uniqueItems": True, "items": {"pattern": "^[A-Za-z0-9_-]{3,32}$"}},
        "dependencies": {
            "type": "object",
            "propertyNames": {"pattern": r"^(idf|[a-z0-9_-]+(/[a-z0-9_-]+)?)$"},
            "additionalProperties": {
                "oneOf": [
                    {"type": "string", "pattern": r"^(\*|[<>=~^!]+\d+(\.\d+)*)$"},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"version": {"type": "string"}, "override_path": TEXT, "path": TEXT},
                    },
                ]
            },
        },
    },
}

# PlatformIO documentation, "library.json".
PLATFORMIO = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "version"],
    "properties": {
        "name": {"type": "string", "maxLength": 50, "pattern": r"^(?!.*--)[A-Za-z0-9][^:;/,@<>]*$"},
        "version": {"type": "string", "maxLength": 20, "pattern": SEMVER},
        "description": {"type": "string", "maxLength": 255},
        "keywords": {"type": "array", "items": TEXT, "uniqueItems": True},
        "homepage": {"type": "string", "maxLength": 255},
        "repository": {"type": "object", "required": ["type", "url"]},
        "authors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {"name": TEXT, "email": TEXT, "url": TEXT, "maintainer": {"type": "boolean"}},
            },
        },
        "license": SPDX,
        "frameworks": {"type": ["string", "array"]},
        "platforms": {"type": ["string", "array"]},
        "headers": {"type": ["string", "array"], "items": {"type": "string", "pattern": r"\.h$"}},
        "examples": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "base", "files"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "pattern": r"^[a-zA-Z0-9\-_/. ]+$"},
                    "base": TEXT,
                    "files": {"type": "array", "items": TEXT, "minItems": 1},
                },
            },
        },
        "dependencies": {"type": ["array", "object"]},
        "build": {"type": "object"},
        "export": {"type": "object"},
    },
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A function that exports a package of a kind."""

    def get(kind: str) -> Path:
        out = tmp_path_factory.mktemp("metadata") / kind
        packages.export_package(spotting_model(1), kind, out)
        return out

    return get


def properties(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    pairs = [line.split("=", 1) for line in lines]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def check(value: object, schema: dict) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(value)


def test_arduino(package):
    root = package("arduino")
    found = properties(root / "library.properties")
    check(found, ARDUINO)
    assert found["version"] == __version__
    for header in found["includes"].split(","):
        assert (root / "src" / header).is_file()
    # A sketch lies in a folder of its name, and sources of the library nowhere but below src.
    sketches = list(root.glob("examples/*/*.ino"))
    assert len(sketches) == 2
    assert all(s.stem == s.parent.name for s in sketches)
    assert all(p.is_relative_to(root / "src") or p.is_relative_to(root / "examples") for p in root.rglob("*.[ch]"))
    rows = [r for r in (root / "keywords.txt").read_text().splitlines() if r and not r.startswith("#")]
    assert all(re.fullmatch(r"\w+\t(KEYWORD[123]|LITERAL[12])", row) for row in rows)
    assert {"kws_spotter\tKEYWORD1", "kws_spotter_process\tKEYWORD2"} <= set(rows)


def test_zephyr(package):
    root = package("zephyr")
    module = yaml.safe_load((root / "zephyr/module.yml").read_text())
    check(module, ZEPHYR_MODULE)
    assert (root / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    options = kconfiglib.Kconfig(str(root / module["build"]["kconfig"]), warn_to_stderr=False)
    assert options.syms["KWS"].type == kconfiglib.BOOL
    samples = [p.parent for folder in module["samples"] for p in (root / folder).rglob("sample.yaml")]
    assert len(samples) == 2
    known = {"CONFIG_KWS", "CONFIG_AUDIO", "CONFIG_AUDIO_DMIC", "CONFIG_REGULATOR", "CONFIG_MAIN_STACK_SIZE"}
    for sample in samples:
        check(yaml.safe_load((sample / "sample.yaml").read_text()), ZEPHYR_SAMPLE)
        settings = properties(sample / "prj.conf")
        assert settings["CONFIG_KWS"] == "y"
        assert set(settings) <= known
        assert "find_package(Zephyr REQUIRED" in (sample / "CMakeLists.txt").read_text()
        extra = re.search(
            r"EXTRA_ZEPHYR_MODULES \$\{CMAKE_CURRENT_SOURCE_DIR\}/(\S+)\)", (sample / "CMakeLists.txt").read_text()
        )
        assert (sample / extra[1] / "zephyr/module.yml").is_file()
    # The Nano 33 BLE Sense and the XIAO switch their microphone's supply.
    assert properties(root / "samples/spotter/prj.conf")["CONFIG_REGULATOR"] == "y"
    test = yaml.safe_load((root / "samples/selftest/sample.yaml").read_text())["tests"]["sample.kws.selftest"]
    said = "selftest: 24 of 24 frames, 0 differences: PASS"
    assert re.search(test["harness_config"]["regex"][0], said)
    assert not re.search(test["harness_config"]["regex"][0], said.replace(" 0 d", " 10 d"))


def test_esp_idf(package):
    root = package("esp-idf")
    manifest = yaml.safe_load((root / "idf_component.yml").read_text())
    check(manifest, IDF)
    assert manifest["version"] == __version__
    text = (root / "CMakeLists.txt").read_text()
    assert text.count("idf_component_register(") == 1
    folders = re.findall(r'"\$\{CMAKE_CURRENT_LIST_DIR\}/([^".]+)"', text)
    assert len(folders) == 3
    assert all((root / name).is_dir() for name in folders)
    examples = sorted(root.glob("examples/*/main/idf_component.yml"))
    assert len(examples) == 2
    for path in examples:
        needed = yaml.safe_load(path.read_text())
        check(needed, IDF)
        # A component of its own in each example, as the manager would call one by the package's folder.
        component = path.parent.parent / "components/kws/CMakeLists.txt"
        included = re.search(r"^include\(\$\{CMAKE_CURRENT_LIST_DIR\}/(\S+)\)$", component.read_text(), re.MULTILINE)
        assert (component.parent / included[1]).resolve() == (root / "CMakeLists.txt").resolve()
        assert set(needed["dependencies"]) == {"idf"}
        assert re.search(r"PRIV_REQUIRES kws\b", (path.parent / "CMakeLists.txt").read_text())
        assert "idf_component_register(" in (path.parent / "CMakeLists.txt").read_text()
        assert "/tools/cmake/project.cmake" in (path.parent.parent / "CMakeLists.txt").read_text()
    # From ESP-IDF 5.3 on each driver is a component, and from 6 on `driver` no longer stands for all of them.
    assert "PRIV_REQUIRES kws esp_driver_i2s" in (root / "examples/spotter/main/CMakeLists.txt").read_text()
    options = kconfiglib.Kconfig(str(root / "examples/spotter/main/Kconfig.projbuild"), warn_to_stderr=False)
    used = set(re.findall(r"CONFIG_(\w+)", (root / "examples/spotter/main/main.c").read_text()))
    assert used == {name for name, symbol in options.syms.items() if symbol.nodes}


def test_platformio(package):
    root = package("platformio")
    manifest = json.loads((root / "library.json").read_text())
    check(manifest, PLATFORMIO)
    assert manifest["version"] == __version__
    assert all((root / "include" / header).is_file() for header in manifest["headers"])
    for example in manifest["examples"]:
        base = root / example["base"]
        assert {p.relative_to(base).as_posix() for p in base.rglob("*") if p.is_file()} == set(example["files"])
        project = configparser.ConfigParser()
        project.read(base / "platformio.ini")
        (environment,) = project.sections()
        assert environment.startswith("env:")
        assert {"platform", "board", "framework"} <= set(project[environment])
        library = project[environment]["lib_deps"].removeprefix("symlink://")
        assert (base / library / "library.json").is_file()


def test_the_rules_refuse():
    """A schema that accepts anything would prove nothing."""
    good = {
        "name": "kws",
        "version": "1.2.3",
        "author": "a",
        "maintainer": "b",
        "sentence": "c",
        "paragraph": "d",
        "category": "Other",
        "url": "urn:x:y",
        "architectures": "*",
    }
    check(good, ARDUINO)
    for wrong in ({"version": "1"}, {"category": "Sound"}, {"url": "none"}, {"name": ""}, {"unknown": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            check({**good, **wrong}, ARDUINO)
    with pytest.raises(jsonschema.ValidationError):
        check({"name": "kws", "build": {"make": "x"}}, ZEPHYR_MODULE)
    with pytest.raises(jsonschema.ValidationError):
        check({"sample": {"name": "x"}, "tests": {"kws": {}}}, ZEPHYR_SAMPLE)
    with pytest.raises(jsonschema.ValidationError):
        check({"dependencies": {"kws/kws": {"overridepath": ".."}}}, IDF)
    with pytest.raises(jsonschema.ValidationError):
        check({"name": "kws", "version": "one"}, PLATFORMIO)
