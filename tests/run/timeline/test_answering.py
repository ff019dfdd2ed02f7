"""A run followed along recordings: equal to its answers for clips, continued, refused in a line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from spectrobert import load
from spectrobert.audio import io
from spectrobert.commands.predict import predict
from spectrobert.commands.timeline import timeline as verb
from spectrobert.errors import UserError
from spectrobert.run import chosen_thresholds
from spectrobert.run.asked_words import Asked
from spectrobert.run.predict import Predictor
from spectrobert.run.timeline import answering
from spectrobert.run.timeline.answering import answered
from spectrobert.run.timeline.journal import NAME
from spectrobert.run.timeline.rules import of_run
from spectrobert.run.timeline.settings import Heard, Rules

from ...helpers.runs import trained
from ...helpers.sounds import constant, noise

SECOND = Heard(window=1.0, hop=0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A run that answers yes or no."""
    place = tmp_path_factory.mktemp("run")
    return trained(place, "aqa_binary", "trainer.epochs=1", "trainer.max_steps=1").path


@pytest.fixture(scope="module")
def model(folder) -> Predictor:
    return load(folder)


@pytest.fixture
def call(tmp_path) -> str:
    """Eleven seconds of noise with a silence from the fourth to the seventh, 48 kHz, 8 channels."""
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (11 * 48_000, 8)).astype(np.float32)
    wave *= np.linspace(0.05, 1, len(wave), dtype=np.float32)[:, None]
    wave[4 * 48_000 : 7 * 48_000] = 0.0
    soundfile.write(tmp_path / "call.wav", wave, 48_000)
    return str(tmp_path / "call.wav")


def asked(audio: str) -> Asked:
    return Asked(audio, "is there a bell?")


def test_windows_answer_as_their_clips_do(model, call, tmp_path):
    made = answered(model, asked(call), SECOND, tmp_path / "out")
    assert made.heard[[0, 1, -1]].tolist() == [[0.0, 1.0], [0.5, 1.5], [10.0, 11.0]]
    silent = made.heard[~made.is_answered]
    assert silent.tolist() == [[4.5, 5.5], [5.0, 6.0], [5.5, 6.5]]
    wave = io.read(call)
    for place in (0, 3, 20):
        start, end = (round(second * io.SAMPLE_RATE) for second in made.heard[place])
        soundfile.write(tmp_path / "clip.wav", wave[start:end], io.SAMPLE_RATE, subtype="FLOAT")
        alone = model.predict(tmp_path / "clip.wav", "is there a bell?")
        found = {made.labels[n]: p for n, p in zip(made.best[place], made.values[place])}
        assert found == pytest.approx(dict(alone.every), abs=2e-5)


def test_an_interrupted_call_is_continued_to_the_same_bytes(model, call, tmp_path, monkeypatch):
    monkeypatch.setattr(answering, "AT_ONCE", 4)
    answered(model, asked(call), SECOND, tmp_path / "whole")
    whole = (tmp_path / "whole" / NAME).read_bytes()

    def stop(done: int, total: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        answered(model, asked(call), SECOND, cut, progress=stop)
    kept = (cut / NAME).read_bytes()
    assert kept == whole[: len(kept)]
    (cut / NAME).write_bytes(kept[:-5])  # as a power cut leaves it
    seen: list[int] = []
    made = answered(model, asked(call), SECOND, cut, progress=lambda done, total: seen.append(done))
    assert (cut / NAME).read_bytes() == whole
    assert seen[:2] == [4, 8]
    assert sorted(path.name for path in cut.iterdir()) == [NAME]
    monkeypatch.setattr(model, "answer_waves", None)  # a whole one needs no model
    again = answered(model, asked(call), SECOND, cut)
    np.testing.assert_array_equal(made.values, again.values)


def test_another_timeline_in_the_folder_is_kept_unless_forced(model, call, tmp_path):
    out = tmp_path / "out"
    answered(model, asked(call), SECOND, out)
    before = (out / NAME).read_bytes()
    with pytest.raises(UserError, match="holds a timeline with another hop: name another"):
        answered(model, asked(call), Heard(window=1.0, hop=1.0), out)
    with pytest.raises(UserError, match="another question"):
        answered(model, Asked(call, "is it loud?"), SECOND, out)
    assert (out / NAME).read_bytes() == before
    assert (
        len(answered(model, asked(call), Heard(window=1.0, hop=1.0), out, force=True).heard) == 11
    )
    (out / NAME).write_bytes(before[:40] + b"\n" + before)
    with pytest.raises(UserError, match="is damaged: begin again with --force"):
        answered(model, asked(call), SECOND, out)
    assert len(answered(model, asked(call), SECOND, out, force=True).heard) == 21


def test_bad_recordings_are_one_line_and_leave_no_folder(model, tmp_path):
    out = tmp_path / "out"
    text = tmp_path / "film.mp4"
    text.write_bytes(b"\0\0\0\x20ftypisom" + bytes(999))
    bad = {
        str(text): "not audio",
        noise(tmp_path / "none.wav", seconds=0.0): "too short|empty",
        str(tmp_path / "gone.wav"): "missing",
    }
    for path, fault in bad.items():
        with pytest.raises(UserError, match=f"{path}: ({fault})"):
            answered(model, asked(path), Heard(), out)
        assert not out.exists()
    with pytest.raises(UserError, match="silent"):
        answered(model, asked(constant(tmp_path / "still.wav", 0.0, 3.0)), Heard(), out)
    with pytest.raises(UserError, match="give --question"):
        answered(model, Asked(noise(tmp_path / "a.wav")), Heard(), out)


def test_a_short_recording_is_one_window(model, tmp_path):
    made = answered(model, asked(noise(tmp_path / "a.wav", seconds=0.5)), Heard(), tmp_path / "out")
    assert made.heard.tolist() == made.own.tolist() == [[0.0, 0.5]]


def test_a_recording_without_speech_is_one_line(model, call, tmp_path):
    pytest.importorskip("silero_vad")
    with pytest.raises(UserError, match="no speech in it; --activity all"):
        answered(model, asked(call), Heard("speech"), tmp_path / "out")


def test_the_verb_writes_all_formats_and_other_thresholds_ask_nothing(
    folder, call, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "out"
    predict(folder, audio=[call], question="is there a bell?", timeline=True, output=str(out))
    names = {path.name for path in out.iterdir()} - {"audformat"}
    assert names == {
        *("windows.csv", "segments.csv", "timeline.json", "timeline.TextGrid", "labels.txt"),
        *("timeline.html", NAME),
    }
    assert "11.0 s, 5 windows, 0 of them silent" in capsys.readouterr().out
    monkeypatch.setattr(Predictor, "answer_waves", None)
    predict_again = {"question": "is there a bell?", "output": str(out), "threshold": 1.0}
    verb(folder, [call], **predict_again)
    assert json.loads((out / "timeline.json").read_text())["segments"] == []
    with (out / "windows.csv").open(newline="") as file:
        assert {row["answer"] for row in csv.DictReader(file)} == {""}


def test_a_bad_recording_of_several_is_named(folder, call, tmp_path, capsys):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    with pytest.raises(typer.Exit) as left:
        verb(folder, [str(bad), call], "is it?", output=str(tmp_path / "all"), format="audacity")
    assert left.value.exit_code == 1
    printed = capsys.readouterr().err
    assert f"skipped: {bad}: not audio" in printed
    assert "1 of 2 recordings have no timeline" in printed
    found = sorted(path.name for path in (tmp_path / "all" / "call.timeline").iterdir())
    assert found == ["labels.txt", NAME]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"output": "/dev/null/x"}, "--output /dev/null/x"),
        ({"format": "xml"}, "--format xml"),
        ({"audio": ["a/x.wav", "b/x.wav"]}, "x: several recordings have this name"),
    ],
)
def test_wrong_calls_are_one_line(folder, arguments, message):
    with pytest.raises(UserError, match=message):
        verb(folder, **({"audio": ["a.wav"]} | arguments))


def test_predict_takes_no_table_along_a_timeline(folder, call):
    with pytest.raises(UserError, match="--list: not with --timeline"):
        predict(folder, audio=[call], table="list.csv", timeline=True)


def test_stored_thresholds_are_the_default(folder, monkeypatch):
    seen = chosen_thresholds.ChosenThreshold(0.8, "best F1", [0.8], 4, 2, [])
    monkeypatch.setattr(chosen_thresholds, "read", lambda run: {"yes": seen})
    assert of_run(folder, None, 0.5, 0.0) == Rules(own={"yes": 0.8})
    assert of_run(folder, 0.3, 0.5, 0.0) == Rules(0.3)
