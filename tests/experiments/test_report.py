"""The report page: its facts are those of the run, it stands alone, and its figures by hand."""

import base64
import html
import io
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch
from rich.console import Console

from spectrobert import files
from spectrobert.data.batches import collate
from spectrobert.data.clips import RowKey
from spectrobert.errors import UserError
from spectrobert.experiments.report import anatomy, examples, figures, listening
from spectrobert.experiments.report.page import write as write_report
from spectrobert.models.attention import cls_attention
from spectrobert.run.confidence import surest
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder

from ..helpers.toy import classifier, padded_batch
from ..helpers.world import configure, verb


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Finished runs by task: one of emotions, one of pre-training."""
    folder = tmp_path_factory.mktemp("report")
    made = {}
    for task in ("ser", "pre"):
        config = configure(folder, task, "trainer.epochs=2")
        fit(config, Console(file=io.StringIO()))
        made[task] = RunFolder.of(config).path
    return made


@pytest.fixture(scope="module")
def written(finished, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    named = {"emotions <8>": [finished["ser"]], "pre": [finished["pre"]]}
    return write_report(path, "two runs", named).read_text()


def test_the_page_stands_alone_and_escapes_names(written):
    assert not re.search(r"(src|href)=\"(https?:)?//", written)
    assert "<script" not in written
    assert "emotions &lt;8&gt;" in written
    assert "<8>" not in written


def test_the_page_holds_every_metric_of_the_run(finished, written):
    result = RunFolder(finished["ser"]).read_results()
    for name, value in result["test"]["metrics"].items():
        low_high = result["test"]["intervals"].get(name)
        why = result["test"]["no_interval"].get(name, "")
        interval = "{:.4f} - {:.4f}".format(*low_high) if low_high else why
        line = f"<td>{name.replace('_', ' ')}</td><td>{value:.4f}</td><td>{interval}</td>"
        assert line in written
    assert result["split"]["definition"] in html.unescape(written)
    assert result["git_commit"] in written
    assert result["evaluation"]["interval"] in html.unescape(written)  # one owner of the words
    assert "95 % interval, this trained model" in written


def test_the_pictures_of_a_page(written):
    for heading in ("Learning curves, and what trains", "Confusion", "ROC and calibration"):
        assert f"<h3>{heading}</h3>" in written
    assert "(t-SNE)" in written
    # curves and anatomy twice; confusion, ROC, calibration once
    assert written.count("<svg") == 7
    assert written.count("<img ") == 1 + written.count("<audio")


def test_its_sounds_are_the_clips(finished, written):
    sounds = re.findall(r"data:audio/mpeg;base64,([^\"]+)", written)
    assert 2 <= len(sounds) <= examples.WRONG + examples.RIGHT
    listener = listening.listener(finished["ser"])
    chosen = surest(RunFolder(finished["ser"]).read_predictions(), examples.WRONG, examples.RIGHT)
    assert len(chosen) == len(sounds)
    for heard, sound in zip(listening.hear(listener, chosen), sounds):
        wave, rate = sf.read(io.BytesIO(base64.b64decode(sound)))
        assert rate == 16000
        assert len(wave) == pytest.approx(len(heard.wave), rel=0.05)
        likeness = np.corrcoef(wave[: len(heard.wave)], heard.wave[: len(wave)])[0, 1]
        assert likeness > 0.8


def test_attention_is_that_of_the_last_layer(finished):
    listener = listening.listener(finished["ser"])
    model, clips = listener.model, listener.clips
    batch = collate([clips[RowKey(0, 0)], clips[RowKey(0, 5)]])
    with torch.inference_mode():
        found, (time, frequency) = cls_attention(model, batch)
        assert found.sum() == pytest.approx(1, abs=1e-5)
        assert len(found) == batch["input_ids"].shape[1] + time * frequency
        # transformers' own attention, asked to return its weights
        model.set_attn_implementation("eager")
        embedded, mask = model.embed(batch)
        seen = []
        hook = model.encoder.layer[-1].attention.self.register_forward_hook(
            lambda module, inputs, output: seen.append(output[1])
        )
        additive = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
        model.encoder(embedded, attention_mask=additive[:, None, None])
        hook.remove()
        model.set_attn_implementation("sdpa")
    torch.testing.assert_close(found, seen[0][0, :, 0].mean(dim=0), rtol=1e-4, atol=1e-6)


def test_late_fusion_is_drawn_without_attention_on_the_audio():
    """[CLS] sees no audio token there, in a batch with padding and in one without."""
    model, batch = classifier(architecture="late_fusion"), padded_batch(60)
    for given in (batch, {name: value[:1] for name, value in batch.items()}):
        with torch.inference_mode():
            found, (time, frequency) = cls_attention(model, given)
        words, audio = found[:9], found[9:]
        assert len(audio) == time * frequency > 0
        assert torch.all(words > 0)
        assert words.sum() == pytest.approx(1)
        assert not audio.any()
    row = {"id": "clip", "label": "a", "prediction": "a", "p_prediction": "0.9"}
    seen = audio.reshape(time, frequency).T.numpy()
    drawn = listening.Hearing(row, np.zeros(16_000), np.zeros((128, 98)), [("a", 1.0)], seen)
    page = examples.card(drawn)
    assert "[CLS] attends to no audio" in page
    assert "attention in red" not in page
    drawn = replace(drawn, words=[("a", 0.75)], audio=np.full((1, 5), 0.05))
    page = examples.card(drawn)
    assert "25% of the attention on the audio" in page
    assert "attention in red" in page


def test_curves_of_more_than_ten_classes_are_not_drawn():
    for labels in ("abcdefghij", "abcdefghijk"):
        sure = {f"p_{name}": "0.5" for name in labels}
        rows = [{"label": name, **sure} for name in labels]
        assert bool(figures.roc(rows, labels)) == (len(labels) == 10)


def test_the_drawing_names_frozen_parts():
    counts = {"embeddings": (0, 1500), "audio.conv": (0, 20), "audio.projection": (0, 30)}
    counts |= {"encoder.0": (0, 2_000_000), "encoder.1": (2_000_000, 2_000_000), "head": (5, 5)}
    drawn = anatomy.draw({"counts": counts})
    assert drawn.count("frozen") == 4
    assert "layer 2  ·  2.0 M<" in drawn
    assert "layer 1  ·  2.0 M  ·  frozen" in drawn
    assert "text embeddings  ·  1.5 k  ·  frozen" in drawn


def test_the_gap_between_training_and_validation_is_told(tmp_path):
    lines = ["step,epoch,metric,value", "0,0,train/loss,9.0", "9,0,train/loss,5.0"]
    lines += ["9,0,val/loss,4.0", "10,1,train/loss,1.2", "19,1,train/loss,0.8"]
    lines += ["19,1,val/loss,1.5", "29,2,train/loss,0.2", "29,2,val/loss,2.5"]
    (tmp_path / "metrics.csv").write_text("\n".join(lines) + "\n")
    sentence = figures.gap(tmp_path, {"monitor": {"step": 20, "epoch": 2}})
    assert (
        "mean training loss is 1.000, the validation loss after it 1.500 (gap +0.500)" in sentence
    )
    assert "risen to 2.500: the run overfits" in sentence


def test_a_curve_of_one_point_has_a_marker(tmp_path):
    result = {"task": "ser", "monitor": {"name": "val/accuracy"}}
    path = tmp_path / "metrics.csv"
    path.write_text("step,epoch,metric,value\n0,0,train/loss,1.0\n")
    one = figures.learning_curves(tmp_path, result)
    path.write_text(path.read_text() + "1,0,train/loss,0.5\n")
    two = figures.learning_curves(tmp_path, result)
    # in the drawing and in the legend; matplotlib defines a marker once and uses it
    assert (one.count('<use xlink:href="#m'), two.count('<use xlink:href="#m')) != (0, 0)
    assert "C 0.397805 1.5 0.77937" in one  # the circle of a marker of 3 points
    assert "C 0.397805 1.5 0.77937" not in two


def test_without_curves_the_page_is_still_written(finished, tmp_path):
    copy = tmp_path / "seed0"
    shutil.copytree(finished["pre"], copy)
    (copy / "metrics.csv").unlink()
    text = write_report(tmp_path / "r.html", "t", {"a": [copy]}).read_text()
    assert text.count("<svg") == 1  # the drawing of what trains


def test_a_run_too_short_to_log_anything_has_an_empty_metrics_csv(tmp_path):
    words = ("trainer.max_steps=1", "trainer.log_every_n_steps=10")
    config = configure(tmp_path, "pre", *words)
    fit(config, Console(file=io.StringIO()))
    assert RunFolder.of(config).metrics.read_text() == "step,epoch,metric,value\n"


def test_without_the_corpus_the_page_is_still_written(finished, tmp_path):
    copy = tmp_path / "seed0"
    shutil.copytree(finished["ser"], copy)
    config = (copy / "config.yaml").read_text()
    nowhere = re.sub(r"name: demo", "name: ravdess", config)
    (copy / "config.yaml").write_text(re.sub(r"\n  size: .*", "", nowhere))
    text = write_report(tmp_path / "r.html", "t", {"a": [copy]}).read_text()
    assert "No sounds and embeddings: " in text
    assert "<h3>Confusion</h3>" in text


def test_the_verb(finished, tmp_path):
    out = tmp_path / "page.html"
    done = verb("report", str(finished["ser"]), "--out", str(out), "--title", "my runs")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"report: {out}\n"
    assert "<h1>my runs</h1>" in out.read_text()
    for arguments, message in (
        ([str(tmp_path)], "is not a run directory"),
        ([str(finished["ser"])] * 2, "named twice"),
    ):
        done = verb("report", *arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert message in done.stderr


def test_a_row_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a run directory"):
        write_report(tmp_path / "r.html", "t", {"a": [tmp_path]})


def test_the_verb_knows_tables(finished, tmp_path):
    folder = tmp_path / "runs" / "pre"
    shutil.copytree(finished["pre"], folder / "seed0")
    row = "rows:\n  - {name: emotions, experiment: ser_baseline}\n"
    text = f"title: mine\ntask: ser\ndataset: demo\nmetrics: [accuracy]\n{row}"
    (tmp_path / "mine.yaml").write_text(text)
    words = ["report", str(tmp_path / "mine.yaml"), "--runs_dir", str(tmp_path / "runs")]
    done = verb(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "no run of table mine has finished" in done.stderr
    shutil.copytree(finished["ser"], tmp_path / "runs" / "demo_ser_baseline" / "seed0")
    done = verb(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "runs" / "mine.html").read_text()
    assert "<h1>mine (ser on demo)</h1>" in page
    assert "<td><div>emotions</div></td>" in page
    assert ">emotions</h2>" in page


def test_what_audit_and_stress_have_found_is_shown(finished, tmp_path):
    """From their files alone; a figure without an interval says why."""
    point = {
        "family": "gain",
        "level": -10.0,
        "unit": "dB",
        "name": "gain -10 dB",
        "score": [0.5, None, "one group"],
        "difference": [-0.25, [-0.4, -0.1], ""],
        "lost": None,
        "changed": 0.125,
    }
    folder = RunFolder(finished["ser"])
    split = folder.read_scores()["split"]
    common = {"metric": "accuracy", "unit": "6 <speakers>"}
    audit = {"conditions": [point], "verdict": ["sound: needed"], "definition": "share lost: of"}
    stress = {"points": [point, {**point, "level": -20.0}], "worst": "gain -10 dB"}
    try:
        files.write_whole(folder.audit(split), json.dumps(common | audit))
        files.write_whole(folder.stress(split), json.dumps(common | stress))
        text = write_report(tmp_path / "a.html", "t", {"a": [folder.path]}).read_text()
    finally:
        folder.audit(split).unlink()
        folder.stress(split).unlink()
    assert "Under distortions (worst: gain -10 dB)" in text
    assert "<div>-0.250</div><div>-0.400 to -0.100</div>" in text
    assert "<div>0.500</div><div>one group</div>" in text
    assert "6 &lt;speakers&gt;" in text
    assert ">12.5 %<" in text
    assert "sound: needed." in text
