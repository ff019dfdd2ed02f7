"""The units command, the folder it writes, and a run that predicts its units."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from torchaudio.compliance.kaldi import mfcc
from torchaudio.functional import compute_deltas

from spectrobert import __main__
from spectrobert.audio import io
from spectrobert.audio.segment import Segment
from spectrobert.data import unit_file
from spectrobert.data.unit_file import UnitFile
from spectrobert.errors import UserError
from spectrobert.experiments.report.page import write as write_report
from spectrobert.run.fit import fit
from spectrobert.run.load import predict
from spectrobert.run.scoring import evaluate
from spectrobert.run.units import clusters
from spectrobert.run.units import make as work
from spectrobert.run.units.features import Mfcc
from spectrobert.settings import composition

from ..helpers.runs import checkpoint, finish, silent
from ..helpers.sounds import noise
from ..helpers.weights import refusal

ROWS, SECONDS = 24, 0.5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A table without texts, whose recordings are of different lengths."""
    folder = tmp_path_factory.mktemp("corpus")
    lines = ["id,audio,label,speaker,split"]
    for i in range(ROWS):
        noise(folder / f"{i}.wav", i, SECONDS + i / 100)
        split = ("train", "train", "val", "test")[i % 4]
        lines.append(f"r{i},{i}.wav,{'ab'[i % 2]},s{i},{split}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder


def units(corpus, out, *more: str) -> int:
    """The exit code of the command."""
    words = ["units", "--dataset", "csv", f"dataset.file={corpus / 'table.csv'}", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["spectrobert", *words, "--clusters", "5", *more])
        return __main__.main()


@pytest.fixture(scope="module")
def made(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("units") / "mfcc"
    assert units(corpus, folder) == 0
    return folder


def configure(corpus, folder, tmp_path, *more: str):
    small = ("trainer.epochs=1", "trainer.num_workers=0", "trainer.batch_size=4", "optim.lr=1e-3")
    words = ["task=pre", "dataset=csv", f"dataset.file={corpus / 'table.csv'}", *small]
    words += ["task.objectives={masked_units: 1}", f"task.units={folder}", "task.mask_seconds=0.1"]
    return composition.compose([*words, f"runs_dir={tmp_path / 'runs'}", *more])


def test_each_row_has_the_nearest_centre_of_each_frame(corpus, made):
    own, centres = UnitFile(str(made)), np.load(made / unit_file.CENTRES)
    path = str(corpus / "7.wav")
    wave = torch.from_numpy(io.read_clip((Segment(path),)))[None]
    cepstra = mfcc(wave, sample_frequency=16_000, use_energy=False).T
    deltas = compute_deltas(cepstra)
    frames = torch.cat([cepstra, deltas, compute_deltas(deltas)]).T.numpy()
    assert frames.shape[1] == 39
    nearest = ((frames[:, None] - centres) ** 2).sum(-1).argmin(1)
    name = "r7"
    assert own.of(name).tolist() == nearest.tolist()
    # of a stretch from 0.1 to 0.2 seconds: frames that begin there
    assert own.of(name, 0.1, 0.2).tolist() == nearest[10:20].tolist()
    assert len(own.places) == ROWS


def test_an_interrupted_call_continues_where_it_stopped(corpus, made, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "ROWS", 5)
    heard: list[int] = []

    def stopping(self, wave):
        heard.append(len(wave))
        if len(heard) == 20:
            raise KeyboardInterrupt
        return Mfcc.of(Mfcc(), wave)

    class Stopping(Mfcc):
        of = stopping

    monkeypatch.setattr("spectrobert.run.units.features.Mfcc", Stopping)
    folder = tmp_path / "mfcc"
    assert units(corpus, folder) != 0
    assert not folder.exists()
    assert units(corpus, folder) == 0
    assert len(heard) < 20 + ROWS  # what was kept is not computed again
    for name in (unit_file.TABLE, unit_file.CENTRES):
        if name.endswith("npy"):
            assert np.array_equal(np.load(folder / name), np.load(made / name))
    one, other = UnitFile(str(folder)), UnitFile(str(made))
    assert one.facts["fingerprint"] == other.facts["fingerprint"]
    assert all(np.array_equal(one.of(name), other.of(name)) for name in one.places)
    assert not list(tmp_path.glob("*.part"))


def test_another_call_does_not_continue_it(corpus, tmp_path, capsys):
    part = tmp_path / "mfcc.part"
    part.mkdir()
    (part / unit_file.FACTS).write_text('{"seed": 3}')
    assert units(corpus, tmp_path / "mfcc") == 2
    assert "was begun with other dataset, rows, num_units" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--clusters", "5000"), "different frames; as many as clusters are needed"),
        (("--layer", "1"), "--layer and --model go together"),
        (("--model", "debug_roberta", "--layer", "1"), "has no speech encoder"),
        (("--model", "debug_hubert", "--layer", "3"), "debug_hubert has layers 0 to 2"),
        (("--model", "nothing", "--layer", "1"), "nothing"),
        (("--weights", "random"), "is of --model"),
    ],
)
def test_what_cannot_be_clustered_is_one_line(corpus, tmp_path, capsys, more, words):
    assert units(corpus, tmp_path / "units", *more) == 2
    line = capsys.readouterr().err
    assert words in line
    assert line.count("\n") == 1
    assert not (tmp_path / "units").exists()


def test_an_existing_folder_is_not_replaced(corpus, made, capsys):
    assert units(corpus, made) == 2
    assert "--force replaces it" in capsys.readouterr().err


def test_units_of_a_layer_are_as_many_as_its_frames(corpus, tmp_path):
    folder = tmp_path / "layer"
    model = ("--model", "debug_hubert", "--weights", "random", "--layer", "1", "--frames", "100")
    assert units(corpus, folder, *model) == 0
    own = UnitFile(str(folder))
    assert (own.first, own.step) == (0.0125, 0.02)
    assert len(own.of("r0")) == 24  # of 0.5 s


def test_a_speech_encoder_learns_units_of_a_corpus_without_texts(corpus, made, tmp_path):
    config = configure(corpus, made, tmp_path, "model=debug_hubert")
    folder, results, printed = finish(config)
    assert results["test"]["metrics"]["masked_units_loss"] > 0
    assert "masked_units_accuracy" in printed
    header = next(iter(folder.read_predictions()))
    assert list(header)[-1] == "masked_units_loss"


def test_a_run_knows_its_units_and_answers_nothing(corpus, made, tmp_path):
    config = configure(corpus, made, tmp_path, "model=debug_hubert")
    folder, results, _ = finish(config)
    saved = checkpoint(folder.path)
    assert saved["units"] == UnitFile(str(made)).facts["fingerprint"]
    again = evaluate(folder.path).values
    assert again == pytest.approx(results["test"]["metrics"], rel=1e-5)
    line = refusal(lambda: predict(folder.path, [str(corpus / "0.wav")]))
    assert "only a run with sap answers" in line
    write_report(tmp_path / "report.html", "A report", {"pre": [folder.path]})
    assert "masked units loss" in (tmp_path / "report.html").read_text()
    (made / unit_file.FACTS).rename(made / "kept")
    facts = (made / "kept").read_text()
    (made / unit_file.FACTS).write_text(facts.replace(saved["units"], "others"))
    folder.results.unlink()
    more = configure(
        corpus, made, tmp_path, "model=debug_hubert", "resume=true", "trainer.epochs=2"
    )
    assert "are not those that this run was begun with" in refusal(lambda: fit(more, silent()))
    (made / "kept").rename(made / unit_file.FACTS)


def test_spectrobert_learns_units(corpus, made, tmp_path):
    small = ("model=tiny", "model.hidden_size=32", "model.num_hidden_layers=1")
    heads = ("model.num_attention_heads=2", "model.intermediate_size=64", "model.conv_dim=16")
    results = fit(configure(corpus, made, tmp_path, *small, *heads), silent())
    assert results["test"]["metrics"]["masked_units_loss"] > 0


def test_units_of_other_recordings_are_refused(corpus, made, tmp_path):
    config = configure(corpus, made, tmp_path, "model=debug_hubert", "task.units=nowhere")
    assert "is no folder of units" in refusal(lambda: fit(config, silent()))
    other = tmp_path / "other"
    for i in range(ROWS):
        noise(other / f"{i}.wav", i, 2.0)
    (other / "table.csv").write_text((corpus / "table.csv").read_text())
    config = configure(other, made, tmp_path, "model=debug_hubert")
    assert "are of other recordings" in refusal(lambda: fit(config, silent()))
    lines = (corpus / "table.csv").read_text().splitlines()
    noise(corpus / "more.wav", 1)
    (corpus / "more.csv").write_text("\n".join([*lines, "more,more.wav,a,s99,train"]))
    config = configure(corpus, made, tmp_path, "model=debug_hubert")
    config.dataset.file = str(corpus / "more.csv")
    line = refusal(lambda: fit(config, silent()))
    assert "1 of 13 rows have none" in line
    assert not (tmp_path / "runs").exists()


def test_coarse_units_and_moved_sounds_are_refused(corpus, made, tmp_path):
    folder = tmp_path / "coarse"
    folder.mkdir()
    for name in (unit_file.TABLE, unit_file.CENTRES):
        (folder / name).write_bytes((made / name).read_bytes())
    facts = (made / unit_file.FACTS).read_text().replace('"step": 0.01', '"step": 0.05')
    (folder / unit_file.FACTS).write_text(facts)
    config = configure(corpus, folder, tmp_path, "model=debug_hubert")
    assert "one unit per 50 ms" in refusal(lambda: fit(config, silent()))
    with pytest.raises(UserError, match=r"augment.speed=1.0 moves sounds in time"):
        configure(corpus, made, tmp_path, "model=debug_hubert", "augment.speed=1.0")
    with pytest.raises(UserError, match="need units: make them by"):
        configure(corpus, made, tmp_path, "model=debug_hubert", "task.units=")


def test_k_means_finds_three_heaps():
    generator = np.random.default_rng(0)
    heaps = np.repeat(np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], np.float32), 50, axis=0)
    frames = heaps + generator.normal(0, 0.1, heaps.shape).astype(np.float32)
    found = clusters.nearest(frames, clusters.fit(frames, 3, seed=0))
    assert [len(set(found[i : i + 50].tolist())) for i in (0, 50, 100)] == [1, 1, 1]
    assert len(set(found.tolist())) == 3
    assert found.dtype == np.uint16
    assert pa.uint16() == work.SCHEMA.field("units").type.value_type
