"""No file that is read back runs code: a pickle that leaves a mark is put in place of each."""

import io
import json
import pickle
import random
import re
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from spectrobert.config import InitConfig
from spectrobert.data import copies, store
from spectrobert.errors import UserError
from spectrobert.experiments import search_space, slurm, table_spec, tuning
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.run import callbacks, checkpoints, curves, foreign
from spectrobert.run.callbacks import WholeFiles
from spectrobert.run.fit import fit
from spectrobert.run.folder import RESULTS, RunFolder
from spectrobert.run.prefix_cache import storage
from spectrobert.run.scoring import evaluate

from ..helpers.runs import silent, trained
from ..helpers.weights import SIZES, refusal, save_bert
from ..helpers.weights import WORDS as TOKENIZER
from ..helpers.world import configure

WORDS = ("trainer.epochs=1", "freeze=bin-frz")  # all but the head frozen: the prefix is cached


class Hostile:
    """Whoever unpickles it leaves a file behind."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


@pytest.fixture
def mark(tmp_path):
    """The file that must not appear."""
    path = tmp_path / "mark"
    yield path
    assert not path.exists()


def pickled(mark: Path) -> bytes:
    return pickle.dumps(Hostile(mark))


def archived(mark: Path) -> bytes:
    """As torch.save writes it."""
    file = io.BytesIO()
    torch.save({"state_dict": {}, "more": Hostile(mark)}, file)
    return file.getvalue()


def as_yaml(mark: Path) -> bytes:
    return f"!!python/object/apply:builtins.open ['{mark}', 'w']\n".encode()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("trained"), "ser", *WORDS).path


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run, to be spoilt."""
    copy = tmp_path / "runs" / "demo_ser" / "seed0"
    shutil.copytree(finished, copy)
    return copy


def test_the_mark_would_appear(tmp_path):
    pickle.loads(pickled(tmp_path / "first"))
    torch.load(io.BytesIO(archived(tmp_path / "second")), weights_only=False)
    assert (tmp_path / "first").exists()
    assert (tmp_path / "second").exists()


def resume(run: Path) -> object:
    (run / RESULTS).unlink(missing_ok=True)
    return trained(run.parents[2], "ser", *WORDS, "resume=true")


def read_predictions(run: Path) -> object:
    return RunFolder(run).read_predictions()


def read_curves(run: Path) -> object:
    return curves.read(run / "metrics.csv")


def start_from(run: Path) -> object:
    more = ("experiment_name=other", f"init.checkpoint={run}")
    return trained(run.parents[2], "ser", *WORDS, *more, from_checkpoint=True)


@pytest.mark.parametrize("made", [pickled, archived, as_yaml], ids=lambda made: made.__name__)
@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("checkpoints/last.ckpt", resume),
        ("checkpoints/best.ckpt", resume),
        ("tokenizer/tokenizer.json", resume),
        ("config.yaml", resume),
        ("config.yaml", evaluate),
        (RESULTS, evaluate),
        ("model/model.safetensors", evaluate),
        ("model/config.json", evaluate),
        ("model/tokenizer.json", evaluate),
        ("model/model.safetensors", start_from),
        ("metrics.csv", read_curves),
        ("predictions.csv", read_predictions),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_file_of_a_run_runs_nothing_and_is_refused_in_one_line(run, mark, name, act, made):
    (run / name).write_bytes(made(mark))
    if name.endswith(".csv") and made is as_yaml:
        assert act(run) == []  # a line of text: no row of the table
        return
    line = refusal(act, run)
    assert Path(name).name in line or "tokenizer" in line


def test_a_hostile_last_checkpoint_gives_way_to_the_one_before_it(run, mark):
    kept = run / "checkpoints"
    (kept / "last.ckpt").rename(kept / "previous.ckpt")
    (kept / "last.ckpt").write_bytes(archived(mark))
    found, faults = checkpoints.newest(kept)
    assert found == kept / "previous.ckpt"
    assert faults[0].startswith(f"{kept / 'last.ckpt'} cannot be read (it asks for io.open")


def test_a_checkpoint_of_an_earlier_version_is_refused_in_one_line(run):
    last = run / "checkpoints" / "last.ckpt"
    old = torch.load(last, weights_only=True)
    old["callbacks"]["RandomState"]["by_process"][0]["numpy"] = np.random.get_state()
    torch.save(old, last)
    assert re.search("numpy.* it is of an earlier version", refusal(resume, run))


def test_a_global_made_of_parts_runs_nothing(tmp_path, mark):
    """Names that are put together while the pickle runs are seen by no disassembly."""
    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint({"value": 1}, path)
    code = b"\x80\x04cbuiltins\ngetattr\n(cbuiltins\n__import__\n(Vos\ntRVsystem\ntR(Vtouch "
    code += str(mark).encode() + b"\ntR."
    with zipfile.ZipFile(path) as archive:
        others = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in others.items():
            archive.writestr(name, code if name.endswith("data.pkl") else content)
    assert "cannot be read" in refusal(checkpoints.read, path)


def test_what_cannot_be_read_back_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="plain types only"):
        WholeFiles().save_checkpoint({"value": np.zeros(3)}, tmp_path / "last.ckpt")
    assert not list(tmp_path.iterdir())


def test_random_states_survive_a_checkpoint(tmp_path):
    random.gauss(0, 1), np.random.normal()  # an odd number of draws: half a pair is kept
    WholeFiles().save_checkpoint({"state": callbacks._generators()}, tmp_path / "last.ckpt")

    def draw() -> list[float]:
        return [
            *np.random.normal(size=700),
            *(random.gauss(0, 1) for _ in range(700)),
            *torch.rand(9).tolist(),
        ]

    expected = draw()
    callbacks._restore(checkpoints.read(tmp_path / "last.ckpt")["state"])
    assert draw() == expected


def test_a_model_folder_is_read_from_safetensors_alone(run, mark):
    (run / "model" / "model.safetensors").unlink()
    (run / "model" / "pytorch_model.bin").write_bytes(archived(mark))
    for act in (evaluate, start_from):
        assert "model.safetensors" in refusal(act, run)


def test_a_model_that_lacks_a_tensor_is_refused(run):
    path = run / "model" / "model.safetensors"
    weights = load_file(path)
    name = sorted(weights)[0]
    del weights[name]
    save_file(weights, path, metadata={"format": "pt"})
    assert f"it lacks {name}" in refusal(evaluate, run)


def test_code_next_to_a_tokenizer_is_not_run(run, mark):
    folder = run / "model"
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')\nclass Own: pass\n")
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    settings |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}}
    path.write_text(json.dumps(settings))
    with suppress(UserError):  # a newer transformers may take the class that it knows
        evaluate(run)


@pytest.fixture
def bert(tmp_path):
    """A BERT whose weights are a pickle, a model that they fit, and the weights."""
    folder = save_bert(tmp_path / "bert")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    model = SpectroBert(SpectroBertConfig(vocab_size=len(TOKENIZER), conv_dim=8, **SIZES))
    return folder, model, weights


def test_pickled_weights_of_others_need_a_word(bert):
    folder, model, weights = bert
    assert InitConfig().allow_bin is False
    assert "init.allow_bin=true" in refusal(foreign.load_text_model, model, str(folder))
    foreign.load_text_model(model, str(folder), allow_bin=True)
    key = "encoder.layer.0.output.dense.weight"
    assert torch.equal(model.state_dict()[key], weights[key])


@pytest.mark.parametrize("made", [pickled, archived], ids=lambda made: made.__name__)
def test_with_that_word_no_code_runs_either(bert, mark, made):
    folder, model, _ = bert
    (folder / "pytorch_model.bin").write_bytes(made(mark))
    assert "damaged" in refusal(foreign.load_text_model, model, str(folder), allow_bin=True)


def test_caches_are_made_again(tmp_path, mark, monkeypatch):
    """Parsed rows, findings and frozen activations: each file in turn, and the run goes on."""
    monkeypatch.setenv("SPECTROBERT_CACHE", str(tmp_path / "cache"))
    first = fit(configure(tmp_path, "ser", *WORDS), silent())
    assert first["prefix_cache"]["used"]
    kept = [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.suffix != ".lock"]
    names = {p.name for p in kept}
    assert {"000000.safetensors", storage.HEADER, store.CURRENT, "rows.arrow"} <= names
    for path in kept:
        path.write_bytes(pickled(mark))
    again = fit(configure(tmp_path, "ser", *WORDS, "experiment_name=again"), silent())
    assert again["prefix_cache"]["used"]
    assert again["test"] == first["test"]


@pytest.mark.parametrize("made", [pickled, as_yaml], ids=lambda made: made.__name__)
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("own.yaml", lambda path: table_spec.load(str(path))),
        ("space.yaml", lambda path: search_space.read(str(path))),
        ("queue.json", lambda path: slurm.Queue(path, "").read()),
        ("prepared.json", lambda path: copies.opened(path.parent, "demo", "ser", {})),
    ],
)
def test_files_of_tables_studies_and_prepared_corpora(tmp_path, mark, made, name, read):
    (tmp_path / name).write_bytes(made(mark))
    refusal(read, tmp_path / name)


@pytest.mark.parametrize("name", ["study.yaml", "journal.log"])
@pytest.mark.parametrize("made", [pickled, as_yaml], ids=lambda made: made.__name__)
def test_files_of_a_study(tmp_path, mark, name, made):
    from ..helpers.studies import search

    asked = search(tmp_path)
    tuning.join(asked)
    (asked.folder / name).write_bytes(made(mark) + b"\n\n")
    assert name in refusal(tuning.join, asked)


# --- an edited config.yaml


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: None, "options by name"),
        (lambda c: [1, 2], "options by name"),
        (lambda c: "words", "options by name"),
        (lambda c: c | {"sed": 1}, "unknown key 'sed'; did you mean 'seed'?"),
        (lambda c: c | {"optim": c["optim"] | {"rate": 1}}, "unknown key 'optim.rate'"),
        (lambda c: c | {"optim": [1]}, "optim=[1]: optim is a group of options"),
        (lambda c: c | {"task": {"name": "sre"}}, "unknown task 'sre' (did you mean 'ser'?)"),
        (lambda c: c | {"task": None}, "task.name is missing"),
        (lambda c: c | {"dataset": {"name": "demi"}}, "unknown dataset 'demi'"),
        (lambda c: {k: v for k, v in c.items() if k != "dataset"}, "dataset.name is missing"),
        (lambda c: c | {"optim": c["optim"] | {"lr": "fast"}}, "optim.lr=fast: must be a number"),
        (lambda c: c | {"seed": "one"}, "seed=one: must be an integer"),
    ],
)
def test_an_edited_configuration_is_refused_in_one_line(run, change, said):
    path = run / "config.yaml"
    values = change(yaml.safe_load(path.read_text()))
    path.write_text("" if values is None else yaml.safe_dump(values))
    line = refusal(RunFolder(run).read_config)
    assert said in line
    assert str(path) in line


@pytest.mark.parametrize("lacking", ["monitor", "test"])
def test_results_of_a_version_that_is_not_read_are_refused_in_one_line(run, lacking):
    path = RunFolder(run).results
    path.write_text(
        json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != lacking})
    )
    assert refusal(evaluate, run).endswith(f"it lacks {lacking}")
