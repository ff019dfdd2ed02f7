"""A voice that says all words alike: what follows the words is counted by hand."""

import csv
import json
from pathlib import Path
from shutil import which
from types import SimpleNamespace

import pytest

from spectrobert.commands.evaluate import evaluate as verb
from spectrobert.errors import UserError
from spectrobert.run.folder import RunFolder
from spectrobert.run.prediction import Failed, Prediction
from spectrobert.run.spoken import probe, sentences, voices

from ..helpers.runs import trained
from ..helpers.sounds import noise

WORTH = {"positive": 0.9, "neutral": 0.5, "negative": 0.3}


def table(folder: Path) -> str:
    """Two sentences by two voices, in three forms each."""
    path = folder / "sentences.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["audio", "polarity", "frame", "voice", "text"])
        for frame in "ab":
            for voice in "xy":
                for polarity in WORTH:
                    name = f"{polarity}-{frame}{voice}.wav"
                    noise(folder / name)
                    writer.writerow([name, polarity, frame, voice, f"{polarity} {frame}"])
    return str(path)


class Planted:
    """Answers "good" by the words of the recording's name, less so in the sentence b."""

    labels = ("good", "bad")
    measure = "probability"
    config = SimpleNamespace(task=None)

    def require_labels(self):
        """It has labels."""

    def __init__(self, folder):
        self.calls: list[list[str]] = []

    def answer(self, asked):
        asked = list(asked)
        assert len({Path(one.audio).stem[-1] for one in asked}) == 1  # one speaker a call
        for one in asked:
            stem = Path(one.audio).stem
            good = WORTH[stem.split("-")[0]] - (0.1 if stem[-2] == "b" else 0.0)
            good = 0.5 if one.text else good
            every = (("bad", 1 - good), ("good", good))
            yield Prediction(one.audio, 1.0, (0.0, 1.0), every, every)


def test_what_follows_the_words(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "Predictor", Planted)
    found = probe.probe("run", table(tmp_path))
    assert (found.sentences, found.voices) == (2, 2)
    good, bad = found.of_sound
    assert good.label == "good"
    assert good.means == pytest.approx((0.85, 0.45, 0.25))
    assert good.difference.value == pytest.approx(0.6)
    assert good.difference.interval == pytest.approx((0.6, 0.6))
    assert bad.difference.value == pytest.approx(-0.6)
    assert [one.difference.value for one in found.of_both] == [0, 0]


def test_a_recording_that_cannot_be_answered_is_named(tmp_path, monkeypatch):
    class Deaf(Planted):
        def answer(self, asked):
            yield from (Failed(one.audio, f"{one.audio}: silent") for one in asked)

    monkeypatch.setattr(probe, "Predictor", Deaf)
    with pytest.raises(UserError, match=r"(neg|pos)itive-ax\.wav: silent"):
        probe.probe("run", table(tmp_path))


def test_the_frames_differ_in_one_word():
    assert len(list(sentences.sentences())) == 3 * len(sentences.FRAMES)
    for frame, words in sentences.FRAMES.items():
        assert frame.count("{}") == 1
        assert len(set(words)) == 3


@pytest.mark.skipif(which(voices.PROGRAM) is None, reason="espeak-ng is not installed")
def test_the_verb_speaks_prints_and_writes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(voices, "VOICES", voices.VOICES[:1])
    run = trained(tmp_path, "ser", "trainer.epochs=1")
    verb(run.path, spoken=True)
    printed = capsys.readouterr()
    assert "positive words" in printed.out
    assert "12 sentences in three forms, 1 voices" in printed.out
    stored = json.loads(run.spoken.read_text(encoding="utf-8"))
    assert set(stored["answers"]) == {"sound alone", "sound and text"}
    assert "by 1 voices" in run.card.read_text(encoding="utf-8")
    assert len(stored["answers"]["sound alone"]) == len(run.read_scores()["labels"])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("audio,mood\na.wav,positive\n", "no column polarity, or no rows"),
        ("audio,polarity\na.wav,glad\n", "unknown polarity 'glad'"),
        ("audio,polarity\na.wav,positive\n", "no neutral sentence"),
    ],
)
def test_wrong_tables_are_one_line(tmp_path, monkeypatch, cells, message):
    monkeypatch.setattr(probe, "Predictor", Planted)
    path = tmp_path / "s.csv"
    path.write_text(cells)
    with pytest.raises(UserError, match=message):
        probe.probe("run", str(path))


def test_wrong_calls_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "Predictor", Planted)
    monkeypatch.setattr(voices, "which", lambda program: None)
    with pytest.raises(UserError, match="espeak-ng is not installed"):
        probe.probe("run")
    with pytest.raises(UserError, match=r"--sentences a\.csv: no such file"):
        probe.probe("run", "a.csv")
    with pytest.raises(UserError, match="--sentences goes with --spoken"):
        verb(tmp_path, sentences="a.csv")
    with pytest.raises(UserError, match="--output: not with --spoken"):
        verb(tmp_path, spoken=True, output=str(tmp_path / "o"))
    asking = SimpleNamespace(task=probe.AqaConfig.__new__(probe.AqaConfig))
    monkeypatch.setattr(Planted, "config", asking)
    with pytest.raises(UserError, match="answers questions"):
        probe.probe("run", table(tmp_path))
    assert not RunFolder(tmp_path).spoken.exists()
