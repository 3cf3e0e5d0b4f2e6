from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from fake_voices import Tones

from kws import audio
from kws.datasets import other_speech, sentences, synthetic, transcripts
from kws.datasets.other_speech import Amount
from kws.errors import KwsError

TEXTS = ["It rained all day.", "No, she said.", "A cat slept.", "Stop the train!", "He sang softly.", "Then it ended."]
WORDS = ["no", "stop"]


def make(out: Path, engine: Tones | None = None, amount: str = "20", **more: object) -> Path:
    settings = {"texts": TEXTS, "near": ["snow", "step"], **more}
    return other_speech.make(WORDS, out, Amount.parse(amount), engine or Tones(), **settings)


def test_amounts() -> None:
    assert Amount.parse("2h") == Amount(seconds=7200)
    assert Amount.parse("0.5h") == Amount.parse("30min") == Amount(seconds=1800)
    assert Amount.parse("500") == Amount(count=500)
    for text in ("", "0", "-3", "h", "2 days", "1e9h", "nan", "1.2.3h"):
        with pytest.raises(KwsError, match="no amount"):
            Amount.parse(text)


def test_what_is_made(tmp_path: Path) -> None:
    out = make(tmp_path / "speech")
    rows = transcripts.read(out)
    assert len(rows) == 20
    texts = [row.text for row in rows]
    assert sentences.without(texts, WORDS) == texts
    assert set(texts) & set(TEXTS)
    assert set(texts) - set(TEXTS)
    files = sorted(p.name for p in out.glob("*.flac"))
    assert sorted({row.file for row in rows}) == files
    assert len(files) == 4
    assert len({row.voice for row in rows}) == 4
    for name in files:
        pcm = audio.read(out / name)
        inside = np.zeros(len(pcm), bool)
        here = [row for row in rows if row.file == name]
        assert len({row.voice for row in here}) == 1
        for before, after in itertools.pairwise(here):
            assert 0.19 < after.start - before.end < 0.61
        for row in here:
            inside[round(row.start * 16000) - 160 : round(row.end * 16000) + 160] = True
        assert not pcm[~inside].any()
        assert 3200 < np.abs(pcm).max() < 23300
    assert sorted(p.name for p in out.iterdir()) == sorted([*files, "README.txt", "synthetic.json", "transcripts.tsv"])
    marker = json.loads((out / "synthetic.json").read_text())
    assert (marker["synthetic"], marker["without"], marker["said"], marker["voices"]) == (True, WORDS, 20, 4)
    assert (out / "README.txt").read_text().startswith("SYNTHETIC SPEECH. No human")
    assert "Tones: public domain" in (out / "README.txt").read_text()


def test_lengths_in_time(tmp_path: Path) -> None:
    out = make(tmp_path / "speech", amount="1min")
    total = sum(audio.info(p).seconds for p in out.glob("*.flac"))
    longest = max(audio.info(p).seconds for p in out.glob("*.flac"))
    assert 60 <= total < 60 + longest


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "speech", Tones(patience=14))
    assert not (tmp_path / "speech").exists()
    engine = Tones()
    out = make(tmp_path / "speech", engine)
    # Two files of six were finished.
    assert len(engine.said) == 20 - 12
    for path in whole.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["speech", "whole"]


def test_other_settings_start_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "speech", Tones(patience=14))
    engine = Tones()
    make(tmp_path / "speech", engine, seed=2)
    assert len(engine.said) == 20


def test_a_file_depends_on_its_number_alone(tmp_path: Path) -> None:
    short, long = make(tmp_path / "short", amount="6"), make(tmp_path / "long", amount="30")
    (first,) = short.glob("*.flac")
    assert (long / first.name).read_bytes() == first.read_bytes()
    other = make(tmp_path / "other", amount="6", seed=2)
    assert transcripts.read(other) != transcripts.read(short)


def test_opus_is_small_and_in_time(tmp_path: Path) -> None:
    pcm = (8000 * np.sin(np.arange(16000 * 20) / 5)).astype(np.int16)
    pcm[: 16000 * 2] = 0
    other_speech.write_opus(tmp_path / "a.opus", pcm)
    assert (tmp_path / "a.opus").stat().st_size < 60_000
    back = audio.read(tmp_path / "a.opus")
    assert len(back) == len(pcm)
    assert abs(int(np.flatnonzero(np.abs(back) > 2000)[0]) - 32000) < 160
    out = make(tmp_path / "speech", amount="2", suffix=".opus")
    assert [p.suffix for p in out.iterdir() if p.stem.startswith("tones")] == [".opus"]


def test_refusals(tmp_path: Path) -> None:
    out = make(tmp_path / "speech", amount="1")
    with pytest.raises(KwsError, match="already exists"):
        make(out)
    with pytest.raises(KwsError, match="every sentence"):
        make(tmp_path / "x", texts=["No, stop."])
    with pytest.raises(KwsError, match="number of voices"):
        make(tmp_path / "x", voice_count=99)
    assert [p.name for p in tmp_path.iterdir()] == ["speech"]


def test_words_by_another_engine_go_on_too(tmp_path: Path) -> None:
    def words(name: str, engine: Tones) -> Path:
        return synthetic.make(["ja", "ne"], tmp_path / name, takes_per_voice=2, near_misses=False, engine=engine)

    whole = words("whole", Tones())
    assert len(list(whole.glob("*/*_nohash_*.wav"))) == 2 * 6 * 2
    assert json.loads((whole / "synthetic.json").read_text())["engine"] == "Tones 1"
    with pytest.raises(KeyboardInterrupt):
        words("again", Tones(patience=9))
    assert not (tmp_path / "again").exists()
    engine = Tones()
    again = words("again", engine)
    assert engine.said.count("ja") + engine.said.count("ne") == 24 - 9
    for path in (p for p in whole.rglob("*") if p.is_file()):
        assert (again / path.relative_to(whole)).read_bytes() == path.read_bytes()


def test_transcripts_are_checked(tmp_path: Path) -> None:
    rows = [
        transcripts.Stretch("a.wav", 0, 1.5, "He\tsaid\nno", ("no",), "anna"),
        transcripts.Stretch("b.wav", 2, 3, ""),
    ]
    transcripts.write(tmp_path, rows)
    back = transcripts.read(tmp_path)
    assert back == [transcripts.Stretch("a.wav", 0, 1.5, "He said no", ("no",), "anna"), rows[1]]
    (tmp_path / "transcripts.tsv").write_text("text\tfile\tend_s\tstart_s\r\nhello\tx.opus\t2\t1\r\n")
    assert transcripts.read(tmp_path) == [transcripts.Stretch("x.opus", 1, 2, "hello")]
    for text, why in (
        ("", "lacks the columns file, start_s"),
        ("file\tstart_s\ttext\na\t1\tb\n", "lacks the columns end_s"),
        ("file\tstart_s\tend_s\ttext\na\t2\t1\tb\n", "line 2"),
        ("file\tstart_s\tend_s\ttext\na\t0\tnan\tb\n", "line 2"),
        ("file\tstart_s\tend_s\ttext\na\t0\t1\n", "line 2"),
    ):
        (tmp_path / "transcripts.tsv").write_text(text)
        with pytest.raises(KwsError, match=why):
            transcripts.read(tmp_path)
    with pytest.raises(KwsError, match="cannot read"):
        transcripts.read(tmp_path / "nowhere")
