"""Find what is wrong with a folder of recordings before it costs a day of training."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from kws import audio
from kws.config import BY_SPEAKER, BY_TAKE, ONE_OUT, SAMPLE_RATE, SILENCE, DataConfig
from kws.datasets import clips
from kws.datasets.measure import Measured, measure
from kws.datasets.misspelt import misspelt
from kws.datasets.splits import LISTS, SPLITS, SUFFIXES, TRAINING, VALIDATION, read_lists
from kws.errors import KwsError
from kws.types import Progress

_BLOCK = 1 << 16
SILENT_RMS = 32.768
"""-60 dB of full scale: 30 dB under a quiet speaker, about the noise floor of a good microphone."""
CLIPPED_SHARE = 0.001
"""So many samples in flat tops are worth a word."""
_SHORT, _LONG = 0.3, 1.5
# Names that tell speakers apart give several clips to most; fewer clips than this say nothing.
_LONE, _MANY = 0.9, 20
# Of fewer speakers a tenth is nobody, or one.
_FEW_SPEAKERS = 10
# Somebody else's name for a split list.
_OTHER_LIST = re.compile(r"(val|test|train|split)\w*\.(txt|csv|tsv|lst|list)$", re.IGNORECASE)
# How many of a kind are shown before they are only counted.
_SHOWN = 3
# What `kws listen --dump` keeps apart. Without clips of their own these are no word folders.
_KEPT = {
    clips.NEAR: "near misses that kws listen kept; listen to them, and move those that are a word to its folder",
    clips.PHRASES: "phrases that kws listen kept",
}

M = TypeVar("M")
T = TypeVar("T")


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
    sound: Measured


def check(
    root: str | Path,
    data: DataConfig | None = None,
    progress: Progress | None = None,
) -> Report:
    """Read every clip of a folder of word folders and report what is wrong.

    Errors: unreadable or truncated files, word folders without clips, folders that differ from a word
    only in case, spaces, punctuation around it or what nobody sees, and from ``_background_noise_`` in
    what is no letter, words of ``data`` without a clip, no clip of a word left for training or
    validation, a clip in both split lists, a speaker in two splits (unless takes are split), the same
    audio in two splits or under two words. Warnings: file names that make nearly every clip a speaker
    of its own, one speaker or a handful, files that are passed over, clips that will be resampled or
    mixed to mono, clips at less than 16 kHz, headers that do not fit their file, silent clips (loudest
    20 ms below -60 dB of full scale), clipped clips (0.1 % of the samples or more in flat tops near full
    scale), clips shorter than 0.3 or longer than 1.5 times ``data.clip_ms``, and other copies of the
    same audio.

    Args:
        root: the folder.
        data: the words, and how clips will be split and cut; by default no words are expected, and
            clips are split as a training does.
        progress: called with (clips done, clips in total).

    Raises:
        KwsError: the folder is missing or holds no clips at all.
    """
    root = Path(root)
    words = () if data is None else data.words
    data = data or DataConfig()
    listed = clips.index(root, data)
    errors = [
        Finding("empty", f"{folder.name} holds no {' or '.join(SUFFIXES)} clips; add some or delete it", (folder,))
        for folder in clips.word_folders(root)
        if not clips.audio_files(folder) and folder.name not in _KEPT
    ]
    errors += [Finding("folder name", message, (folder,)) for folder, message in misspelt(root, words)]
    # Without a configuration nothing is known of words or splits.
    errors += _without_clips(listed, data) if words else []
    measured, wrong = each(_measure, listed, progress)
    errors += wrong
    lists = read_lists(root)
    by_take = data.split_by == BY_TAKE and not lists
    duplicate_errors, warnings = _duplicates(measured)
    errors += _in_two_lists(root, lists, listed)
    if not by_take:
        errors += _torn_speakers(listed)
        warnings += [] if lists else [*_lone_speakers(root, listed), *_few_speakers(root, listed, data)]
    warnings += _passed_over(root)
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
        clips={s: sum(m.clip.split == s for m in measured) for s in SPLITS},
        speakers={s: len({m.clip.speaker for m in measured if m.clip.split == s}) for s in SPLITS},
    )


def each(
    work: Callable[[T], M | Finding], items: Sequence[T], progress: Progress | None
) -> tuple[list[M], list[Finding]]:
    """What ``work`` makes of each item, in order, and what it finds wrong instead, four at a time.

    Args:
        work: measures one, or says what is wrong with it.
        items: what to measure.
        progress: called with (items done, in total).
    """
    measured: list[M] = []
    wrong: list[Finding] = []
    with ThreadPoolExecutor(4) as pool:
        for done, result in enumerate(pool.map(work, items), start=1):
            if isinstance(result, Finding):
                wrong.append(result)
            else:
                measured.append(result)
            if progress is not None:
                progress(done, len(items))
    return measured, wrong


def _measure(clip: clips.Clip) -> _Measured | Finding:
    try:
        return _Measured(clip, audio.info(clip.path), measure(lambda: audio.blocks(clip.path, _BLOCK)))
    except KwsError as error:
        return Finding("unreadable", str(error), (clip.path,))


def summary(findings: Sequence[Finding], every: bool = False) -> list[str]:
    """Findings as lines of text: of each kind the first few, and how many there are.

    Args:
        findings: in any order.
        every: show all of each kind.
    """
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    lines = []
    for kind, found in kinds.items():
        shown = found if every or len(found) <= _SHOWN + 1 else found[:_SHOWN]
        lines += [f"{kind}: {finding.message}" for finding in shown]
        if len(shown) < len(found):
            lines.append(f"{kind}: {len(found) - len(shown)} more, {len(found)} in all")
    return lines


def _in_two_lists(root: Path, lists: dict[str, set[str]], listed: Sequence[clips.Clip]) -> Iterator[Finding]:
    both = set.intersection(*lists.values()) if len(lists) > 1 else set()
    named = [clip for clip in listed if f"{clip.word}/{clip.path.stem}" in both]
    if named:
        names = " and ".join(LISTS[split] for split in lists)
        message = (
            f"{len(named)} clips (first: {named[0].word}/{named[0].path.name}) are in {names}, and the first of these"
            " counts; take them out of one"
        )
        yield Finding("in two split lists", message, tuple(clip.path for clip in named))


def _without_clips(listed: Sequence[clips.Clip], data: DataConfig) -> Iterator[Finding]:
    absent = [word for word in data.words if all(clip.word != word for clip in listed)]
    if absent:
        names = ", ".join(absent)
        yield Finding("missing word", f"there is no folder of clips for {names}; record them or mend data.words", ())
    present = [clip for clip in listed if clip.word in data.words]
    for split in (TRAINING, VALIDATION) if data.validation_percent else (TRAINING,):
        if all(clip.split != split for clip in present):
            message = (
                f"no clip is left for {split}; record more people, or set data.split_by to"
                f' "{ONE_OUT}" for a handful of speakers or "{BY_TAKE}" for one or two'
            )
            yield Finding("empty split", message, ())


def _few_speakers(root: Path, listed: Sequence[clips.Clip], data: DataConfig) -> Iterator[Finding]:
    speakers = sorted({clip.speaker for clip in listed})
    if len(speakers) == 1:
        message = (
            f'every clip is of one speaker ({speakers[0]}): set data.split_by = "{BY_TAKE}", and expect accuracy to say'
            " nothing about other people"
        )
        yield Finding("one speaker", message, (root,))
    elif len(speakers) < _FEW_SPEAKERS and data.split_by == BY_SPEAKER:
        message = (
            f'there are only {len(speakers)} speakers, so a tenth of them is nobody: set data.split_by = "{ONE_OUT}" to'
            " test with one of them, or give split lists"
        )
        yield Finding("few speakers", message, (root,))


def _passed_over(root: Path) -> Iterator[Finding]:
    """Files in the way that no training will read."""
    loose = [p for p in clips.audio_files(root) if p.is_file()]
    if loose:
        message = f"{len(loose)} audio files lie beside the word folders (first: {loose[0].name}) and are not used"
        yield Finding("passed over", f"{message}; put each into the folder of its word", tuple(loose))
    others = sorted(p for p in root.iterdir() if _OTHER_LIST.match(p.name) and p.name not in LISTS.values())
    if others:
        message = f"{', '.join(p.name for p in others)} is no split list by its name, and is not read"
        yield Finding("passed over", f"{message}; split lists are {' and '.join(LISTS.values())}", tuple(others))
    for folder in clips.word_folders(root):
        other = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.suffix.lower() not in SUFFIXES)
        nested = [p for p in other if p.is_dir()]
        files = [p for p in other if not p.is_dir()]
        if nested and folder.name in _KEPT:
            yield Finding("passed over", f"{folder.name} is not used; it holds {_KEPT[folder.name]}", tuple(nested))
        elif nested:
            message = f"{folder.name} holds {len(nested)} folders (first: {nested[0].name}), which are not looked into"
            yield Finding("passed over", f"{message}; put the clips into {folder.name} itself", tuple(nested))
        if odd := clips.no_files(folder):
            message = f"{folder.name} holds {len(odd)} recordings by name (first: {odd[0].name}) that are no files"
            yield Finding("passed over", f"{message}, but pipes or folders, and are not read", tuple(odd))
        if files:
            kinds = Counter(p.suffix.lower() or "no suffix" for p in files)
            message = f"{folder.name} holds {', '.join(f'{n} files with {k}' for k, n in kinds.most_common())}"
            yield Finding(
                "passed over", f"{message}, which are not used; clips are {', '.join(SUFFIXES)}", tuple(files)
            )


def _doubts(m: _Measured, clip_seconds: float) -> Iterator[Finding]:
    path, name = (m.clip.path,), f"{m.clip.word}/{m.clip.path.name}"
    if m.info.note:
        yield Finding("header", f"{name}: {m.info.note}", path)
    if m.info.sample_rate < SAMPLE_RATE:
        yield Finding("narrow band", f"{name}: {audio.narrow(m.info.sample_rate)}", path)
    elif m.info.sample_rate != SAMPLE_RATE:
        yield Finding("sample rate", f"{name} is at {m.info.sample_rate} Hz and will be resampled", path)
    if m.info.channels != 1:
        yield Finding("channels", f"{name} has {m.info.channels} channels and will be averaged to one", path)
    if m.sound.loudest < SILENT_RMS and m.clip.word != SILENCE:
        yield Finding(
            "silent", f"{name} is silent, or nearly so; listen to it, then record it again or delete it", path
        )
    if m.sound.clipped >= CLIPPED_SHARE:
        yield Finding("clipped", f"{name} is clipped in {100 * m.sound.clipped:.1f} % of its samples", path)
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
        if m.sound.loudest >= SILENT_RMS:
            by_digest.setdefault(m.sound.digest, []).append(m.clip)
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
            yield f"{LISTS[split]} defines the {split} split; {gone} of its {len(keys)} clips are missing"
    else:
        yield f"there are no split lists; {'takes' if by_take else 'speakers'} are split by the hash of their names"
    if not clips.background(root):
        yield f"there is no {clips.BACKGROUND} folder; synthesised noise will be used"
