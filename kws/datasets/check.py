"""Find what is wrong with a folder of recordings before it costs a day of training."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import BY_TAKE, SAMPLE_RATE, SILENCE, DataConfig
from kws.datasets import clips
from kws.errors import KwsError

Progress = Callable[[int, int], None]

_FRAME = SAMPLE_RATE // 50
# -60 dB of full scale: 30 dB under a quiet speaker, about the noise floor of a good microphone.
_SILENT_RMS = 32.768
# A flat top is this many equal samples at the clip's own extreme; a wave never has one.
_FLAT = 4
_NEAR_FULL_SCALE = 29_000
_CLIPPED_SHARE = 0.001
_SHORT, _LONG = 0.3, 1.5
# Names that tell speakers apart give several clips to most; fewer clips than this say nothing.
_LONE, _MANY = 0.9, 20


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: a name that is the same for all findings of one sort, such as ``clipped``.
        message: a sentence that names the files.
        paths: the files or folders concerned.
    """

    kind: str
    message: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Report:
    """What `check` found.

    Attributes:
        errors: what must be mended before training.
        warnings: what is worth a look.
        notes: what is only worth knowing.
        words: number of readable clips by word.
        sample_rates: number of readable clips by sample rate in Hz.
        seconds: shortest, median and longest clip, in seconds.
        clips: number of readable clips by split.
        speakers: number of speakers by split.
    """

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    notes: tuple[str, ...]
    words: dict[str, int]
    sample_rates: dict[int, int]
    seconds: tuple[float, float, float]
    clips: dict[str, int]
    speakers: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether there are no errors."""
        return not self.errors


@dataclass(frozen=True)
class _Measured:
    clip: clips.Clip
    info: audio.Info
    loudest: float
    clipped: float
    digest: bytes


def check(
    root: str | Path,
    data: DataConfig | None = None,
    progress: Progress | None = None,
) -> Report:
    """Read every clip of a folder of word folders and report what is wrong.

    Errors: unreadable or truncated files, word folders without clips, a speaker in two splits (unless
    takes are split), the same audio in two splits or under two words. Warnings: file names that make
    nearly every clip a speaker of its own, clips that will be resampled
    or mixed to mono, silent clips (loudest 20 ms below -60 dB of full scale), clipped clips
    (0.1 % of the samples or more in flat tops near full scale), clips shorter than 0.3 or longer
    than 1.5 times ``data.clip_ms``, and other copies of the same audio.

    Args:
        root: the folder.
        data: how the clips will be split and cut; by default as a training does.
        progress: called with (clips done, clips in total).

    Raises:
        KwsError: the folder is missing or holds no clips at all.
    """
    root = Path(root)
    data = data or DataConfig()
    listed = clips.index(root, data.validation_percent, data.testing_percent, data.split_by)
    errors = [
        Finding("empty", f"{folder.name} holds no .wav or .flac clips; add some or delete the folder", (folder,))
        for folder in clips.word_folders(root)
        if not clips.audio_files(folder)
    ]
    measured = []
    with ThreadPoolExecutor(4) as pool:
        for done, result in enumerate(pool.map(_measure, listed), start=1):
            if isinstance(result, Finding):
                errors.append(result)
            else:
                measured.append(result)
            if progress is not None:
                progress(done, len(listed))
    lists = clips.read_lists(root)
    by_take = data.split_by == BY_TAKE and not lists
    duplicate_errors, warnings = _duplicates(measured)
    if not by_take:
        errors += _torn_speakers(listed)
        warnings += [] if lists else _lone_speakers(root, listed)
    for m in measured:
        warnings += _doubts(m, data.clip_ms / 1000)
    for path in clips.background(root):
        unreadable = _unreadable(path)
        errors += [unreadable] if unreadable else []
    seconds = [m.info.seconds for m in measured] or [0.0]
    return Report(
        errors=tuple(errors + duplicate_errors),
        warnings=tuple(sorted(warnings, key=lambda f: (f.kind, f.paths))),
        notes=tuple(_notes(root, lists, listed, by_take)),
        words=dict(Counter(m.clip.word for m in measured)),
        sample_rates=dict(Counter(m.info.sample_rate for m in measured)),
        seconds=(min(seconds), float(np.median(seconds)), max(seconds)),
        clips={s: sum(m.clip.split == s for m in measured) for s in clips.SPLITS},
        speakers={s: len({m.clip.speaker for m in measured if m.clip.split == s}) for s in clips.SPLITS},
    )


def _measure(clip: clips.Clip) -> _Measured | Finding:
    try:
        info, pcm = audio.info(clip.path), audio.read(clip.path)
    except KwsError as error:
        return Finding("unreadable", str(error), (clip.path,))
    digest = hashlib.blake2b(pcm.tobytes(), digest_size=16).digest()
    return _Measured(clip, info, loudest_rms(pcm), clipped_share(pcm), digest)


def loudest_rms(pcm: npt.NDArray[np.int16]) -> float:
    """The rms of the loudest 20 ms of int16 ``[samples]`` at 16 kHz, full scale 32,768."""
    padded = np.pad(pcm.astype(np.float32), (0, -len(pcm) % _FRAME)).reshape(-1, _FRAME)
    return float(np.sqrt(np.einsum("ij,ij->i", padded, padded).max() / _FRAME))


def clipped_share(pcm: npt.NDArray[np.int16]) -> float:
    """The share of samples of int16 ``[samples]`` in flat tops near full scale, 0 to 1.

    A flat top is a run of four or more equal samples at the greatest or least value, beyond
    29,000: a converter may saturate a little below the limit of int16.
    """
    flat = 0
    for level in {int(pcm.max()), int(pcm.min())}:
        if abs(level) < _NEAR_FULL_SCALE:
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[False], pcm == level, [False]]).astype(np.int8)))
        runs = edges[1::2] - edges[::2]
        flat += int(runs[runs >= _FLAT].sum())
    return flat / len(pcm)


def _doubts(m: _Measured, clip_seconds: float) -> Iterator[Finding]:
    path, name = (m.clip.path,), f"{m.clip.word}/{m.clip.path.name}"
    if m.info.sample_rate != SAMPLE_RATE:
        yield Finding("sample rate", f"{name} is at {m.info.sample_rate} Hz and will be resampled", path)
    if m.info.channels != 1:
        yield Finding("channels", f"{name} has {m.info.channels} channels and will be averaged to one", path)
    if m.loudest < _SILENT_RMS and m.clip.word != SILENCE:
        yield Finding(
            "silent", f"{name} is silent, or nearly so; listen to it, then record it again or delete it", path
        )
    if m.clipped >= _CLIPPED_SHARE:
        yield Finding("clipped", f"{name} is clipped in {100 * m.clipped:.1f} % of its samples", path)
    if m.info.seconds < _SHORT * clip_seconds:
        yield Finding("short", f"{name} lasts only {m.info.seconds:.2f} s; the word may be cut off", path)
    if m.info.seconds > _LONG * clip_seconds:
        yield Finding(
            "long", f"{name} lasts {m.info.seconds:.2f} s; only its loudest {clip_seconds:g} s will be used", path
        )


def _torn_speakers(listed: Sequence[clips.Clip]) -> Iterator[Finding]:
    by_speaker: dict[str, list[clips.Clip]] = {}
    for clip in listed:
        by_speaker.setdefault(clip.speaker, []).append(clip)
    for speaker, own in by_speaker.items():
        splits = sorted({c.split for c in own})
        if len(splits) > 1:
            message = f"speaker {speaker} is in {' and '.join(splits)}; mend the split lists"
            yield Finding("speaker in two splits", message, tuple(c.path for c in own))


def _lone_speakers(root: Path, listed: Sequence[clips.Clip]) -> Iterator[Finding]:
    speakers = len({clip.speaker for clip in listed})
    if len({clip.word for clip in listed}) > 1 and len(listed) >= _MANY and speakers > _LONE * len(listed):
        name = listed[0].path.name
        message = (
            f"{len(listed)} clips are by {speakers} speakers as their names go ({name} by {listed[0].speaker}), so one"
            " person may be in two splits; name them like anna_01.wav"
        )
        yield Finding("speakers", message, (root,))


def _duplicates(measured: Sequence[_Measured]) -> tuple[list[Finding], list[Finding]]:
    by_digest: dict[bytes, list[clips.Clip]] = {}
    for m in measured:
        # Silent clips are reported as such; that they are alike says nothing.
        if m.loudest >= _SILENT_RMS:
            by_digest.setdefault(m.digest, []).append(m.clip)
    errors, warnings = [], []
    for same in by_digest.values():
        if len(same) < 2:
            continue
        names = ", ".join(f"{c.word}/{c.path.name}" for c in same)
        paths = tuple(c.path for c in same)
        if len({c.split for c in same}) > 1:
            errors.append(Finding("duplicate in two splits", f"the same audio is in two splits: {names}", paths))
        elif len({c.word for c in same}) > 1:
            errors.append(Finding("duplicate under two words", f"the same audio has two words: {names}", paths))
        else:
            warnings.append(Finding("duplicate", f"the same audio is here more than once: {names}", paths))
    return errors, warnings


def _unreadable(path: Path) -> Finding | None:
    try:
        for _ in audio.blocks(path, SAMPLE_RATE):
            pass
    except KwsError as error:
        return Finding("unreadable", str(error), (path,))
    return None


def _notes(root: Path, lists: dict[str, set[str]], listed: Sequence[clips.Clip], by_take: bool) -> Iterator[str]:
    if lists:
        here = {f"{c.word}/{c.path.stem}" for c in listed}
        for split, keys in lists.items():
            gone = len(keys - here)
            yield f"{clips.LISTS[split]} defines the {split} split; {gone} of its {len(keys)} clips are missing"
    else:
        yield f"there are no split lists; {'takes' if by_take else 'speakers'} are split by the hash of their names"
    if not clips.background(root):
        yield f"there is no {clips.BACKGROUND} folder; synthesised noise will be used"
