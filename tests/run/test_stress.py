"""Distortions by numbers that can be checked, and the table of a run under them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from spectrobert import metrics
from spectrobert.commands.evaluate import evaluate as verb
from spectrobert.errors import UserError
from spectrobert.run.conditions import Conditions, Outcome, Value
from spectrobert.run.folder import RunFolder
from spectrobert.run.stress import distortions, stress
from spectrobert.run.stress.distortions import at_snr, coloured, families
from spectrobert.run.stress.stress import Part

from ..helpers.runs import trained
from ..helpers.sounds import noise

RATE = 16_000
TONE = (0.2 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return trained(tmp_path_factory.mktemp("stress"), "ser", "trainer.epochs=1")


def distorted(name: str, level: float, wave: np.ndarray = TONE) -> np.ndarray:
    family = next(family for family in families() if family.name == name)
    return family.make(level)(wave, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [
        ("slower", 0.8, [0.5, 0.75]),
        ("start cut", 25, [0.15, 0.35]),
        ("end cut", 25, [0.4, 0.6]),
    ],
)
def test_words_of_a_distorted_clip_are_where_they_are_heard(name, level, expected):
    family = next(family for family in families() if family.name == name)
    perturb = distortions.perturbation(family, level, None)
    item = {"waveform": TONE, "piece_times": np.array([[0.4, 0.6]], np.float32)}
    found = item | perturb(None, 0, item)
    assert found["piece_times"][0].tolist() == pytest.approx(expected, abs=1e-3)
    assert "piece_times" not in perturb(None, 0, {"waveform": TONE})


def power(wave: np.ndarray) -> float:
    return float(np.mean(np.square(wave, dtype=np.float64)))


@pytest.mark.parametrize("snr", [20, 0, -5])
def test_noise_has_the_ratio_that_is_asked_for(snr):
    mixed = at_snr(TONE, coloured(RATE, 0.0, np.random.default_rng(0)), snr)
    assert 10 * np.log10(power(TONE) / power(mixed - TONE)) == pytest.approx(snr, abs=1e-3)
    assert at_snr(np.zeros(5), np.ones(5), snr).tolist() == [0] * 5  # silence stays silent


def test_pink_noise_falls_by_3_db_per_octave():
    spectrum = np.abs(np.fft.rfft(coloured(2**18, -1.0, np.random.default_rng(0)))) ** 2
    low, high = spectrum[1000:2000].mean(), spectrum[8000:16000].mean()  # three octaves apart
    assert 10 * np.log10(low / high) == pytest.approx(9.03, abs=0.5)


@pytest.mark.parametrize(
    ("name", "level", "seconds"),
    [
        ("faster", 1.25, 0.8),
        ("slower", 0.8, 1.25),
        ("start cut", 25, 0.75),
        ("end cut", 50, 0.5),
        ("Opus", 16, 1.0),
        ("sampling rate", 8, 1.0),
        ("low-pass", 4, 1.0),
        ("mu-law", 8, 1.0),
    ],
)
def test_lengths(name, level, seconds):
    assert len(distorted(name, level)) == pytest.approx(seconds * RATE, abs=2)


def test_levels():
    assert distorted("gain", -20) == pytest.approx(TONE * 0.1)
    assert np.abs(distorted("overdrive", 20)).max() == 1
    clipped = distorted("clipping", 10)
    assert (np.abs(clipped) == np.abs(clipped).max()).mean() == pytest.approx(0.1, abs=0.01)
    assert distorted("start cut", 25).tolist() == TONE[4000:].tolist()
    high = np.sin(2 * np.pi * 6000 * np.arange(RATE) / RATE).astype(np.float32)
    for name, level in (("low-pass", 2), ("sampling rate", 8)):
        assert power(distorted(name, level, high)) < 1e-3 * power(high)
        assert power(distorted(name, level)) == pytest.approx(power(TONE), rel=0.05)


def test_every_distortion_is_the_same_for_the_same_row(run, tmp_path):
    pytest.importorskip("audiomentations")
    pytest.importorskip("pyroomacoustics")
    noise(tmp_path / "hum.wav", seconds=1.0)
    clips = Conditions.of_run(run.path, "test").data.heard
    item = {"waveform": clips.sound(0)}
    for family in families(str(tmp_path)):
        level = family.levels[-1]
        first, again = (
            distortions.perturbation(family, level, clips)(clips, 0, item)["waveform"]
            for _ in range(2)
        )
        assert np.array_equal(first, again), family.name
        assert not np.array_equal(first, item["waveform"]), family.name
        assert first.dtype == np.float32
        assert np.abs(first).max() <= 1
        assert np.isfinite(first).all()


def test_a_babble_is_of_other_speakers(run, monkeypatch):
    clips = Conditions.of_run(run.path, "test").data.heard
    speakers = clips.rows["speaker"]
    heard: list[int] = []
    sound = clips.sound
    monkeypatch.setattr(clips, "sound", lambda row: heard.append(row) or sound(row))
    family = next(one for one in families() if one.name == "babble")
    distortions.perturbation(family, 0, clips)(clips, 3, {"waveform": sound(3)})
    assert len(set(heard)) == distortions.VOICES
    assert all(speakers[row] != speakers[3] for row in heard)


def test_a_table_is_written_and_goes_on(run, capsys, monkeypatch):
    names = ["gain", "white noise"]
    verb(run.path, stress=True, distortion=names)
    printed = capsys.readouterr()
    assert "gain -20 dB" in printed.out
    assert "worst: " in printed.out
    stored = json.loads(run.stress("test").read_text(encoding="utf-8"))
    assert stored["plain"]["score"][0] == pytest.approx(
        run.read_scores()["metrics"][stored["metric"]]
    )
    assert [point["family"] for point in stored["points"]] == ["gain"] * 3 + ["white noise"] * 4
    differences = {point["name"]: point["difference"][0] for point in stored["points"]}
    assert differences[stored["worst"]] == min(differences.values())
    card = run.card.read_text(encoding="utf-8")
    assert f"- worst of all strengths: {stored['worst']}" in card
    assert card.startswith("# Evaluation card")
    # intervals are widened for the number of groups
    asked, reach = [], metrics.reach
    monkeypatch.setattr(metrics, "reach", lambda groups: asked.append(groups) or reach(groups))
    # what is kept is not asked again
    monkeypatch.setattr(Conditions, "answer", None)
    verb(run.path, stress=True, distortion=names, as_json=True)
    assert json.loads(capsys.readouterr().out) == stored
    assert {str(groups) for groups in asked} == {stored["unit"].split()[0]}


def test_parts_share_the_conditions(run, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(
        stress, "_answer", lambda c, s, family, level: asked.append(family and family.label(level))
    )
    for number in (1, 2, 3):
        part = Part.read(f"{number}/3")
        assert stress.stress(run.path, names=["gain", "Opus"], part=part) is None
    assert len(asked) == len(set(asked)) == 7
    assert None in asked  # the clips as they are


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stress": True, "audit": True}, "--audit and --stress: one at a time"),
        ({"part": "1/2"}, "--part goes with --stress"),
        ({"stress": True, "part": "3/2"}, "--part 3/2: as 2/8"),
        ({"stress": True, "distortion": ["noise"]}, "unknown distortion 'noise'"),
        ({"stress": True, "noise_folder": "/nowhere"}, "noise_folder=/nowhere: no such folder"),
        ({"stress": True, "recorded": True}, "--recorded: not with --stress"),
    ],
)
def test_wrong_calls_are_one_line(run, options, message):
    with pytest.raises(UserError, match=message):
        verb(run.path, **options)


def test_the_worst_of_an_error_is_its_highest():
    plain = Outcome("as it is", 9, Value(0.5, None), Value(0.0, None), None, None)
    points = [
        stress.Point("gain", level, "dB", replace(plain, name=name, difference=Value(apart, None)))
        for level, name, apart in ((-10, "mild", -0.1), (-20, "severe", 0.2))
    ]
    found = stress.Stress("run", "test", "mae", "9 speakers", "", plain, points, False)
    assert found.worst.outcome.name == "severe"
    assert replace(found, is_higher_better=True).worst.outcome.name == "mild"
