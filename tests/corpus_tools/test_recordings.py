"""Findings about recordings: faults, formats, clipping and duplicates."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.corpus_tools import recordings, sound_findings
from spectrobert.corpus_tools.finding import Finding
from spectrobert.corpus_tools.recordings import listen

from ..helpers.rows import example
from ..helpers.sounds import noise


def judged(folder: Path, examples: list[Example], *sides: str) -> dict[str, Finding]:
    """The findings by check; without `sides` all is training material."""
    sounds = recordings.listen_to_all(recordings.distinct(examples), is_quick=False)
    name = recordings.names(examples, [str(folder)])
    splits = sides or ["train"] * len(examples)
    findings = sound_findings.judge(examples, splits, sounds, [], name, is_quick=False)
    return {finding.check: finding for finding in findings}


def test_rows_that_a_parser_left_out_for_lack_of_audio_are_missing():
    (missing, *_) = sound_findings.faults({}, str, ["utterance 7"])
    assert missing == Finding("missing recordings", "1 of 1 are missing", "fault", ["utterance 7"])


@pytest.mark.parametrize(("share", "is_clipped"), [(0.0005, False), (0.001, True), (0.5, True)])
def test_clipping_is_a_share_of_samples_at_full_scale(tmp_path, share, is_clipped):
    samples = np.full((10_000, 2), 0.998, np.float32)  # just below it
    samples[::2] *= -1
    samples[: round(10_000 * share), 1] = 0.9995  # one channel is enough
    path = str(tmp_path / "loud.wav")
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    assert listen(Segment(path), is_quick=False).clipped == pytest.approx(share)
    finding = judged(tmp_path, [example(audio=path)])["clipped recordings"]
    assert (finding.verdict == "warning") == is_clipped
    assert finding.examples == ([f"loud.wav ({100 * share:.1f} %)"] if is_clipped else ())


def test_stereo_and_other_rates_are_noted(tmp_path):
    paths = [noise(tmp_path / f"{i}.wav", i) for i in range(2)]
    paths += [noise(tmp_path / "odd.flac", 99, rate=44_100, channels=2)]
    findings = judged(tmp_path, [example(path, path) for path in paths])
    assert findings["sample rates"].found == "16000 Hz 2, 44100 Hz 1"
    assert findings["channels"].found == "mono 2, stereo 1"
    assert [findings[name].verdict for name in ("sample rates", "channels")] == ["note"] * 2
    assert findings["channels"].examples == ["odd.flac (stereo)"]


def test_bytes_of_a_file_are_called_by_their_row(tmp_path):
    whole = Path(noise(tmp_path / "a.wav")).read_bytes()
    findings = judged(tmp_path, [example("row 1", whole), example("row 2", whole[:1000])])
    (text,) = findings["unreadable recordings"].examples
    assert text.startswith("audio of row 2: ")


def test_more_recordings_than_wait_for_a_thread(tmp_path):
    calls: list[tuple[int, int]] = []
    segments = [Segment(noise(tmp_path / f"{i}.wav", i), 0.0, 0.1) for i in range(5)]
    segments = [s._replace(end=0.1 + n / 1e5) for s in segments for n in range(300)]
    sounds = recordings.listen_to_all(segments, True, lambda *at: calls.append(at))
    assert list(sounds) == segments
    assert len(segments) > recordings.CHUNK
    assert calls == [(n, 1500) for n in range(1, 1501)]


def duplicates(folder: Path, names: str, *sides: str) -> Finding:
    examples = [example(name, str(folder / name)) for name in names.split()]
    return judged(folder, examples, *sides)["duplicates"]


def test_one_sound_in_wav_and_flac_is_a_duplicate_and_one_sample_makes_another(tmp_path):
    samples, rate = soundfile.read(noise(tmp_path / "a.wav", subtype="PCM_16"), dtype="int16")
    soundfile.write(tmp_path / "b.flac", samples, rate)
    soundfile.write(tmp_path / "c.wav", np.stack([samples] * 2, axis=1), rate)
    samples[-1] += 1
    soundfile.write(tmp_path / "d.wav", samples, rate)
    found = duplicates(tmp_path, "d.wav a.wav b.flac c.wav d.wav")
    assert found.verdict == "warning"
    assert found.found == "1 sound(s) have several names, none of them in several splits"
    assert found.examples == ["a.wav = b.flac = c.wav (same samples; train)"]
    assert duplicates(tmp_path, "a.wav d.wav") == Finding("duplicates", "none")


def test_a_copy_in_another_split_is_a_fault(tmp_path):
    for name, copy, seed in (("a.wav", "b.wav", 0), ("x.wav", "y.wav", 5)):
        shutil.copy(noise(tmp_path / name, seed), tmp_path / copy)
    found = duplicates(tmp_path, "x.wav y.wav a.wav b.wav", "train", "train", "train", "test")
    assert found.verdict == "fault"
    assert found.found == "2 sound(s) have several names, 1 of them in several splits"
    assert found.examples == [
        "a.wav = b.wav (same bytes; test, train)",
        "x.wav = y.wav (same bytes; train)",
    ]


def test_two_stretches_of_one_recording_are_not_copies(tmp_path):
    path = noise(tmp_path / "a.wav")
    stretches = (Segment(path, 0.0, None), Segment(path, 0.0, 9.0))
    assert len({listen(segment, is_quick=False).content for segment in stretches}) == 1
    assert judged(tmp_path, [Example("a", stretches)])["duplicates"].verdict == "ok"
