"""A finished run as one ONNX file: waveform and word pieces in, logits and answers out.

The file's metadata hold what a program needs to ask it: labels, configuration, tokenizer.

Shapes: T samples, L word pieces, C labels, P width of what the head reads.
"""

import importlib.metadata
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.export import Dim

from ..audio import features, io
from ..config import CaptionConfig, Config, PretrainingConfig, to_dict
from ..errors import UserError
from ..files import aside, writing
from ..models.answers import answer_names
from ..models.exportable import Exportable
from ..models.model import Model
from ..models.spectrobert import SpectroBert
from . import chosen_thresholds, normalisation
from .folder import RunFolder
from .onnx_file import INPUTS, OUTPUTS, Session
from .pretrained import first_line
from .private_paths import PrivatePaths, nameless_config
from .saved_run import load_run

TOLERANCE = 1e-4  # between logits of torch and of onnxruntime
MOST_BYTES = 2**31 - 2**24  # of weights: protobuf ends at 2 GiB
SECONDS = (0.0, 0.7, 1.9, 3.7, 9.3)  # of the clips that are compared, beyond the shortest
TRACED_SECONDS = 2.0
WORDS = 9  # of the text that is traced
ANY: Any = Dim.DYNAMIC  # type: ignore[attr-defined]  # its type says it is a function
SHOWN = 160  # characters of another library's message


@dataclass(frozen=True)
class Exported:
    """An ONNX file that has been written."""

    path: Path
    bytes: int
    difference: float  # the largest between logits of torch and of onnxruntime


def export(folder: str | Path, path: Path) -> Exported:
    """Write a finished run into an ONNX file, once its answers are known to be torch's.

    Raises UserError for a run that cannot be exported; nothing is written then.
    """
    config, model, tokenizer = load_run(folder)
    _require_exportable(str(folder), config, model)
    thresholds = chosen_thresholds.of_labels(RunFolder(folder))
    facts = _facts(config, model, _tokenizer(str(folder), tokenizer), thresholds)
    content = _content(str(folder), config, model, facts)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside(path) as place:
            place.write_bytes(content)
            difference = _difference(str(folder), model, place)
            os.replace(place, path)
    return Exported(path, len(content), difference)


def shortest(model: Model) -> int:
    """Samples below which the file's waveform must be continued by zeros."""
    if isinstance(model, SpectroBert) and not model.config.pad_to_max:
        return features.samples_in(model.config.patch[1])
    return max(features.WINDOW, model.least_samples)


def _require_exportable(folder: str, config: Config, model: Model) -> None:
    what = f"{folder} cannot be exported"
    if isinstance(config.task, PretrainingConfig):
        raise UserError(f"{what}: pre-training has no logits; export a fine-tuned run")
    if isinstance(config.task, CaptionConfig):
        raise UserError(f"{what}: it writes texts piece by piece, which no one graph does")
    if model.config.architecture == "av_hubert":
        raise UserError(f"{what}: a model of several streams has no ONNX form here")
    if normalisation.adaptation(model.config):
        raise UserError(f"{what}: it is normalised by speaker, which needs more than one clip")
    if needed := getattr(model.config, "needs_word_times", ""):
        raise UserError(f"{what}: {needed} reads times of words, for which the file has no input")
    size = sum(value.numel() * value.element_size() for value in model.parameters())
    if size > MOST_BYTES:
        raise UserError(f"{what}: {size / 2**30:.1f} GiB of weights; an ONNX file holds 2 at most")


def _tokenizer(folder: str, tokenizer: Any) -> str:
    """The tokenizer as the JSON of Hugging Face's tokenizers."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None or not hasattr(fast, "to_str"):
        kind = type(tokenizer).__name__
        raise UserError(f"{folder} cannot be exported: its {kind} has no form as tokenizer.json")
    text: str = fast.to_str()
    return text


def _facts(
    config: Config, model: Model, tokenizer: str, thresholds: dict[str, float]
) -> dict[str, str]:
    """The file's metadata; all but `task` and `tokenizer` are JSON."""
    names = ("normalization", "normalize", "audio_mean", "audio_std", "mel_mean", "mel_std")
    known = {name: getattr(model.config, name) for name in names if hasattr(model.config, name)}
    values = {
        "labels": answer_names(config.task, model),
        "thresholds": thresholds,
        "normalization": known,
        "sample_rate": io.SAMPLE_RATE,
        "max_seconds": model.config.max_seconds,
        "least_samples": model.least_samples,
        "shortest": shortest(model),
        "config": _options(config),
        "spectrobert": importlib.metadata.version("spectrobert"),
    }
    written = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
    return written | {"task": config.task.name, "tokenizer": tokenizer}


def _options(config: Config) -> Any:
    """The run's options, without this machine's folders and names of speakers."""
    values = to_dict(config)
    return PrivatePaths(values).without(nameless_config(values))


def _content(folder: str, config: Config, model: Model, facts: dict[str, str]) -> bytes:
    """The bytes of the file. Raises UserError if torch cannot trace or translate the model."""
    exportable = Exportable(deepcopy(model), config.task).eval()
    asked = _asked(model, TRACED_SECONDS, WORDS)
    try:
        with _without_news(), torch.no_grad():
            exportable(*asked)  # what modules compute once and keep must not be made while traced
            program = torch.export.export(
                exportable,
                asked,
                dynamic_shapes={name: {1: ANY} for name in INPUTS},
                strict=False,
            )
            found = torch.onnx.export(
                program,
                input_names=list(INPUTS),
                output_names=list(OUTPUTS),
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # of any kind: the exporter meets operators that it does not know
        kind = getattr(model.config, "architecture", model.config.model_type)
        reason = " ".join(first_line(_first(error)).split())[:SHOWN]
        raise UserError(
            f"{folder} cannot be exported: torch cannot write this {kind} model as ONNX ({reason})"
        ) from error
    assert found is not None
    found.model.metadata_props.update(facts)
    content: bytes = found.model_proto.SerializeToString()
    return content


def _first(error: BaseException) -> Exception:
    """The error that others were raised from: the exporter's own are pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error if isinstance(error, Exception) else Exception(str(error))


def _asked(model: Model, seconds: float, words: int) -> tuple[Tensor, Tensor]:
    """Noise (1, T) and word pieces (1, L) of the model's vocabulary."""
    random = np.random.default_rng(words)
    longest = int(min(seconds, model.config.max_seconds) * io.SAMPLE_RATE)
    wave = 0.1 * random.standard_normal((1, max(longest, shortest(model))), dtype=np.float32)
    ids = random.integers(1, model.config.vocab_size, (1, words))
    return torch.from_numpy(wave), torch.from_numpy(ids)


def _difference(folder: str, model: Model, path: Path) -> float:
    """The largest between logits. Raises UserError if it is no rounding."""
    session, worst = Session(path), 0.0
    for words, seconds in enumerate(SECONDS, start=2):
        wave, ids = _asked(model, seconds, words)
        theirs = session.run(wave.numpy()[0], ids.numpy()[0])[0]
        ours = _eager(model, wave, ids)
        worst = max(worst, float(np.abs(ours - theirs).max()))
    if not worst <= TOLERANCE:
        raise UserError(
            f"{folder} cannot be exported: onnxruntime's logits are {worst:.1e} away from torch's;"
            f" {TOLERANCE:.0e} is allowed"
        )
    return worst


def _eager(model: Model, wave: Tensor, ids: Tensor) -> np.ndarray:
    """Logits (num_logits,) of the model itself."""
    with torch.inference_mode():
        output = model(
            {
                "waveform": wave,
                "num_samples": torch.tensor([wave.shape[1]]),
                "input_ids": ids,
                "text_mask": torch.ones_like(ids, dtype=torch.bool),
            }
        )
    assert output.logits is not None
    return output.logits[0].numpy()


@contextmanager
def _without_news() -> Iterator[None]:
    """The exporter warns of other packages, and prints a graph that it cannot write."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
