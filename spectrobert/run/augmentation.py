"""Lines about a run's augmentation: its effects, its cost, and where it is off."""

import time
from dataclasses import replace

from ..config import AugmentConfig
from ..config.augment import EFFECTS
from ..data.clips import ClipDataset, RowKey
from ..models.spectrobert import SpectroBert
from .loaders import DataModule
from .run import Run

TIMED_CLIPS = 32
OFF = (
    "activations of frozen layers are cached, once per clip; trainer.prefix_cache=off augments"
    " clips, and runs the frozen layers again in every epoch"
)


def announce(run: Run) -> None:
    """Log the effects and clips per second, or the reason why none is applied."""
    options = run.config.augment
    if not options.is_on:
        return
    if not run.data.read_options.hears:
        run.log(f"augment={options.name} has no effect: the model reads text alone")
    elif "train" in run.data.encoded:
        run.log(f"augment={options.name} is off: {OFF}")
    else:
        run.log(f"augment={options.name}: {effects(options)}; validation and test hear clips as is")
        run.log(cost(run.data))
        _report_unheard(run)


def _report_unheard(run: Run) -> None:
    """Log what a model without a spectrogram of its own ignores."""
    for name in ("mel_masks", "mel_filter"):
        value = getattr(run.config.augment, name)
        if value and not isinstance(run.model, SpectroBert):
            run.log(
                f"augment.{name}={value:g} has no effect: this model hears waveforms, which"
                " have no mel bins"
            )


def effects(options: AugmentConfig) -> str:
    """Effects with their probabilities, masks and mixtures, in words."""
    named = [f"{name} {value:g}" for name in EFFECTS if (value := getattr(options, name))]
    if options.crop_seconds:
        named.insert(0, f"stretches of {options.crop_seconds:g} s")
    for name in ("time_masks", "mel_masks"):
        if number := getattr(options, name):
            named.append(f"{number} {name.replace('_', ' ')}")
    if options.mel_filter:
        named.append(f"mel filter ±{options.mel_filter:g}")
    if options.mixup:
        named.append(f"mixup {options.mixup:g} of {100 * options.mixup_share:g} % of the clips")
    return ", ".join(named)


def cost(data: DataModule) -> str:
    """Clips per second that one process reads of the first training clips, with and without."""
    plain = ClipDataset(
        data.prepared.splits["train"], replace(data.read_options, augmentation=None), True
    )
    augmented = data.clips("train")
    _rate(augmented, 1)  # imports and compiles what the effects need
    with_effects, without = _rate(augmented, TIMED_CLIPS), _rate(plain, TIMED_CLIPS)
    readers = data.num_workers
    each = f"{readers} read while the model trains" if readers else "the training process reads"
    return f"augmentation: {with_effects:.0f} clips/s per process ({without:.0f} without); {each}"


def _rate(clips: ClipDataset, number: int) -> float:
    count = min(number, len(clips))
    began = time.perf_counter()
    for row in range(count):
        clips[RowKey(0, row)]
    return count / max(time.perf_counter() - began, 1e-9)
