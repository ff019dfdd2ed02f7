"""First look at audio: unusable rows are skipped and counted, and nothing is looked at twice."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from spectrobert.audio import io
from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.data import checks, rows, store
from spectrobert.data.checks import Skipped
from spectrobert.errors import UserError

from ..helpers.sounds import BAD_FILES, constant, noise


def example(number: int, *audio: str) -> Example:
    return Example(id=f"row{number}", audio=tuple(Segment(a) for a in audio))


def good(folder: Path, count: int) -> list[Example]:
    return [example(i, noise(folder / f"good{i}.wav", i)) for i in range(count)]


def check(
    examples: Sequence[Example],
    mode: str,
    max_skipped: float,
    cache: Path,
    progress: checks.Progress = checks.no_progress,
) -> tuple[list[Skipped], list[float]]:
    """Unusable rows, and the seconds of the others, as in preparation."""
    known = store.KnownFindings(cache)
    found = checks.look(rows.to_table(examples), mode, known.look_at, progress)
    known.write()
    skipped = [Skipped(examples[row].id, *why) for row, why in found.faults.items()]
    checks.refuse_too_many(skipped, len(examples), max_skipped)
    return skipped, [s for row, s in enumerate(found.seconds) if row not in found.faults]


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_skipped_with_its_reason(tmp_path, kind):
    write, fault = BAD_FILES[kind]
    path = write(tmp_path / "bad.wav")
    examples = [*good(tmp_path, 3), example(3, path)]
    (skipped,), seconds = check(examples, "auto", 0.25, tmp_path / "cache.json")
    assert seconds == pytest.approx([0.3] * 3)
    assert (skipped.id, skipped.recording) == ("row3", path)
    assert skipped.fault.startswith(f"{fault}: ")


@pytest.mark.parametrize("kind", BAD_FILES)
def test_above_the_limit_the_first_file_is_named(tmp_path, kind):
    write, fault = BAD_FILES[kind]
    path = write(tmp_path / "bad.wav")
    examples = [*good(tmp_path, 2), example(2, path), example(3, str(tmp_path / "second.wav"))]
    with pytest.raises(UserError) as caught:
        check(examples, "auto", 0.49, tmp_path / "cache.json")
    message = str(caught.value)
    assert "\n" not in message
    for words in ("2 of 4", "dataset.max_skipped=0.49", f"the first: {path}: {fault}"):
        assert words in message
    assert len(check(examples, "auto", 0.5, tmp_path / "cache.json")[0]) == 2


def test_a_scene_is_as_good_as_its_worst_part(tmp_path):
    first, second = (noise(tmp_path / f"{i}.wav", i, seconds=0.5) for i in range(2))
    scene = Example("scene", (Segment(first), Segment(second, 0.1, 0.4, onset=2.0)))
    bad = Example("bad", (Segment(first), Segment(constant(tmp_path / "silent.wav", 0.0))))
    skipped, seconds = check([scene, bad], "decode", 0.5, tmp_path / "cache.json")
    assert seconds == pytest.approx([2.3])
    assert [s.id for s in skipped] == ["bad"]


def test_the_stretch_decides(tmp_path):
    path = noise(tmp_path / "a.wav", 0, seconds=1.0)
    parts = (Segment(path, 0.2, 0.5), Segment(path, 0.99), Segment(path, 2.0, 3.0))
    examples = [Example(f"row{i}", (part,)) for i, part in enumerate(parts)]
    skipped, seconds = check(examples, "decode", 0.9, tmp_path / "cache.json")
    assert seconds == pytest.approx([0.3])
    assert [s.fault.split(":")[0] for s in skipped] == ["too short"] * 2


@pytest.mark.parametrize(
    ("mode", "is_found"), [("decode", True), ("auto", True), ("header", False), ("none", False)]
)
def test_silence_is_found_by_decoding_only(tmp_path, mode, is_found):
    examples = [*good(tmp_path, 1), example(1, constant(tmp_path / "silent.wav", 0.0))]
    assert len(check(examples, mode, 0.5, tmp_path / "cache.json")[0]) == is_found


def test_auto_reads_headers_of_a_large_corpus(tmp_path, monkeypatch):
    examples = [*good(tmp_path, 1), example(1, constant(tmp_path / "silent.wav", 0.0))]
    monkeypatch.setattr(checks, "MAX_DECODED_SECONDS", 0.5)  # there are 0.6
    assert not check(examples, "auto", 0.5, tmp_path / "cache.json")[0]


@pytest.fixture
def looks(monkeypatch) -> Counter:
    """Number of looks at each recording."""
    counted: Counter = Counter()

    def counting(audio, *rest, _look=io.look):
        counted[audio] += 1
        return _look(audio, *rest)

    monkeypatch.setattr(io, "look", counting)
    return counted


def test_a_recording_is_looked_at_once(tmp_path, looks):
    (row,) = good(tmp_path, 1)
    cache = tmp_path / "sub" / "cache.json"
    steps = []
    check([row, row], "header", 0.5, cache, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 1)]
    _, again = check([row], "header", 0.5, cache)
    assert again == pytest.approx([0.3])
    assert set(looks.values()) == {1}
    check([row], "decode", 0.5, cache)  # a header says less than the samples
    assert set(looks.values()) == {2}
    assert [path.name for path in cache.parent.iterdir()] == ["cache.json"]


def test_a_changed_file_is_looked_at_again(tmp_path, looks):
    path = tmp_path / "a.wav"
    others = good(tmp_path, 1)
    constant(path, 0.0)
    assert check([*others, example(1, str(path))], "decode", 0.5, tmp_path / "c.json")[0]
    size = path.stat().st_size
    noise(path, 1, subtype="FLOAT")
    assert path.stat().st_size == size  # only the time of change differs
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert not check([*others, example(1, str(path))], "decode", 0.5, tmp_path / "c.json")[0]
    assert looks[others[0].audio[0].audio] == 2  # header, samples; not again


def test_a_missing_file_that_has_come_is_found(tmp_path):
    path = tmp_path / "late.wav"
    examples = [*good(tmp_path, 1), example(1, str(path))]
    assert check(examples, "auto", 0.5, tmp_path / "c.json")[0]
    noise(path)
    assert not check(examples, "auto", 0.5, tmp_path / "c.json")[0]


@pytest.mark.parametrize(
    "content", [b"", b'{"a": [', b"\xff\xfe\x00", b"[]", b"null", b'{"KEY": 3}', b'{"KEY": ["x"]}']
)
def test_a_damaged_cache_is_ignored(tmp_path, content):
    cache = tmp_path / "cache.json"
    examples = good(tmp_path, 2)
    check(examples, "decode", 0.0, cache)
    whole = json.loads(cache.read_text())
    key = json.dumps(next(iter(whole)))[1:-1].encode()
    cache.write_bytes(content.replace(b"KEY", key))
    assert check(examples, "decode", 0.0, cache)[1] == pytest.approx([0.3] * 2)
    assert json.loads(cache.read_text()) == whole


def test_bytes_are_looked_at_too(tmp_path):
    path = tmp_path / "a.wav"
    noise(path)
    examples = [Example("whole", (Segment(path.read_bytes()),))]
    examples.append(Example("cut", (Segment(path.read_bytes()[:2000]),)))
    ((id, recording, fault),), seconds = check(examples, "auto", 0.5, tmp_path / "cache.json")
    assert seconds == pytest.approx([0.3])
    assert (id, recording) == ("cut", "<2000 bytes>")
    assert fault.startswith("truncated")
