"""From a configuration to objects: the only file that does so."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal, cast

import torch
from transformers import PreTrainedTokenizerBase

from ..config import CaptionConfig, Config, FreezeConfig, PretrainingConfig, TrainerConfig
from ..config.objectives import OPTIONS, need
from ..data import stream_checks, streams, unit_file, vocabulary, votes
from ..data.augmentation import Augmentation
from ..data.clips import ReadOptions, columns
from ..data.preparation import Prepared
from ..data.resampling import clip_numbers
from ..data.unit_file import UnitFile
from ..errors import UserError
from ..kernels import adopt
from ..models import lora
from ..models.model import Model
from ..models.registry import MODELS
from ..models.spectrobert import SpectroBert
from ..tasks import TASKS, Task
from . import encoders, foreign, normalisation, pretrained, spoken_words, weights
from .loaders import DataModule, speaker_batches

Precision = Literal["32-true", "16-mixed", "bf16-mixed"]

TIMED = ("crop_seconds", "tempo", "speed", "shift", "mixup")  # effects that video does not follow
BF16_CAPABILITY = (8, 0)  # Ampere; a V100 (7.0) has no bf16


def precision(options: TrainerConfig) -> Precision:
    """The precision "auto" stands for on this machine.

    Raises UserError if a GPU is asked for and none is usable, or bf16 on a GPU that has none.
    """
    named = cast(Precision, options.precision)  # TrainerConfig allows these and "auto"
    if options.accelerator == "cpu":
        if options.precision == "16-mixed":
            raise UserError(
                "trainer.precision=16-mixed needs --cuda; on a CPU use 32-true or bf16-mixed"
            )
        return "32-true" if options.precision == "auto" else named
    require_cuda(options.devices)
    capability = torch.cuda.get_device_capability()
    has_bf16 = capability >= BF16_CAPABILITY
    if options.precision == "auto":
        return "bf16-mixed" if has_bf16 else "16-mixed"
    if options.precision == "bf16-mixed" and not has_bf16:
        raise UserError(
            f"trainer.precision=bf16-mixed: {torch.cuda.get_device_name()} has compute capability"
            f" {capability[0]}.{capability[1]}, bf16 needs 8.0; use 16-mixed"
        )
    return named


def require_cuda(devices: int) -> None:
    """Raise UserError unless `devices` GPUs can be used."""
    if not torch.cuda.is_available():
        built = torch.version.cuda
        why = (
            f"torch {torch.__version__} is built for CUDA {built}"
            if built
            else "this torch is built for CPUs only"
        )
        raise UserError(
            f"--cuda: no usable GPU ({why}, none is visible to it);"
            " leave out --cuda to run on the CPU"
        )
    if devices > torch.cuda.device_count():
        raise UserError(
            f"trainer.devices={devices}: this machine has {torch.cuda.device_count()} usable GPU(s)"
        )


def tokenizer(config: Config, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """The checkpoint's, the text model's, or one trained on `texts`."""
    if config.init.checkpoint:
        return pretrained.checkpoint_tokenizer(config.init.checkpoint)
    if own := weights.owner(config):
        return own.tokenizer(config, texts)
    if config.init.text_model:
        return foreign.tokenizer(config.init.text_model)
    options = config.dataset
    return vocabulary.train(texts, options.vocabulary, options.lowercase, options.strip_accents)


def model_config(
    config: Config, vocab_size: int, labels: tuple[str, ...], pad_token_id: int = 0
) -> Any:
    """Sizes from the run (or its checkpoint), head and labels from the task.

    Raises UserError for a value the model refuses, or a checkpoint of another size.
    """
    task = TASKS[config.task.name]
    head: dict[str, Any] = {
        "head": task.head,
        "num_logits": task.num_logits(labels),
        "vocab_size": vocab_size,
    }
    if isinstance(config.task, PretrainingConfig):
        head["objectives"] = objective_options(config.task)
    if isinstance(config.task, CaptionConfig):
        head["decoder"] = dataclasses.asdict(config.task.decoder)
    if labels:
        head["id2label"] = dict(enumerate(labels))
        head["label2id"] = {label: i for i, label in enumerate(labels)}
    if config.init.checkpoint:
        chosen = dataclasses.asdict(config.model) if config.model else None
        own = pretrained.own_fields(config.init.checkpoint, chosen)
    else:
        own = dataclasses.asdict(config.model)
        if source := weights.owner(config):
            own |= source.fields(config, vocab_size, pad_token_id)
    try:
        return MODELS[own["architecture"]].config_class(**own, **head)
    except ValueError as error:
        raise UserError(str(error)) from error


def objective_options(task: PretrainingConfig) -> dict[str, dict[str, Any]]:
    """Each objective with the options of its layers, kept with the model."""
    chosen: dict[str, dict[str, Any]] = {
        name: dataclasses.asdict(getattr(task, name)) if name in OPTIONS else {}
        for name in task.objectives
    }
    for name in need(task.objectives, "units"):
        facts = unit_file.require(task.units)
        chosen[name] |= {key: facts[key] for key in ("num_units", "first", "step", "fingerprint")}
    for options in chosen.values():  # models of before have no such option, and the same head
        if not options.get("unmasked", 1):
            del options["unmasked"]
    return chosen


def units(config: Config, built: Model, prepared: Prepared) -> UnitFile | None:
    """The units that the objectives of a run predict.

    Raises UserError if they are of other rows, or coarser than the audio tokens of the model.
    """
    task = config.task
    if not (isinstance(task, PretrainingConfig) and need(task.objectives, "units")):
        return None
    chosen = UnitFile(task.units)
    if chosen.step > built.token_grid.step * 1.01:
        raise UserError(
            f"task.units={task.units}: one unit per {chosen.step * 1000:g} ms; the model has an"
            f" audio token per {built.token_grid.step * 1000:g} ms: finer units are needed"
        )
    chosen.require_rows(prepared.splits)
    return chosen


def model(config: Config, settings: Any) -> Model:
    """Random weights, then whatever `init` names on top of them, then the adapters."""
    if settings.max_text_positions < config.dataset.max_text_length:
        raise UserError(
            f"dataset.max_text_length={config.dataset.max_text_length} is more than the"
            f" {settings.max_text_positions} text positions of the model"
        )
    if config.dataset.crop != "whole" and config.dataset.max_seconds > settings.max_seconds:
        raise UserError(
            f"dataset.max_seconds={config.dataset.max_seconds} is more than the model hears"
            f" ({settings.max_seconds:.1f} s); raise {seconds_option(settings)}"
        )
    built = MODELS[settings.architecture](settings)
    if config.init.checkpoint:
        pretrained.load_checkpoint(built, config.init.checkpoint)
    elif source := weights.owner(config):
        source.load(built, config)
    elif isinstance(built, SpectroBert):
        _load_foreign(built, config)
    _adapt(built, config.freeze)
    if config.trainer.checkpoint_activations:
        built.activation_checkpointing_enable()
    return adopt(built, config.trainer.kernels)


def _load_foreign(built: SpectroBert, config: Config) -> None:
    """BERT's and wav2vec 2.0's weights, if the run names them."""
    init = config.init
    encoders.sources(config)  # refuses what SpectroBERT has no place for
    if init.text_model:
        foreign.load_text_model(built, init.text_model, init.allow_bin)
    if init.audio_encoder:
        foreign.load_audio_encoder(built, init.audio_encoder, init.allow_bin)


def _adapt(built: Model, options: FreezeConfig) -> None:
    """Add the adapters that `freeze` asks for, to a model that has none."""
    if not options.lora_rank:
        return
    if not hasattr(built.config, "lora_rank"):
        raise UserError(
            f"freeze.lora_rank={options.lora_rank}: adapters are for composite models"
            f" (model=hubert_base and the like), not {built.config.architecture}"
        )
    if built.config.lora_rank:
        raise UserError(
            f"freeze.lora_rank={options.lora_rank}: the checkpoint has adapters of rank"
            f" {built.config.lora_rank}, which train"
        )
    alpha = options.lora_alpha or 2.0 * options.lora_rank
    lora.add_adapters(built, options.lora_rank, alpha, options.lora_parts)


def seconds_option(settings: Any) -> str:
    """The option that limits how many seconds the model hears, with its value."""
    if not hasattr(settings, "pad_to_max"):
        return f"model.max_seconds={settings.max_seconds}"
    name = "max_frames" if settings.pad_to_max else "max_audio_positions"
    return f"model.{name}={getattr(settings, name)}"


def learns_votes(config: Config) -> bool:
    """True if the loss is on votes of annotators."""
    return getattr(config.task, "soft_labels", False)


def task(
    config: Config,
    built: Model,
    prepared: Prepared,
    words: PreTrainedTokenizerBase | None = None,
) -> Task:
    """The LightningModule; `words` is the tokenizer, of a task that writes texts."""
    weights = None
    if config.task.class_weights and prepared.labels:
        weights = class_weights(prepared, config.task.truth)
    kind = TASKS[config.task.name]
    steps = total_steps(config.trainer, batches_per_epoch(config, built.config, prepared))
    more = scored_votes(config, prepared) | writing(config, prepared, words)
    made = kind(built, config.task, config.optim, prepared.labels, weights, steps, **more)
    made.unseen = prepared.unseen
    return made


def scored_votes(config: Config, prepared: Prepared) -> dict[str, Any]:
    """The argument `votes` of a task with classes, of the splits that are scored and have any."""
    if config.task.truth != "label":
        return {}
    tables = {
        split: votes.table(columns(prepared.splits[split], "votes")["votes"], prepared.labels)
        for split in ("val", "test")
    }
    return {"votes": {split: counts for split, counts in tables.items() if counts is not None}}


def writing(
    config: Config, prepared: Prepared, words: PreTrainedTokenizerBase | None
) -> dict[str, Any]:
    """The argument `writing` of a task that writes texts."""
    if not isinstance(config.task, CaptionConfig):
        return {}
    from ..tasks.captioning import References, Writing

    assert words is not None
    references = {
        split: References(
            columns(prepared.splits[split], "caption")["caption"].to_pylist(),
            clip_numbers(prepared.splits[split]),
        )
        for split in ("val", "test")
    }
    return {"writing": Writing(words, references)}


def class_weights(prepared: Prepared, truth: str) -> torch.Tensor:
    """(C,) inverse frequency of each class in train; of labels that may be there, absent / present.

    Args:
        truth: "label" | "targets", the latter being 1 or 0.
    """
    train = prepared.splits["train"]
    if truth == "targets":
        targets = torch.tensor(train["targets"])  # (N, D)
        present = targets.sum(dim=0)
        return ((len(targets) - present) / present.clamp(min=1)).float()
    index = {label: i for i, label in enumerate(prepared.labels)}
    labels = torch.tensor([index[label] for label in train["label"]])
    counts = torch.bincount(labels, minlength=len(prepared.labels))
    return counts.sum() / (len(counts) * counts.clamp(min=1))


def batches_per_epoch(config: Config, settings: Any, prepared: Prepared) -> int:
    """Training batches of all processes together."""
    if normalisation.pools_by_speaker(settings):
        return len(speaker_batches(prepared, "train", config.trainer, config.seed))
    return -(-len(prepared.splits["train"]) // config.trainer.batch_size)


def total_steps(options: TrainerConfig, batches: int) -> int:
    """Optimiser steps of a run with so many batches per epoch.

    Lightning's own estimate builds the loaders, before a resumed run knows its place in the data.
    """
    assert options.epochs is not None
    steps = options.epochs * -(-batches // options.accumulate)
    return steps if options.max_steps < 0 else min(steps, options.max_steps)


def datamodule(
    config: Config,
    prepared: Prepared,
    words: PreTrainedTokenizerBase,
    settings: Any,
    built: Model | None = None,
) -> DataModule:
    """The loaders of a model with these settings; `built` is it, if units are predicted.

    Raises UserError if the video or the phones of a row cannot be used by a model that reads them.
    """
    spoken_words.require(config, prepared, settings, words)
    others = stream_options(config, settings)
    if others and config.dataset.check != "none":
        stream_checks.require(prepared.splits, others, timed_effects(config))
    read_options = ReadOptions(
        words,
        config.dataset,
        {label: i for i, label in enumerate([*prepared.labels, *prepared.unseen])},
        config.seed,
        config.task if config.task.name == "pre" else None,
        has_targets=config.task.truth == "targets",
        caption_length=getattr(config.task, "max_length", 0),
        soft_classes=len(prepared.labels) if learns_votes(config) else 0,
        model_seconds=settings.max_seconds,
        hears=getattr(settings, "hears", True),
        units=units(config, built, prepared) if built is not None else None,
        augmentation=Augmentation(config.augment) if config.augment.is_on else None,
        by_speaker=normalisation.by_speaker(config.dataset, settings, prepared),
        speakers=normalisation.speakers(settings, prepared),
        has_word_times=bool(spoken_words.option(settings)),
        streams=others,
        memory_gb=config.trainer.memory_gb,
    )
    return DataModule(prepared, read_options, config.trainer)


def stream_options(config: Config, settings: Any) -> streams.StreamOptions | None:
    """The streams besides audio that a model with these settings reads; None if it reads none."""
    return streams.of_model(settings, config.dataset.augment_video)


def timed_effects(config: Config) -> list[str]:
    """Effects of augmentation that are on, and change when or what a clip's audio is."""
    return [name for name in TIMED if getattr(config.augment, name)]
