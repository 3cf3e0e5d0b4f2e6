"""Configurations: bases, kinds, and what an earlier kws wrote."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kws import config, runs
from kws.config import Experiment
from kws.errors import KwsError
from kws.network import LstmConfig, TeacherConfig
from kws.training import losses

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.toml"))


def write(folder: Path, **files: str) -> Path:
    """Files by name without suffix; returns the first."""
    for name, text in files.items():
        path = folder / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / f"{next(iter(files))}.toml"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_those_that_come_along_can_be_read(path, tmp_path):
    experiment = config.load(path)
    assert experiment.name == path.stem
    losses.named(experiment.training.loss)
    runs.write_config(experiment, tmp_path)
    assert runs.load_config(tmp_path) == experiment
    # Resolved: a run does not depend on files elsewhere.
    assert "base" not in (tmp_path / runs.CONFIG).read_text()


def test_a_base_is_merged_key_by_key(tmp_path):
    path = write(
        tmp_path / "mine",
        mine='base = "../common/low.toml"\nname = "mine"\n[augment]\nvariants = 7\n[training]\nseed = 3',
    )
    write(
        tmp_path / "common",
        low='base = "lowest.toml"\n[augment]\nvariants = 5\ntime_masks = 2\n[data]\nwords = ["up"]',
        lowest='name = "lowest"\n[augment]\ntime_masks = 9\nband_masks = 4\n[training]\nepochs = 8',
    )
    found = config.load(path)
    assert (found.name, found.data.words) == ("mine", ("up",))
    assert (found.augment.variants, found.augment.time_masks, found.augment.band_masks) == (7, 2, 4)
    assert (found.training.seed, found.training.epochs) == (3, 8)


def test_a_network_of_another_kind_has_none_of_the_bases_keys(tmp_path):
    lstm = "[network]\nlstm_units = [8]\ndropout = 0.5\n[training]\nepochs = 8"
    path = write(tmp_path, top='base = "low.toml"\n[network]\nkind = "teacher"', low=lstm)
    assert config.load(path).network == TeacherConfig()
    assert config.load(path).training.epochs == 8
    path = write(tmp_path, top='base = "low.toml"\n[network]\nlstm_units = [9]', low=lstm)
    assert config.load(path).network == LstmConfig((9,), 0.5)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": 'base = "a.toml"'}, r"a\.toml is its own base, by way of a\.toml"),
        (
            {"a": 'base = "b.toml"', "b": 'base = "c.toml"', "c": 'base = "./a.toml"'},
            r"by way of a\.toml, b\.toml, c\.t",
        ),
        ({"a": 'base = "b.toml"'}, r"cannot read the base of .*a\.toml, .*b\.toml: No such file"),
        ({"a": "base = 3"}, r"a\.toml: base must be the path of a configuration, not 3"),
        ({"a": 'base = "b.toml"', "b": "[data"}, r"b\.toml is not valid TOML"),
        ({"a": 'base = "b.toml"', "b": "[data]\nword = 3"}, r"a\.toml: unknown key 'data\.word'; did you mean 'words'"),
    ],
)
def test_bad_bases(files, message, tmp_path):
    with pytest.raises(KwsError, match=message):
        config.load(write(tmp_path, **files))


@pytest.mark.parametrize("section", [field.name for field in dataclasses.fields(Experiment) if field.name != "name"])
@pytest.mark.parametrize("value", ["3", "true", '"x"', "[]", "nan", "2020-01-01"])
def test_what_is_no_section(section, value, tmp_path):
    with pytest.raises(KwsError, match=rf"a\.toml: {section} must be a section, not "):
        config.load(write(tmp_path, a=f"{section} = {value}"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\ngap_frames = []", r"unknown key 'training\.gap_frames'; did you mean 'gap_ms'"),
        (f"[training]\ngap_frames = {'9' * 400}", r"unknown key 'training\.gap_frames'"),
        ('[frontend]\nhop_ms = "x"\n[training]\ngap_frames = 3', r"frontend\.hop_ms must be a number, not 'x'"),
        ("[network]\nkind = []", r"network\.kind must be one of lstm, .* not \[\]"),
        (f"[training]\nlearning_rate = {'9' * 400}", r"training\.learning_rate must be a number that fits"),
        (f"[augment]\ngain_db = [0, -{'9' * 400}]", r"augment\.gain_db\[1\] must be a number that fits into 64 bits"),
        (f"[training]\nepochs = {'9' * 5000}", r"a\.toml is not valid TOML: .*4300 digits"),
        ('[data]\nwords = ["yes", ".net"]', r"data\.words has names that cannot be word folders: \['\.net'\]"),
        ('base = "b\\u0000.toml"', r"base must be the path of a configuration, not 'b\\x00\.toml'"),
        ('[data]\nlexicon = "a.toml"\nwords = [["yes"]]', r"data\.words must be a list of words, not \[\['yes'\]\]"),
        ('[data]\nlexicon = "/dev/zero"', r"cannot read data\.lexicon .*it is a device"),
    ],
)
def test_values_of_another_kind(text, message, tmp_path):
    with pytest.raises(KwsError, match=message):
        config.load(write(tmp_path, a=text))


def test_files_from_windows(tmp_path):
    (tmp_path / "lexicon.txt").write_bytes(b"\xef\xbb\xbfyes j E s\r\nno n oU\r\n")
    (tmp_path / "a.toml").write_bytes(
        b'\xef\xbb\xbfname = "a"\r\n[data]\r\nlexicon = "lexicon.txt"\r\nwords = ["yes", "no"]\r\n'
        b'[training]\r\nloss = "ctc"\r\n[detector]\r\nkind = "ctc_lexicon"\r\n'
    )
    found = config.load(tmp_path / "a.toml")
    assert (found.name, found.data.spellings) == ("a", ("yes j E s", "no n oU"))


def test_frames_of_earlier_are_milliseconds_now(tmp_path):
    path = write(tmp_path, old="[training]\ngap_frames = 16\n[frontend]\nhop_ms = 10")
    with pytest.raises(KwsError, match=r"training\.gap_frames is now in milliseconds; write gap_ms = 160 instead"):
        config.load(path)
    path = write(tmp_path, old="[augment]\ntime_mask_frames = 4")
    with pytest.raises(KwsError, match=r"augment\.time_mask_frames is now in milliseconds; write time_mask_ms = 80"):
        config.load(path)


def test_the_run_of_an_earlier_version_is_read(tmp_path):
    (tmp_path / runs.CONFIG).write_text(
        'name = "old"\n[frontend]\nhop_ms = 20.0\n[augment]\ntime_mask_frames = 4\n'
        '[network]\nkind = "lstm"\nlstm_units = [8]\ndropout = 0.2\nchannels = [24, 48, 72, 96]\n'
        '[training]\ngap_frames = 8\ntrainable = "all"\n'
    )
    found = runs.load_config(tmp_path)
    assert found.network == LstmConfig((8,), 0.2)
    assert (found.augment.time_mask_ms, found.training.gap_ms) == (80, 160)
    assert found.training.loss == "frames"


def test_no_such_loss():
    with pytest.raises(KwsError, match=r"training\.loss must be one of frames, ctc, not 'ctx'"):
        losses.named("ctx")


def test_a_duration_in_frames():
    for hop_ms, frames in ((20.0, 16), (10.0, 32)):
        front = config.LogMelConfig(hop_ms=hop_ms)
        assert [front.frames_in(ms) for ms in (320, 1, 0)] == [frames, 1, 0]
    assert Experiment().training.gap_ms == 320
