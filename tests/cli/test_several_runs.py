"""Several configurations trained, and their runs converted, by one command each."""

from __future__ import annotations

import json

import pytest
import tones

from kws import runs
from kws.cli import exit_codes
from kws.cli.main import main
from kws.model.file import Model
from kws.training import side_by_side


@pytest.fixture
def written(tmp_path):
    pytest.importorskip("tf_keras", reason="training needs TensorFlow")
    tones.write(tmp_path / "data")
    for units in (6, 8):
        text = runs.to_toml(tones.experiment((units,), epochs=1))
        (tmp_path / f"units-{units}.toml").write_text(text)
    return [str(tmp_path / f"units-{units}.toml") for units in (6, 8)]


@pytest.mark.slow
def test_each_has_a_run_of_its_name(written, tmp_path, capsys):
    out = tmp_path / "runs"
    arguments = ["train", *written, "--data", str(tmp_path / "data"), "--out", str(out)]
    assert main([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["runs"]
    # Nothing else is in the folder, so that RUNS/* are its runs; the features lie there once for both.
    found = sorted(path for path in out.glob("[!.]*"))
    assert found == [out / "units-6", out / "units-8"]
    assert [one["run"] for one in said] == list(map(str, found))
    assert len(list((out / ".cache").glob("training-*"))) == 1
    assert not (found[0] / runs.CACHE).exists()

    assert main(["convert", *map(str, found), "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [Model.load(path).id for path in found] == [one["id"] for one in models]
    assert len({one["id"] for one in models}) == 2


def test_what_is_wrong_is_said_before_the_first_is_trained(written, tmp_path, capsys):
    data, out = ["--data", str(tmp_path / "data")], tmp_path / "runs"
    assert main(["train", *written, written[0], *data, "--out", str(out)]) == exit_codes.USAGE
    assert "two configurations are called units-6" in capsys.readouterr().err
    assert main(["train", written[0], str(tmp_path / "none.toml"), *data, "--out", str(out)]) == exit_codes.BAD_INPUT
    assert "none.toml" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.slow
def test_an_interrupt_ends_all_and_the_same_command_goes_on(written, tmp_path, capsys, monkeypatch):
    out = tmp_path / "runs"
    arguments = ["train", *written, "--data", str(tmp_path / "data"), "--out", str(out), "--jobs", "1"]
    real = side_by_side.train

    def stop_at_the_second(experiment, data, run, **options):
        if run.name == "units-8":
            raise KeyboardInterrupt
        return real(experiment, data, run, **options)

    with monkeypatch.context() as patch:
        patch.setattr(side_by_side, "train", stop_at_the_second)
        assert main(arguments) == exit_codes.INTERRUPTED
    assert f"goes on from {out}" in " ".join(capsys.readouterr().err.split())
    first = (out / "units-6" / runs.WEIGHTS).stat().st_mtime_ns
    assert not (out / "units-8").exists()
    assert main(arguments) == 0
    assert [len(runs.load_json(out / f"units-{u}" / runs.HISTORY)["epochs"]) for u in (6, 8)] == [1, 1]
    # What was trained before is not trained again.
    assert (out / "units-6" / runs.WEIGHTS).stat().st_mtime_ns == first


@pytest.mark.slow
def test_how_many_are_trained_at_once_changes_nothing(written, tmp_path, capsys):
    data = ["--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    for jobs in ("1", "2"):
        assert main(["train", *written, *data, "--out", str(tmp_path / jobs), "--jobs", jobs]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert said.index(f"kws convert {tmp_path / jobs / 'units-6'}") < said.index("units-8:")
    for units in (6, 8):
        one, two = ((tmp_path / jobs / f"units-{units}" / runs.WEIGHTS).read_bytes() for jobs in ("1", "2"))
        assert one == two
