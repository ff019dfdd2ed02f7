"""What is wrong with a corpus' recordings, and which of them are the same sound."""

from __future__ import annotations

import filecmp
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..audio import io
from ..audio.segment import Segment
from ..corpora.example import Example
from .finding import Finding, Verdict, of_these
from .recordings import CLIPPED_SHARE, FULL_SCALE, Sound, names

Name = Callable[[io.Audio], str]


def judge(
    examples: Sequence[Example],
    drawn: Sequence[str],
    sounds: Mapping[Segment, Sound],
    without_audio: Sequence[str],
    root: Path,
    is_quick: bool,
) -> list[Finding]:
    """The findings about recordings.

    Args:
        drawn: the split of each example.
        without_audio: rows that the parser left out, as there is no file to name.
    """
    name = names(examples, root)
    heard = {segment: sound for segment, sound in sounds.items() if not sound.fault}
    findings = [*faults(sounds, name, without_audio), *formats(heard, name)]
    if is_quick:
        skipped = "not looked for: --quick reads headers only"
        return [*findings, Finding("silence, clipping, duplicates", skipped, "note")]
    return [*findings, clipping(heard, name), duplicates(heard, sides(examples, drawn), name)]


def faults(
    sounds: Mapping[Segment, Sound], name: Name, without_audio: Sequence[str]
) -> list[Finding]:
    """Missing, unreadable and silent recordings."""
    missing = {name(segment.audio) for segment, s in sounds.items() if _kind(s) == "missing"}
    lost = [*sorted(missing), *without_audio]
    silent = [_stretch(g, name) for g, s in sounds.items() if _kind(s) == "silent"]
    others = [
        f"{_stretch(segment, name)}: {sound.fault}"
        for segment, sound in sounds.items()
        if sound.fault and _kind(sound) not in ("missing", "silent")
    ]
    total = len({segment.audio for segment in sounds}) + len(without_audio)
    return [
        of_these("missing recordings", f"of {total}", lost, "fault"),
        of_these("unreadable recordings", f"of {total}", others, "fault"),
        of_these("silent recordings", f"of {total}, below {io.SILENT:g}", silent, "fault"),
    ]


def _kind(sound: Sound) -> str:
    return sound.fault.partition(":")[0]


def formats(heard: Mapping[Segment, Sound], name: Name) -> list[Finding]:
    """Sample rates and channels; the examples are those unlike most."""
    of: dict[str, dict[io.Audio, str]] = {"sample rates": {}, "channels": {}, "encodings": {}}
    for segment, sound in heard.items():
        assert sound.header is not None
        of["sample rates"][segment.audio] = f"{sound.header.sample_rate} Hz"
        of["channels"][segment.audio] = _CHANNELS.get(
            sound.header.channels, f"{sound.header.channels} channels"
        )
        of["encodings"][segment.audio] = sound.header.encoding
    findings = []
    for check, values in of.items():
        counted = Counter(values.values()).most_common()
        found = ", ".join(f"{value} {number}" for value, number in counted)
        odd = [f"{name(a)} ({value})" for a, value in values.items() if value != counted[0][0]]
        if counted:
            findings.append(Finding(check, found, "note" if odd else "ok", odd))
    return findings


_CHANNELS = {1: "mono", 2: "stereo"}


def clipping(heard: Mapping[Segment, Sound], name: Name) -> Finding:
    """Recordings too loud for their format, the worst first."""
    share: dict[io.Audio, float] = defaultdict(float)
    for segment, sound in heard.items():
        share[segment.audio] = max(share[segment.audio], sound.clipped)
    clipped = sorted((a for a in share if share[a] >= CLIPPED_SHARE), key=lambda a: -share[a])
    what = (
        f"of {len(share)} have {100 * CLIPPED_SHARE:g} % or more of their samples"
        f" at {100 * FULL_SCALE:g} % of full scale or above"
    )
    shown = [f"{name(audio)} ({100 * share[audio]:.1f} %)" for audio in clipped]
    return of_these("clipped recordings", what, shown, "warning")


def sides(examples: Sequence[Example], drawn: Sequence[str]) -> dict[io.Audio, set[str]]:
    """The splits that each recording is in."""
    found: dict[io.Audio, set[str]] = defaultdict(set)
    for example, split in zip(examples, drawn):
        for segment in example.audio:
            found[segment.audio].add(split)
    return found


def duplicates(
    heard: Mapping[Segment, Sound], on: Mapping[io.Audio, set[str]], name: Name
) -> Finding:
    """Recordings whose decoded samples are equal: the same sound, in WAV or FLAC.

    A fault where they are in different splits: training has then heard what is tested.
    """
    by_content: dict[bytes, list[Segment]] = defaultdict(list)
    for segment, sound in heard.items():
        by_content[sound.content].append(segment)
    told, num_across = [], 0
    for segments in by_content.values():
        audio = list(dict.fromkeys(segment.audio for segment in segments))
        if len(audio) < 2:
            continue
        splits = set().union(*(on[a] for a in audio))
        num_across += len(splits) > 1
        equal = "same bytes" if _is_same_file(audio) else "same samples"
        where = " = ".join(name(a) for a in audio)
        told.append((len(splits) < 2, f"{where} ({equal}; {', '.join(sorted(splits))})"))
    told.sort(key=lambda entry: entry[0])  # those across splits first
    what = f"sound(s) under several names, {num_across or 'none'} in several splits"
    verdict: Verdict = "fault" if num_across else "warning"
    return of_these("duplicates", what, [text for _, text in told], verdict)


def _is_same_file(audio: Sequence[io.Audio]) -> bool:
    first, *others = audio
    return all(
        filecmp.cmp(first, other, shallow=False)
        if isinstance(first, str) and isinstance(other, str)
        else first == other
        for other in others
    )


def _stretch(segment: Segment, name: Name) -> str:
    """A recording, and from where to where if not all of it."""
    if segment.start == 0 and segment.end is None:
        return name(segment.audio)
    end = "" if segment.end is None else f"{segment.end:g}"
    return f"{name(segment.audio)} [{segment.start:g}-{end} s]"
