"""Windows of a recording, cut from its blocks, and stretches of speech."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from spectrobert.audio import io
from spectrobert.errors import UserError
from spectrobert.run.timeline import speech
from spectrobert.run.timeline.settings import Heard, Rules
from spectrobert.run.timeline.spans import Span, clips, grid, own


def test_windows_cover_all_and_the_last_ends_with_the_recording():
    assert grid(10, 4, 2) == [(0, 4), (2, 6), (4, 8), (6, 10)]
    assert grid(11, 4, 2) == [(0, 4), (2, 6), (4, 8), (6, 10), (7, 11)]
    assert grid(3, 4, 2) == [(0, 3)]
    assert grid(4, 4, 2) == [(0, 4)]


def test_windows_stand_for_all_of_a_recording_once():
    at = io.SAMPLE_RATE
    found = own([Span(0, 4 * at), Span(2 * at, 6 * at), Span(3 * at, 7 * at)], 7 * at)
    np.testing.assert_allclose(found, [[0, 3], [3, 4.5], [4.5, 7]])


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_clips_are_the_spans_whatever_the_blocks(size):
    wave = np.arange(50, dtype=np.float32)
    blocks = [wave[at : at + size] for at in range(0, 50, size)]
    spans = [Span(3, 9), Span(5, 11), Span(30, 41), Span(45, 60)]
    found = list(clips(blocks, spans))
    for (first, stop), clip in zip(spans, found, strict=True):
        np.testing.assert_array_equal(clip, wave[first:stop])


def test_clips_hold_no_more_than_a_few_blocks():
    blocks = (np.ones(50_000, np.float32) for _ in range(200))
    spans = [Span(at, at + 20_000) for at in range(0, 10_000_000 - 20_000, 10_000)]
    tracemalloc.start()
    assert sum(1 for _ in clips(blocks, spans)) == len(spans)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 200_000


@pytest.fixture
def sentences(real_data) -> list[np.ndarray]:
    """Read sentences, some seconds each."""
    pytest.importorskip("silero_vad")
    files = sorted((real_data / "ljspeech_385").glob("*.flac"))[:4]
    if not files:
        pytest.skip("no LJ Speech")
    return [io.read(str(path)) for path in files]


def test_speech_is_found_between_pauses(sentences):
    first, second = sentences[:2]
    pause = np.zeros(3 * io.SAMPLE_RATE, np.float32)
    wave = np.concatenate([pause, first, pause, second])
    found = speech.spans(np.array_split(wave, 5), longest=30.0)
    assert found[0].first / io.SAMPLE_RATE == pytest.approx(3.0, abs=0.5)
    gaps = [(before.stop, after.first) for before, after in pairwise(found)]
    longest = max(gaps, key=lambda gap: gap[1] - gap[0])
    end = 3.0 + len(first) / io.SAMPLE_RATE
    np.testing.assert_allclose(np.array(longest) / io.SAMPLE_RATE, [end, end + 3.0], atol=0.8)
    cut = speech.spans([wave], longest=2.0)
    assert max(stop - begin for begin, stop in cut) <= 2.1 * io.SAMPLE_RATE


def test_parts_judged_side_by_side_are_nearly_as_in_one_go(sentences):
    """The detector's own loop hears all that came before, ours LEAD samples of it."""
    import silero_vad
    import torch

    wave = np.concatenate(sentences)[: 3 * speech.PART]
    lead = np.zeros(speech.LEAD, np.float32)
    ours = speech._judged(speech._detector(), np.concatenate([lead, wave]))
    detector = silero_vad.load_silero_vad()
    alone = [
        detector(torch.from_numpy(wave[at : at + speech.FRAME]), io.SAMPLE_RATE).item()
        for at in range(0, len(wave) - speech.FRAME + 1, speech.FRAME)
    ]
    same = (ours[: len(alone)] > 0.5) == (np.array(alone) > 0.5)
    assert same.mean() > 0.98


def test_the_detector_leaves_the_number_of_threads(monkeypatch):
    pytest.importorskip("silero_vad")
    import torch

    seen: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    speech._detector()
    assert seen[-1] == torch.get_num_threads()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"activity": "music"}, "--activity music: allowed are all, speech"),
        ({"window": 0.001}, "--window 0.001: from 0.025 s on"),
        ({"hop": float("nan")}, "--hop nan"),
        ({"activity": "speech", "hop": 1.0}, "--hop 1: stretches of speech"),
    ],
)
def test_wrong_choices_are_one_line(choice, message):
    with pytest.raises(UserError, match=message):
        Heard(**choice)


def test_a_choice_fits_what_the_model_hears():
    assert Heard().of_model(10.24, 0.1) == Heard("all", 4.0, 2.0)
    assert Heard().of_model(3.0, 0.1) == Heard("all", 3.0, 1.5)
    assert Heard("speech").of_model(None, 0.1) == Heard("speech", 4.0, 0.0)
    with pytest.raises(UserError, match=r"--window 20: this run hears 0.1 to 10.24 s at once"):
        Heard(window=20.0).of_model(10.24, 0.1)
    with pytest.raises(UserError, match="--hop 5: at most the window, 4 s"):
        Heard(hop=5.0).of_model(10.24, 0.1)


@pytest.mark.parametrize("rules", [{"threshold": 1.5}, {"gap": -1.0}, {"shortest": float("inf")}])
def test_wrong_rules_are_one_line(rules):
    (name,) = rules
    with pytest.raises(UserError, match=f"--{name}"):
        Rules(**rules)
