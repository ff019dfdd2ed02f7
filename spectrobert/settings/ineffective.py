"""Options that were set and change nothing in the run at hand."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from ..config import Config, MixtureConfig, OptimConfig, PretrainingConfig
from ..config.augment import DETAILS
from ..config.objectives import masking, need
from ..corpora import corpus
from .literals import written


def ineffective(config: Config) -> list[str]:
    """`option=value has no effect: reason`, for options that differ from their defaults."""
    lines = []
    for group, names, reason in _rules(config):
        options = getattr(config, group) if group else config
        if options is None:  # the model is a checkpoint's
            continue
        for name in names:
            value = getattr(options, name)
            if value != _default(options, name):
                key = f"{group}.{name}" if group else name
                lines.append(f"{key}={written(value)} has no effect: {reason}")
    return lines


def _rules(config: Config) -> Iterator[tuple[str, Sequence[str], str]]:
    """Group, options without effect, and why."""
    task, dataset, init, trainer = config.task, config.dataset, config.init, config.trainer
    if config.classic.is_on:
        yield from _of_networks(config)
    else:
        yield "classic", ("classifier", "costs"), "classic.features=none"
    if config.logger.name != "comet":
        yield "logger", ("project", "mode"), f"it is of logger=comet, not {config.logger.name}"
    if trainer.prefix_cache == "off":
        yield "trainer", ("cache_gb",), "trainer.prefix_cache=off"
    if trainer.epochs != task.epochs:
        yield "task", ("epochs",), f"trainer.epochs={trainer.epochs} is set"
    if getattr(config.model, "pooled_norm", "none") == "speaker":
        yield "trainer", ("group_by_length",), "model.pooled_norm=speaker groups by speaker"
    is_named = config.model is not None  # else the model is a checkpoint's, which may see
    if is_named and "video" not in getattr(config.model, "streams", ()):
        yield "dataset", ("augment_video",), "the model sees no video"
    if getattr(config.model, "masking", "") == "embedding":
        yield "model", ("video_mask_share", "video_mask_seconds"), "model.masking=embedding"
    if config.optim.clip == 0:
        yield "optim", ("clip_by",), "optim.clip=0"
    yield from _of_schedules(config.optim.schedule)
    yield from _of_averages(config.optim)
    yield from _of_augmentation(config)
    if dataset.normalize in ("corpus", "clip", "speaker"):
        reason = f"dataset.normalize={dataset.normalize}"
        yield "model", ("audio_mean", "audio_std"), reason
    if init.text_model or init.checkpoint:
        source = init.text_model or init.checkpoint
        yield "dataset", ("vocabulary",), f"the vocabulary is that of {source}"
    if not dataset.shots:
        yield "dataset", ("shots_seed",), "dataset.shots=0"
    reads = (getattr(config.model, "fusion", ""), getattr(config.model, "audio_tokens", ""))
    if config.model and reads[0] != "cm_bert" and reads[1] != "words":
        yield "dataset", ("word_times",), "the model reads no times of words"
    if not dataset.inner_folds:
        yield "dataset", ("inner_fold",), "dataset.inner_folds=0"
    if dataset.crop == "whole":
        yield "dataset", ("max_seconds",), "dataset.crop=whole"
    if task.name == "pre":
        yield from _of_objectives(task)
    if not getattr(config.model, "pad_to_max", True):
        yield "model", ("max_frames",), "model.pad_to_max=false"
    if not getattr(task, "contrastive", 1):
        yield "task", ("temperature",), "task.contrastive=0"
    if getattr(task, "contrastive", 0) == 1:
        yield "task", ("label_smoothing", "focal_gamma", "soft_labels"), "task.contrastive=1"
    if isinstance(dataset, MixtureConfig):
        return
    known = corpus(dataset.name)
    if dataset.prepared:
        yield "dataset", ("root",), f"dataset.prepared={dataset.prepared} is read"
    elif known.files:
        yield "dataset", ("root",), f"the files are dataset.{known.files[0]}"
    if known.files:
        yield "", ("data_dir",), f"the files are dataset.{known.files[0]}"
    elif dataset.prepared or dataset.root:
        yield "", ("data_dir",), "the corpus has a folder of its own (dataset.root or .prepared)"
    idle = known.idle_options(task.name) if known.idle_options else ()
    yield "dataset", idle, f"task {task.name} does not read it"


def _of_objectives(task: PretrainingConfig) -> Iterator[tuple[str, Sequence[str], str]]:
    """Options of objectives that are not chosen."""
    names = list(task.objectives)
    if "mlm" not in names:
        yield "task", ("mlm_probability", "mlm_on_mismatch"), "task.objectives has no mlm"
    if "sap" not in names:
        reason = "task.objectives has no sap"
        yield "task", ("mismatch_probability", "negatives", "mlm_on_mismatch"), reason
    elif task.mismatch_probability == 0:
        yield "task", ("mlm_on_mismatch", "negatives"), "task.mismatch_probability=0"
    if not need(names, "units"):
        yield "task", ("units",), "no objective predicts units"
    if not masking(names):
        spans = ("mask_share", "mask_seconds", "mask_longest", "mask_swapped", "mask_kept")
        yield "task", spans, "no objective masks audio"


def _of_networks(config: Config) -> Iterator[tuple[str, Sequence[str], str]]:
    """Options of a network that a run of openSMILE features does not build."""
    reason = f"classic.features={config.classic.features} trains no network"
    for group in ("augment", "freeze", "init", "optim"):
        yield group, [f.name for f in dataclasses.fields(getattr(config, group))], reason
    yield "trainer", ("batch_size", "patience", "accelerator", "precision"), reason
    yield "task", ("epochs", "class_weights"), reason
    yield "logger", ("name",), reason


def _of_schedules(chosen: str) -> Iterator[tuple[str, Sequence[str], str]]:
    """Options of schedules that are not chosen."""
    own = {
        "tri_stage": ("hold_share", "final_scale"),
        "plateau": ("plateau_factor", "plateau_patience", "plateau_threshold"),
    }
    for name, names in own.items():
        if name != chosen:
            yield "optim", names, f"it is of optim.schedule={name}, not {chosen}"


def _of_averages(options: OptimConfig) -> Iterator[tuple[str, Sequence[str], str]]:
    """Options of averages of weights that are not chosen, and of a decay that is none."""
    for name, of in (("ema_decay", "ema"), ("average_from", "swa")):
        if options.average != of:
            yield "optim", (name,), f"it is of optim.average={of}, not {options.average}"
    if not options.weight_decay:
        yield "optim", ("decay_norms",), "optim.weight_decay=0"


def _of_augmentation(config: Config) -> Iterator[tuple[str, Sequence[str], str]]:
    """Details of effects that no clip meets."""
    for effect, details in DETAILS.items():
        if not getattr(config.augment, effect):
            yield "augment", details, f"augment.{effect}=0"


def _default(options: Any, name: str) -> Any:
    field = next(f for f in dataclasses.fields(options) if f.name == name)
    # not compared with dataclasses.MISSING: a class that a launcher has pickled has one of its own
    return field.default_factory() if callable(field.default_factory) else field.default
