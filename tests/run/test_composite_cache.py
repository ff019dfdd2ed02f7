"""The prefix cache of composite models: what it holds, and the same numbers with it and without."""

from copy import deepcopy
from functools import cache, reduce
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from spectrobert.config import Config
from spectrobert.data.preparation import Prepared
from spectrobert.models import freezing
from spectrobert.models.composite import Composite
from spectrobert.models.model import FrozenPrefix
from spectrobert.run import build, fit
from spectrobert.run.loaders import DataModule
from spectrobert.run.prefix_cache import open as opening
from spectrobert.run.prefix_cache import plan, storage
from spectrobert.settings import composition

from ..helpers.runs import silent
from ..helpers.sounds import noise

UPPER = "freeze.train=[head,pooling,fusion,encoder.-1]"  # the upper of two layers
BOTH = "freeze.train=[head,pooling,fusion,encoder.-1,encoder.-2]"
WIDTH = 32  # of all debug encoders
TEXTS = ("a dog", "the bell rings twice", "rain", "a dog and rain", "bells", "the rain of a year")


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Twelve clips of different lengths, four per split, each with words."""
    folder = tmp_path_factory.mktemp("clips")
    lines = ["audio,text,words,label,split,speaker"]
    for number in range(12):
        noise(folder / f"{number}.wav", number, seconds=0.11 + 0.03 * number)
        split, label = ("train", "val", "test")[number % 3], "ab"[number // 3 % 2]
        text = TEXTS[number % 6]
        words = " ".join(
            f"{word} 0.0{place} 0.{place + 1}" for place, word in enumerate(text.split())
        )
        lines.append(f"{number}.wav,{text},{words},{label},{split},{split}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def own_prefix(tmp_path, monkeypatch) -> None:
    """A folder of entries for each test."""
    monkeypatch.setattr(storage, "folder", lambda: tmp_path / "prefix")


@cache
def probe(table: Path, name: str) -> Config:
    """A run of a debug model on the clips, whose encoders are frozen."""
    clips = ("dataset=csv", f"dataset.file={table}")
    quick = ("trainer.num_workers=0", "trainer.batch_size=3", "trainer.threads=1")
    model = (f"model=debug_{name}", "freeze=probe")
    return composition.compose(["task=ser", *clips, *model, *quick])


def configure(table: Path, name: str, *more: str) -> Config:
    """A probe with other options; composed once, as that takes longer than the run's caching."""
    config = deepcopy(probe(table, name))
    for word in more:
        key, value = word.split("=")
        *groups, option = key.split(".")
        setattr(reduce(getattr, groups, config), option, yaml.safe_load(value))
    return config


class Begun(NamedTuple):
    """Model and loaders of a run, as `fit` has them when it opens the prefix cache."""

    config: Config
    model: Composite
    data: DataModule

    def open(self) -> opening.PrefixSummary:
        """The cache, which the loaders read from then on."""
        return opening.open_prefix(self.config, self.model, self.data, "32-true", silent())

    def path(self) -> Path:
        """The place of its entry."""
        prefix = self.model.frozen_prefix()
        assert isinstance(prefix, FrozenPrefix)
        return plan.make(self.config, self.model, self.data, "32-true", prefix).path

    def batches(self) -> list[dict[str, Any]]:
        return list(self.data.train_dataloader())

    def num_bytes(self) -> int:
        return self.data.encoded["train"].entry.num_bytes


@cache
def corpus(table: str) -> tuple[Prepared, PreTrainedTokenizerBase]:
    """Rows and word pieces, the same for all runs here."""
    config = probe(Path(table), "hubert")
    prepared = fit.prepare(config, silent())
    return prepared, build.tokenizer(config, prepared.splits["train"]["text"])


@torch.no_grad()
def fixed(model: Composite) -> Composite:
    """Weights that do not depend on what comes behind the encoders, as those of a checkpoint."""
    torch.manual_seed(0)
    for name, value in model.named_parameters():
        is_scale = value.ndim == 1 and name.endswith("weight")
        value.copy_(is_scale + 0.1 * torch.randn_like(value))
    return model


def begin(config: Config) -> Begun:
    prepared, words = corpus(config.dataset.file)
    padding = words.pad_token_id or 0
    settings = build.model_config(config, len(words), prepared.labels, padding)
    model = fixed(build.model(config, settings))
    frozen = config.freeze
    freezing.freeze(model, frozen.train, frozen.name, frozen.frozen)
    return Begun(config, model, build.datamodule(config, prepared, words, settings))


def logits(model: Composite, batches: list[dict[str, Any]]) -> list[Tensor]:
    """Those of a training step, whose dropout masks are drawn alike each time."""
    freezing.train_mode(model)
    torch.manual_seed(1)
    return [model(batch).logits.detach() for batch in batches]


class Case(NamedTuple):
    """A run, and what is expected of its cache."""

    name: str
    more: tuple[str, ...]
    depth: int  # behind which sounds are cached; one more than the layers: pooled
    words: int  # width; 0: word pieces
    sounds: int  # width


WEIGHTED, RANGE = "model.speech_states=weighted", "model.speech_states=1-2"
FIRST = "model.speech_states='1'"
STATISTICS, ATTENTIVE = "model.pooling=statistics", "model.pooling=attentive"
WORD_STATISTICS = "model.text_pooling=statistics"
LORA = "freeze.lora_rank=2"
TEXT = ("freeze.train=[all]", "freeze.frozen=[audio]")
CASES = [
    Case("hubert", (), 3, 0, WIDTH),
    Case("hubert", (WEIGHTED,), 3, 0, 3 * WIDTH),
    Case("hubert", (RANGE,), 3, 0, 2 * WIDTH),
    Case("hubert", (FIRST,), 2, 0, WIDTH),
    Case("hubert", (UPPER,), 1, 0, WIDTH),
    Case("hubert", (UPPER, WEIGHTED), 1, 0, 2 * WIDTH),
    Case("hubert", (UPPER, RANGE), 1, 0, WIDTH),
    Case("hubert", (UPPER, FIRST), 0, 0, WIDTH),
    Case("hubert", (BOTH, WEIGHTED), 0, 0, WIDTH),
    Case("hubert", (LORA, WEIGHTED), 0, 0, WIDTH),
    Case("hubert", (LORA, "freeze.lora_parts=[encoder.-1]", WEIGHTED), 1, 0, 2 * WIDTH),
    Case("hubert", (STATISTICS, WEIGHTED), 3, 0, 6 * WIDTH),
    Case("hubert", (ATTENTIVE, WEIGHTED), 2, 0, 3 * WIDTH),
    Case("hubert", (ATTENTIVE,), 2, 0, WIDTH),
    Case("whisper", (), 3, 0, WIDTH),
    Case("whisper", (RANGE,), 3, 0, 2 * WIDTH),
    Case("whisper", (UPPER, WEIGHTED), 1, 0, 2 * WIDTH),
    Case("whisper", (UPPER, FIRST), 0, 0, WIDTH),
    Case("whisper", (LORA,), 0, 0, WIDTH),
    Case("whisper", (ATTENTIVE,), 2, 0, WIDTH),
    Case("wavlm", (UPPER,), 1, 0, WIDTH),
    Case("data2vec", (WEIGHTED,), 3, 0, 3 * WIDTH),
    Case("cmt", (), 2, WIDTH, WIDTH),
    Case("cmt", (UPPER, "freeze.frozen=[text]"), 1, WIDTH, WIDTH),
    Case("cmt", (UPPER,), 1, 0, WIDTH),
    Case("cmt", (BOTH, WEIGHTED), 0, 0, WIDTH),
    Case("cmt", TEXT, 2, 0, WIDTH),
    Case("cmt", (LORA, "freeze.lora_parts=[text.encoder]"), 2, 0, WIDTH),
    Case("cmt", (LORA, "freeze.lora_parts=[audio.encoder.-1]"), 1, WIDTH, WIDTH),
    Case("joint", (), 2, 0, WIDTH),
    Case("joint", (UPPER, WEIGHTED), 1, 0, 2 * WIDTH),
    Case("joint", TEXT, 2, 0, WIDTH),
    Case("speechbert", (), 2, 0, WIDTH),
    Case("cm_bert", (), 2, WIDTH, WIDTH),
    Case("cm_bert", TEXT, 2, 0, WIDTH),
    Case("shallow_fusion", (), 3, WIDTH, WIDTH),
    Case("shallow_fusion", (WORD_STATISTICS,), 3, WIDTH, WIDTH),
    Case("shallow_fusion", (ATTENTIVE,), 2, WIDTH, WIDTH),
    Case("shallow_fusion", (UPPER, "freeze.frozen=[text]"), 1, WIDTH, WIDTH),
    Case("shallow_fusion", (UPPER, "freeze.frozen=[audio]"), 3, 0, WIDTH),
    Case("shallow_fusion", (LORA, "freeze.lora_parts=[text.encoder]"), 3, 0, WIDTH),
    Case("roberta", (), 0, WIDTH, 0),
    Case("roberta", (WORD_STATISTICS,), 0, WIDTH, 0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join((case.name, *case.more)))
def test_cached_batches_give_the_logits_of_plain_ones(table, case):
    begun = begin(configure(table, case.name, *case.more))
    prefix = begun.model.frozen_prefix()
    assert isinstance(prefix, FrozenPrefix), prefix
    assert (prefix.depth, prefix.widths) == (case.depth, (case.words, case.sounds))
    plain = begun.batches()
    assert begun.open().used
    cached = begun.batches()
    expected, given = logits(begun.model, plain), logits(begun.model, cached)
    assert len(plain) == len(cached) == 2
    for batch, other in zip(plain, cached):
        assert torch.equal(batch["index"], other["index"])
        assert "waveform" not in other
        assert ("input_ids" in other) == (case.words == 0)
    torch.testing.assert_close(torch.cat(given), torch.cat(expected), rtol=1e-5, atol=1e-5)
    assert torch.cat(expected).std(dim=0).min() > 1e-3  # rows differ


def test_it_is_off_if_nothing_below_what_trains_is_frozen(table):
    for name, more, reason in (
        ("roberta", (UPPER,), "the text encoder trains"),
        ("hubert", ("freeze.train=[head,audio.projection]",), "audio.projection trains"),
        ("cmt", ("freeze.train=[all]",), "audio.conv or audio.projection trains"),
    ):
        begun = begin(configure(table, name, *more))
        summary = begun.open()
        assert not summary.used
        assert reason in summary.reason
        assert not begun.data.encoded


def test_word_pieces_are_those_of_plain_batches(table):
    frozen = ("freeze.train=[head,text]", "freeze.frozen=[audio]")
    begun = begin(configure(table, "shallow_fusion", *frozen))
    plain = begun.batches()
    assert begun.open().what == "pooled states of the speech encoder"
    for batch, cached in zip(plain, begun.batches(), strict=True):
        assert torch.equal(cached["input_ids"], batch["input_ids"])
        assert torch.equal(cached["text_mask"], batch["text_mask"])
        assert cached["sound_states"].shape == (len(batch["index"]), 1, WIDTH)
        assert "word_states" not in cached


@pytest.mark.parametrize(
    ("name", "more", "values"),
    [
        ("hubert", (WEIGHTED,), 12 * 3 * WIDTH),
        ("shallow_fusion", (), 12 * 2 * WIDTH),
        ("cmt", (UPPER,), None),
    ],
)
def test_half_precision_takes_half_the_bytes(table, name, more, values):
    whole, half = (
        begin(configure(table, name, *more, f"trainer.cache_dtype={dtype}"))
        for dtype in ("float32", "float16")
    )
    expected = logits(whole.model, whole.batches())
    assert whole.open().used
    assert half.open().used
    assert whole.num_bytes() == 2 * half.num_bytes()
    assert values in (None, half.num_bytes() // 2)
    given = logits(half.model, half.batches())
    torch.testing.assert_close(torch.cat(given), torch.cat(expected), rtol=1e-2, atol=1e-2)
    assert not torch.equal(torch.cat(given), torch.cat(expected))


@pytest.mark.parametrize(
    ("name", "others"),
    [
        (
            "hubert",
            (
                *(WEIGHTED, RANGE, FIRST, STATISTICS, ATTENTIVE, UPPER),
                *("model.pooling=max", "model.normalize=true", "trainer.cache_dtype=float16"),
            ),
        ),
        ("shallow_fusion", ("model.text_pooling=mean", WORD_STATISTICS)),
    ],
)
def test_what_alters_a_cached_value_gives_another_entry(table, name, others):
    runs = [(), *((other,) for other in others)]
    paths = {begin(configure(table, name, *more)).path() for more in runs}
    assert len(paths) == len(runs)


def test_weights_below_what_trains_decide_the_entry(table):
    begun = begin(configure(table, "cmt", UPPER, "freeze.frozen=[text]"))
    base, model = begun.path(), begun.model
    (lower, upper), text = model.speech.layers, model.text.model
    for weights, is_cached in (
        (model.speech.model.feature_extractor.conv_layers[0].conv, True),
        (model.speech.model.encoder.layer_norm, True),
        (lower.feed_forward.output_dense, True),
        (text.embeddings.word_embeddings, True),
        (text.encoder.layer[1].output.dense, True),
        (upper.feed_forward.output_dense, False),
        (model.cross, False),
        (model.head, False),
    ):
        value = next(weights.parameters())
        before = value.detach().clone()
        with torch.no_grad():
            value.view(-1)[3] += 1e-3
            assert (begun.path() != base) == is_cached, weights
            value.copy_(before)
    assert begun.path() == base


@pytest.mark.parametrize("more", [(), (UPPER,)], ids=["pooled", "frames"])
def test_what_is_behind_the_cache_shares_an_entry(table, more):
    weighted = (*more, WEIGHTED)
    base = begin(configure(table, "hubert", *weighted)).path()
    for other in (
        ("model.embedding_size=8", "model.embedding_act=gelu"),
        ("model.embedding_size=8", "model.classifier=class_means"),
        ("model.head_dropout_prob=0.5",),
        ("model.pooled_norm=layer",),
        ("model.pooled_norm=running",),
        ("model.norm_states=true",),
        ("model.embedding_size=8", "model.detach_head=true"),
        ("optim.lr=0.1", "trainer.batch_size=4"),
    ):
        assert begin(configure(table, "hubert", *weighted, *other)).path() == base, other


@pytest.mark.parametrize(
    ("pooling", "width"), [("mean", WIDTH), ("statistics", 2 * WIDTH), ("attentive", WIDTH)]
)
def test_a_shared_entry_serves_what_is_behind_it(table, pooling, width):
    """An entry that one run filled gives another run its own plain logits."""
    more = (WEIGHTED, f"model.pooling={pooling}")
    first = begin(configure(table, "hubert", *more))
    assert first.open().filled
    assert first.batches()[0]["sound_states"].shape[2] == 3 * width
    behind = ("model.norm_states=true", "model.pooled_norm=layer", "model.embedding_size=8")
    second = begin(configure(table, "hubert", *more, *behind))
    expected = logits(second.model, second.batches())
    assert not second.open().filled
    given = logits(second.model, second.batches())
    torch.testing.assert_close(torch.cat(given), torch.cat(expected), rtol=1e-5, atol=1e-5)


def test_a_model_of_text_alone_fills_its_entry_without_audio(table, monkeypatch):
    def none(*args, **more):
        raise AssertionError("audio was read")

    begun = begin(configure(table, "roberta"))
    monkeypatch.setattr("spectrobert.audio.io.read_clip", none)
    summary = begun.open()
    assert summary.filled
    assert summary.what == "states of the text encoder"
    assert begun.num_bytes() == 12 * WIDTH * 4
