"""Tiny random encoders and composite models from conf/model/debug_*.yaml, and batches for them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from spectrobert.models.composite import Composite
from spectrobert.models.composite_configuration import CompositeConfig, encoder_config
from spectrobert.models.speech_encoder import SpeechEncoder
from spectrobert.models.speech_types import SPEECH_TYPES

from .world import ROOT

CONF = ROOT / "conf" / "model"
DEBUG = sorted(path.stem for path in CONF.glob("debug_*.yaml") if "composite" in path.read_text())
WORDS = 60  # vocabulary
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}


def options(name: str) -> dict[str, Any]:
    """The `model.` options of a file of conf/model."""
    values = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return {key: value for key, value in values.items() if key != "defaults"}


def configuration(name: str, **changes: Any) -> CompositeConfig:
    """A classifier of three classes; a random text encoder has the vocabulary of `text_batch`."""
    values = {"head": "classification", "num_logits": 3} | options(name) | changes
    if text := values.get("text"):
        values["text"] = {"vocab_size": WORDS, "pad_token_id": 0} | text
    return CompositeConfig(**{"vocab_size": WORDS} | values)


def composite(name: str, **changes: Any) -> Composite:
    """A model of seed 0 in eval mode, none of whose parameters has its first value."""
    torch.manual_seed(0)
    return moved(Composite(configuration(name, **changes))).eval()


def speech_encoder(name: str, normalize: bool = False, **fields: Any) -> SpeechEncoder:
    """The speech encoder of a file, with other fields of transformers' configuration."""
    torch.manual_seed(0)
    config = encoder_config(options(name)["speech"] | fields)
    config._attn_implementation = "sdpa" if config.model_type != "wavlm" else "eager"
    return moved(SPEECH_TYPES[config.model_type](config, normalize)).eval()


def moved(module: Any) -> Any:
    """Noise on all parameters and on running statistics, so that no bias is 0 and no scale 1."""
    with torch.no_grad():
        for value in module.parameters():
            value.add_(0.1 * torch.randn_like(value))
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm1d):
                norm.running_mean.normal_(std=0.3)
    return module


def noise(*lengths: int) -> list[Tensor]:
    """Clips of so many samples, whose loudness differs, around a mean that is not 0."""
    generator = torch.Generator().manual_seed(1)
    clips = enumerate(lengths, start=1)
    return [0.01 + 0.05 * i * torch.randn(n, generator=generator) for i, n in clips]


def sound_batch(clips: Sequence[Tensor]) -> dict[str, Tensor]:
    """Clips padded together."""
    lengths = torch.tensor([len(clip) for clip in clips])
    return {"waveform": pad_sequence(list(clips), batch_first=True), "num_samples": lengths}


def text_batch(*lengths: int, pad: int = 0) -> dict[str, Tensor]:
    """Texts of so many word pieces, padded together with the number `pad`."""
    generator = torch.Generator().manual_seed(2)
    longest = max(lengths)
    ids = torch.randint(5, WORDS, (len(lengths), longest), generator=generator)
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    return {"input_ids": ids.masked_fill(~mask, pad), "text_mask": mask}


def pair_batch() -> dict[str, Tensor]:
    """Three clips, three texts with times, three classes."""
    label = torch.tensor([0, 2, 1])
    clips, lengths = noise(9000, 3000, 6001), (4, 9, 6)
    times = [shares(length, len(clip) / 16000) for length, clip in zip(lengths, clips)]
    return sound_batch(clips) | text_batch(*lengths) | timed(times) | {"label": label}


def shares(length: int, seconds: float) -> Tensor:
    """Times (L, 2) of pieces: equal parts of a clip, none of the first and the last piece."""
    bounds = torch.linspace(0.0, seconds, length - 1)
    own = torch.stack([bounds[:-1], bounds[1:]], dim=1)
    return F.pad(own, (0, 0, 1, 1), value=-1.0)


def timed(times: Sequence[Tensor]) -> dict[str, Tensor]:
    """Times of pieces (L, 2), padded together, and of words, each of which is one of them."""
    words = [own[own[:, 0] >= 0] for own in times]
    pad = partial(pad_sequence, batch_first=True, padding_value=-1.0)
    return {"piece_times": pad(list(times)), "word_times": pad(words)}


def row(batch: dict[str, Tensor], number: int) -> dict[str, Tensor]:
    """One row of a batch, without its padding."""
    samples, words = batch["num_samples"][number], batch["text_mask"][number].sum()
    one = {name: value[number : number + 1] for name, value in batch.items()}
    one["waveform"] = one["waveform"][:, :samples]
    for name in ("input_ids", "text_mask", "piece_times"):
        one[name] = one[name][:, :words]
    one["word_times"] = one["word_times"][:, : int((one["word_times"][0, :, 0] >= 0).sum())]
    return one
