"""Embeddings as a Parquet file: the model's own states, of every clip, or one line."""

import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from spectrobert import __main__
from spectrobert.audio import io
from spectrobert.audio.segment import Segment
from spectrobert.run.embed import embed as work
from spectrobert.run.embed import open, states
from spectrobert.run.embed.open import Audio

from ..helpers.runs import trained
from ..helpers.weights import refusal
from ..helpers.world import data_dir

DEMO = ["--task", "ser", "--dataset", "demo", "dataset.size=0.05", "trainer.num_workers=0"]


def words() -> list[str]:
    return [*DEMO, "--data_dir", str(data_dir())]


def ignore(*given) -> None:
    """For callers that show no progress."""


@pytest.fixture(scope="module")
def hubert():
    return open.by_name("debug_hubert", words(), "", Audio(), ignore)


@pytest.fixture(scope="module")
def files(hubert):
    """Paths of three clips of different lengths."""
    rows = hubert[1].splits["train"]
    return [row["audio"][0]["path"] for row in rows.select(range(3))]


def written(opened, out, layer="", pooling="", **more):
    """The table that `embed` writes."""
    own, source = opened
    wanted = states.parse(own.model, layer, pooling, own.is_run)
    work.write(own, source, wanted, out, 4, **more)
    return pq.read_table(out)


def alone(model, path):
    """All states of a clip by itself, by transformers' own call: L + 1 times (N, D)."""
    wave = torch.from_numpy(io.read_clip((Segment(path),)))[None]
    with torch.no_grad():
        return [s[0] for s in model.speech.model(wave, output_hidden_states=True).hidden_states]


def test_vectors_are_means_of_the_encoders_own_states(hubert, files, tmp_path):
    opened = open.by_name("debug_hubert", DEMO, "", Audio(files), ignore)
    table = written(opened, tmp_path / "a.parquet", "all")
    assert table.column_names == ["id", "audio", "layer", "vector"]
    assert table.schema.field("vector").type.list_size == 32
    rows = {(row["id"], row["layer"]): row["vector"] for row in table.to_pylist()}
    assert len(rows) == 3 * 3
    for path in files:
        for number, state in enumerate(alone(opened[0].model, path)):
            np.testing.assert_allclose(rows[path, str(number)], state.mean(dim=0), atol=1e-5)


def test_a_weighted_mean_is_of_the_layers_that_the_model_mixes(files, tmp_path):
    options = [*DEMO, "model.speech_states=1-2"]
    opened = open.by_name("debug_hubert", options, "", Audio(files), ignore)
    table = written(opened, tmp_path / "a.parquet", "1,2,weighted")
    rows = {(row["id"], row["layer"]): np.array(row["vector"]) for row in table.to_pylist()}
    for path in files:  # weights are equal in the beginning
        mean = (rows[path, "1"] + rows[path, "2"]) / 2
        np.testing.assert_allclose(rows[path, "weighted"], mean, atol=1e-5)


def test_without_pooling_a_row_is_a_frame(files, tmp_path):
    opened = open.by_name("debug_hubert", DEMO, "", Audio(files), ignore)
    table = written(opened, tmp_path / "a.parquet", "1", "none")
    for path in files:
        own = [row for row in table.to_pylist() if row["id"] == path]
        state = alone(opened[0].model, path)[1]
        np.testing.assert_allclose([row["vector"] for row in own], state, atol=1e-5)
        assert [row["frame"] for row in own] == list(range(len(state)))
        assert own[3]["start"] == pytest.approx(0.06)  # frames of 20 ms


def test_a_corpus_gives_every_row_with_its_facts(hubert, tmp_path):
    table = written(hubert, tmp_path / "a.parquet", "last", "statistics")
    assert len(table) == hubert[1].num_rows == len(set(table["id"].to_pylist()))
    assert set(table["split"].to_pylist()) == {"train", "val", "test"}
    assert all(table["label"].to_pylist())
    assert table.schema.field("vector").type.list_size == 64
    found = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert found["model"] == "debug_hubert"
    assert (found["weights"], found["layer"], found["pooling"]) == ("random", "last", "statistics")


def test_texts_are_embedded_by_a_text_encoder(tmp_path):
    opened = open.by_name("debug_roberta", words(), "", Audio(), ignore)
    table = written(opened, tmp_path / "a.parquet", "1,last", "first")
    both = table.to_pylist()
    assert len(both) == 2 * opened[1].num_rows
    assert {row["layer"] for row in both} == {"1", "last"}


def test_a_run_gives_what_its_head_reads(tmp_path):
    folder = trained(
        tmp_path, "ser", "model=debug_hubert", "trainer.max_steps=1", from_checkpoint=True
    )
    opened = open.of_run(str(folder), [], open.Own(), Audio(), ignore)
    table = written(opened, tmp_path / "a.parquet")
    row, model = table.to_pylist()[0], opened[0].model
    (found,) = [r for r in opened[1].splits[row["split"]] if r["id"] == row["id"]]
    path = found["audio"][0]["path"]
    np.testing.assert_allclose(row["vector"], alone(model, path)[-1].mean(dim=0), atol=1e-5)
    assert row["layer"] == "head"
    assert "--pooling mean needs --layer" in refusal(states.parse, model, "", "mean", True)
    assert "no learned mean" in refusal(states.parse, model, "weighted", "", True)


def test_an_exception_leaves_the_present_file_and_no_other(hubert, tmp_path):
    out = tmp_path / "a.parquet"
    out.write_text("present")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(hubert, out, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert out.read_text() == "present"


def test_files_that_cannot_be_read_are_named_and_left_out(files, tmp_path, monkeypatch, capsys):
    (tmp_path / "bad.wav").write_text("no sound")
    out = tmp_path / "a.parquet"
    call = ["embed", "--model", "debug_hubert", "--out", str(out), "--audio", files[0]]
    call += [str(tmp_path / "bad.wav"), "trainer.num_workers=0"]
    monkeypatch.setattr(sys, "argv", ["spectrobert", *call])
    assert __main__.main() == 1
    assert "bad.wav: not audio" in (error := capsys.readouterr().err)
    assert "1 clips could not be read" in error
    assert pq.read_table(out)["id"].to_pylist() == [files[0]]
    assert __main__.main() == 2
    assert "--force replaces it" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["spectrobert", *call, "--force"])
    assert __main__.main() == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--model", "whisper_bse"], "did you mean 'whisper_base'"),
        (["--model", "debug_hubert"], "give --dataset, or --audio"),
        (["--model", "debug_cmt", "--dataset", "demo"], "more than one speech or text encoder"),
        (["--model", "tiny", "--dataset", "demo"], "more than one speech or text encoder"),
        (["--model", "debug_hubert", "--audio", "x.wav", "--text", "a"], "reads no text"),
        (["--model", "debug_roberta", "--audio", "x.wav"], "give --text"),
        (["--model", "debug_hubert", "--audio", "x.wav"], "none of 1 clips can be read"),
        (["--model", "debug_hubert", "--audio", "x.wav", "--layer", "3"], "--layer 3: allowed are"),
        (["--model", "debug_hubert", "--audio", "x.wav", "--pooling", "sum"], "--pooling sum"),
        (["--model", "debug_hubert", "--audio", "x.wav", "--weights", "/no"], "no such folder"),
        (["--model", ".", "--dataset", "demo"], "is not a run directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_are_one_line(given, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["spectrobert", "embed", *given])
    assert __main__.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []
