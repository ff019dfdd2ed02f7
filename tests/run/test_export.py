"""An exported run answers as the run does, and what cannot be exported is one line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spectrobert import load
from spectrobert.commands.export import export as verb
from spectrobert.config import TASKS
from spectrobert.errors import UserError
from spectrobert.run import export as exports
from spectrobert.run.asked_words import Asked
from spectrobert.run.chosen_thresholds import ChosenThreshold, write
from spectrobert.run.folder import RunFolder
from spectrobert.run.prediction import Failed, Prediction

from ..helpers.runs import trained
from ..helpers.sounds import constant, noise
from ..helpers.world import ROOT

pytest.importorskip("onnxruntime")
SECONDS = (0.03, 0.4, 1.37, 3.0, 12.0)
REAL = ROOT.parent / "shared" / "data" / "ravdess"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    folder = trained(tmp_path_factory.mktemp("export"), "ser", "trainer.epochs=1")
    label = load(folder.path).labels[0]
    write(folder, {label: ChosenThreshold(0.3, "", [0.3], 5, 1, [])})
    return folder


@pytest.fixture(scope="module")
def file(run) -> Path:
    path = run.path / "exported" / "model.onnx"
    verb(run.path, str(path))
    return path


def agree(run: RunFolder, file: Path, clips: list[str], text: str = "") -> None:
    ours, theirs = load(run.path), load(file)
    pairs = zip(ours.predict(clips, text=text), theirs.predict(clips, text=text), strict=True)
    for expected, found in pairs:
        assert dict(found.every) == pytest.approx(dict(expected.every), abs=1e-4)
        assert found.detected == expected.detected != ()
        assert (found.audio, found.seconds, found.used) == (
            expected.audio,
            expected.seconds,
            expected.used,
        )
    vectors = [model.embed(clips, text=text) for model in (ours, theirs)]
    np.testing.assert_allclose(*vectors, atol=1e-4)


def test_a_file_answers_as_its_run_does(run, file, tmp_path):
    clips = [noise(tmp_path / f"{s}.wav", seed, s) for seed, s in enumerate(SECONDS)]
    agree(run, file, clips)
    agree(run, file, clips[1:2], text="the dog is sitting by the door")
    vectors = load(file).embed(clips)
    assert np.abs(vectors - vectors[2]).max(axis=1)[[0, 1, 3, 4]].min() > 1e-3
    assert np.abs(vectors[1] - load(file).embed(clips[1:2], text="dogs")).max() > 1e-3
    assert load(file).labels == load(run.path).labels
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]


@pytest.mark.skipif(not REAL.exists(), reason="needs RAVDESS in ../shared/data")
def test_a_file_answers_as_its_run_does_on_speech(run, file, tmp_path):
    import soundfile

    paths = sorted(p for p in REAL.rglob("*") if p.suffix in (".wav", ".flac"))[:5]
    clips = []
    for path, seconds in zip(paths, (0.5, 1.0, 1.7, 2.5, 10.0), strict=True):
        wave, rate = soundfile.read(path)
        middle = len(wave) // 2  # speech, not the silence before it
        first = max(0, middle - round(seconds * rate / 2))
        clips.append(str(tmp_path / path.with_suffix(".wav").name))
        soundfile.write(clips[-1], wave[first : first + round(seconds * rate)], rate)
    agree(run, file, clips)


def test_errors_are_those_of_the_run(run, file, tmp_path):
    text = tmp_path / "notes.wav"
    text.write_text("no sound")
    asked = [Asked(noise(tmp_path / "a.wav")), Asked(str(text))]
    asked += [Asked(constant(tmp_path / "b.wav", 0.0)), Asked(asked[0].audio, question="is it?")]
    ours, theirs = (list(load(place).answer(asked)) for place in (run.path, file))
    assert [type(one) for one in theirs] == [Prediction, Failed, Failed, Failed]
    reasons = [
        [one.reason.replace(str(place), "") for one in found if isinstance(one, Failed)]
        for place, found in ((run.path, ours), (file, theirs))
    ]
    assert reasons[0] == reasons[1]


def test_an_answer_of_a_file_needs_no_torch(file, tmp_path):
    clip = noise(tmp_path / "a.wav")
    code = (
        "import sys, spectrobert\n"
        f"print(spectrobert.load({str(file)!r}).predict({clip!r}).answer)\n"
        "print({'torch', 'transformers', 'hydra'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    answer, imported = done.stdout.splitlines()
    assert answer in load(file).labels
    assert imported == "set()"


def test_metadata_hold_what_a_program_needs(file):
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    known = session.get_modelmeta().custom_metadata_map
    assert {"labels", "task", "normalization", "sample_rate", "tokenizer", "config"} <= set(known)
    assert known["task"] == "ser"
    assert "/tmp" not in known["config"]
    with pytest.raises(UserError, match="give the run's folder"):
        _ = load(file).model
    assert [one.name for one in session.get_inputs()] == ["waveform", "input_ids"]
    assert [one.name for one in session.get_outputs()] == ["logits", "answers", "embedding"]


def test_a_model_that_torch_cannot_write_leaves_nothing(run, tmp_path, monkeypatch):
    def unknown(*arguments, **more):
        raise RuntimeError("no operator\nand a page of advice")

    path = tmp_path / "new" / "model.onnx"
    monkeypatch.setattr("torch.export.export", unknown)
    with pytest.raises(UserError, match=r"cannot be exported: torch .*\(no operator\)$"):
        exports.export(run.path, path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_differs_is_not_left(run, file, tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "_content", lambda *_: file.read_bytes())
    monkeypatch.setattr(exports, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="away from torch's"):
        exports.export(run.path, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_pretraining_and_normalisation_by_speaker_are_refused(run):
    config, model = load(run.path).config, load(run.path).model
    model.config.normalization = "speaker"
    with pytest.raises(UserError, match="normalised by speaker"):
        exports._require_exportable("runs/a", config, model)
    config.task = TASKS["pre"]()
    with pytest.raises(UserError, match="pre-training has no logits"):
        exports._require_exportable("runs/a", config, model)


def test_what_is_no_exported_file_is_one_line(run, tmp_path):
    import onnx

    with pytest.raises(UserError, match=r"must end in \.onnx"):
        verb(run.path, str(tmp_path / "model.pt"))
    with pytest.raises(UserError, match="no such file"):
        load(tmp_path / "gone.onnx")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no network")
    with pytest.raises(UserError, match="no ONNX file"):
        load(damaged)
    given = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([node], "other", [given], [result])
    other = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    other.ir_version = 9
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(UserError, match="not written by the verb export"):
        load(tmp_path / "other.onnx")
