"""No file that is read back runs code: a pickle that leaves a mark is put in place of each."""

from __future__ import annotations

import io
import json
import pickle
import random
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from rich.console import Console
from transformers import BertConfig, BertModel

from spectrobert.config import InitConfig
from spectrobert.data import copies, store
from spectrobert.data.vocabulary import train as train_vocabulary
from spectrobert.errors import UserError
from spectrobert.experiments import search_space, slurm, table_spec, tuning
from spectrobert.run import callbacks, checkpoints, curves, foreign, scoring
from spectrobert.run.callbacks import WholeFiles
from spectrobert.run.fit import fit
from spectrobert.run.folder import RESULTS, RunFolder
from spectrobert.run.prefix_cache import storage

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


def silent() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    config = configure(folder, "ser", *WORDS)
    fit(config, silent())
    return RunFolder.of(config).path


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a finished run, to be spoilt."""
    copy = tmp_path / "runs" / "demo_ser" / "seed0"
    shutil.copytree(trained, copy)
    return copy


def test_the_mark_would_appear(tmp_path):
    for made in (pickled, archived):
        path = tmp_path / made.__name__
        content = io.BytesIO(made(path))
        if made is archived:
            torch.load(content, weights_only=False)
        else:
            pickle.load(content)
        assert path.exists()


def resume(run: Path) -> object:
    (run / RESULTS).unlink(missing_ok=True)
    return fit(configure(run.parents[2], "ser", *WORDS, "resume=true"), silent())


def evaluate(run: Path) -> object:
    return scoring.evaluate(run)


def read_predictions(run: Path) -> object:
    return RunFolder(run).read_predictions()


def read_curves(run: Path) -> object:
    return curves.read(run / "metrics.csv")


def start_from(run: Path) -> object:
    checkpoint = f"init.checkpoint={run}"
    more = ("experiment_name=other", checkpoint)
    return fit(configure(run.parents[2], "ser", *WORDS, *more, from_checkpoint=True), silent())


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
    with pytest.raises(UserError) as refusal:
        act(run)
    assert "\n" not in str(refusal.value)
    assert Path(name).name in str(refusal.value) or "tokenizer" in str(refusal.value)


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
    with pytest.raises(UserError, match=r"numpy.* it is of an earlier version") as refusal:
        resume(run)
    assert "\n" not in str(refusal.value)


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
    with pytest.raises(UserError, match="cannot be read"):
        checkpoints.read(path)


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
        with pytest.raises(UserError, match=r"model\.safetensors") as refusal:
            act(run)
        assert "\n" not in str(refusal.value)


def test_a_model_that_lacks_a_tensor_is_refused(run):
    from safetensors.torch import load_file, save_file

    path = run / "model" / "model.safetensors"
    weights = load_file(path)
    name = sorted(weights)[0]
    del weights[name]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(UserError, match=f"it lacks {name}"):
        evaluate(run)


def test_code_beside_a_tokenizer_is_not_run(run, mark):
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
    """A BERT whose weights are a pickle, and the model that they fit."""
    words = train_vocabulary(["a few words"], 60)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    settings = BertConfig(vocab_size=len(words), hidden_size=16, **sizes)
    folder = tmp_path / "bert"
    BertModel(settings).save_pretrained(folder)
    words.save_pretrained(folder)
    weights = BertModel(settings).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    from spectrobert.models.configuration import SpectroBertConfig
    from spectrobert.models.spectrobert import SpectroBert

    model = SpectroBert(
        SpectroBertConfig(vocab_size=len(words), hidden_size=16, conv_dim=8, **sizes)
    )
    return folder, model, weights


def test_pickled_weights_of_others_need_a_word(bert):
    folder, model, weights = bert
    assert InitConfig().allow_bin is False
    with pytest.raises(UserError, match=r"init\.allow_bin=true"):
        foreign.load_text_model(model, str(folder))
    foreign.load_text_model(model, str(folder), allow_bin=True)
    key = "encoder.layer.0.output.dense.weight"
    assert torch.equal(model.state_dict()[key], weights[key])


@pytest.mark.parametrize("made", [pickled, archived], ids=lambda made: made.__name__)
def test_with_that_word_no_code_runs_either(bert, mark, made):
    folder, model, _ = bert
    (folder / "pytorch_model.bin").write_bytes(made(mark))
    with pytest.raises(UserError, match="damaged") as refusal:
        foreign.load_text_model(model, str(folder), allow_bin=True)
    assert "\n" not in str(refusal.value)


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


def call(function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    return lambda: function(*arguments)


@pytest.mark.parametrize("made", [pickled, as_yaml], ids=lambda made: made.__name__)
def test_files_of_tables_studies_and_prepared_corpora(tmp_path, mark, made):
    content = made(mark)
    for name in ("own.yaml", "space.yaml", "queue.json", "prepared/prepared.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    acts = [
        call(table_spec.load, str(tmp_path / "own.yaml")),
        call(search_space.read, str(tmp_path / "space.yaml")),
        call(slurm.Queue(tmp_path / "queue.json", "").read),
        call(copies.opened, tmp_path / "prepared", "demo", "ser", {}),
    ]
    for act in acts:
        with pytest.raises(UserError) as refusal:
            act()
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["study.yaml", "journal.log"])
@pytest.mark.parametrize("made", [pickled, as_yaml], ids=lambda made: made.__name__)
def test_files_of_a_study(tmp_path, mark, name, made):
    from ..helpers.studies import search

    asked = search(tmp_path)
    tuning.join(asked)
    (asked.folder / name).write_bytes(made(mark) + b"\n\n")
    with pytest.raises(UserError, match=name) as refusal:
        tuning.join(asked)
    assert "\n" not in str(refusal.value)


# --- an edited config.yaml


def edited(run: Path, change: Callable[[dict], object]) -> str:
    path = run / "config.yaml"
    values = yaml.safe_load(path.read_text())
    values = change(values)
    path.write_text("" if values is None else yaml.safe_dump(values))
    with pytest.raises(UserError) as refusal:
        RunFolder(run).read_config()
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)
    return str(refusal.value)


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
    assert said in edited(run, change)
