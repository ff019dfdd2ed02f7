"""Faults of a corpus' recordings, and recordings that are the same sound."""

import filecmp
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from ..audio import io
from ..audio.segment import Segment
from ..corpora.example import Example
from .finding import Finding, Verdict, of_these
from .recordings import CLIPPED_SHARE, FULL_SCALE, Name, Sound

CHANNELS = {1: "mono", 2: "stereo"}

Sounds = Mapping[Segment, Sound]


def judge(
    examples: Sequence[Example],
    sides: Sequence[str],
    sounds: Sounds,
    without_audio: Sequence[str],
    name: Name,
    is_quick: bool,
) -> list[Finding]:
    """The findings about recordings.

    Args:
        sides: the split of each example.
        without_audio: rows that the parser left out, as there is no file to name.
    """
    usable = {segment: sound for segment, sound in sounds.items() if not sound.fault}
    findings = [*faults(sounds, name, without_audio), *formats(usable, name)]
    if is_quick:
        skipped = "not looked for: --quick reads headers only"
        return [*findings, Finding("silence, clipping, duplicates", skipped, "note")]
    return [*findings, clipping(usable, name), duplicates(usable, examples, sides, name)]


def faults(sounds: Sounds, name: Name, without_audio: Sequence[str]) -> list[Finding]:
    """Missing, unreadable and silent recordings."""
    missing, silent, others = set(), [], []
    for segment, sound in sounds.items():
        kind = sound.fault.partition(":")[0]
        if kind == "missing":
            missing.add(name(segment.audio))
        elif kind == "silent":
            silent.append(_stretch(segment, name))
        elif kind:
            others.append(f"{_stretch(segment, name)}: {sound.fault}")
    of = f"of {len({segment.audio for segment in sounds}) + len(without_audio)}"
    lost = [*sorted(missing), *without_audio]
    quiet = f"{of} are silent: all their samples are below {io.SILENT:g}"
    return [
        of_these("missing recordings", f"{of} are missing", lost, "fault"),
        of_these("unreadable recordings", f"{of} cannot be read", others, "fault"),
        of_these("silent recordings", quiet, silent, "fault"),
    ]


def _stretch(segment: Segment, name: Name) -> str:
    """A recording, and from where to where if not all of it."""
    if segment.start == 0 and segment.end is None:
        return name(segment.audio)
    end = "" if segment.end is None else f"{segment.end:g}"
    return f"{name(segment.audio)} [{segment.start:g}-{end} s]"


def formats(usable: Sounds, name: Name) -> list[Finding]:
    """Sample rates, channels and encodings; the examples are those unlike most."""
    headers = {segment.audio: sound.header for segment, sound in usable.items() if sound.header}
    values = {
        "sample rates": {a: f"{h.sample_rate} Hz" for a, h in headers.items()},
        "channels": {
            a: CHANNELS.get(h.channels, f"{h.channels} channels") for a, h in headers.items()
        },
        "encodings": {a: h.encoding for a, h in headers.items()},
    }
    findings = []
    for check, of in values.items():
        counts = Counter(of.values()).most_common()
        text = ", ".join(f"{value} {number}" for value, number in counts)
        odd = [f"{name(audio)} ({value})" for audio, value in of.items() if value != counts[0][0]]
        if counts:
            findings.append(Finding(check, text, "note" if odd else "ok", odd))
    return findings


def clipping(usable: Sounds, name: Name) -> Finding:
    """Recordings too loud for their format, the worst first."""
    share: dict[io.Audio, float] = defaultdict(float)
    for segment, sound in usable.items():
        share[segment.audio] = max(share[segment.audio], sound.clipped)
    clipped = sorted((a for a in share if share[a] >= CLIPPED_SHARE), key=lambda a: -share[a])
    what = (
        f"of {len(share)} have {100 * CLIPPED_SHARE:g} % or more of their samples"
        f" at {100 * FULL_SCALE:g} % of full scale or above"
    )
    shown = [f"{name(audio)} ({100 * share[audio]:.1f} %)" for audio in clipped]
    return of_these("clipped recordings", what, shown, "warning")


def duplicates(
    usable: Sounds, examples: Sequence[Example], sides: Sequence[str], name: Name
) -> Finding:
    """Recordings whose decoded samples are equal: the same sound, in WAV or FLAC.

    A fault if they are in different splits: training has then heard the test.
    """
    splits_of: dict[io.Audio, set[str]] = defaultdict(set)
    for example, side in zip(examples, sides):
        for segment in example.audio:
            splits_of[segment.audio].add(side)
    by_content: dict[bytes, dict[io.Audio, None]] = defaultdict(dict)
    for segment, sound in usable.items():
        by_content[sound.content][segment.audio] = None
    within: list[str] = []
    across: list[str] = []
    for audio in map(list, by_content.values()):
        if len(audio) > 1:
            splits = sorted(set().union(*(splits_of[a] for a in audio)))
            equal = "same bytes" if _is_same_file(audio) else "same samples"
            text = f"{' = '.join(map(name, audio))} ({equal}; {', '.join(splits)})"
            (across if len(splits) > 1 else within).append(text)
    what = f"sound(s) have several names, {len(across) or 'none'} of them in several splits"
    verdict: Verdict = "fault" if across else "warning"
    return of_these("duplicates", what, across + within, verdict)


def _is_same_file(audio: Sequence[io.Audio]) -> bool:
    first, *others = audio
    return all(
        filecmp.cmp(first, other, shallow=False)
        if isinstance(first, str) and isinstance(other, str)
        else first == other
        for other in others
    )
