"""Ours against the rival on one GPU: `python benchmarks/gpu.py`, from a checkout, under 8 minutes.

Needs torch, transformers and this package's models; neither data nor Hydra nor an audio library.
`--dry` runs the same code at a toy size, on a CPU if need be, to see that it runs.

The rival is given its spectrograms; ours computes them from waveforms inside the timed step.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.builds import CLASSES, Sizes  # noqa: E402
from benchmarks.machine import flops  # noqa: E402
from benchmarks.rival import PretrainingRival, Rival  # noqa: E402
from spectrobert.corpora.demo import synthesis  # noqa: E402
from spectrobert.corpora.demo.texts import NAMES, PARTIAL_CAPTIONS  # noqa: E402
from spectrobert.data.masking import mask_words  # noqa: E402
from spectrobert.models.batch import IGNORED  # noqa: E402
from spectrobert.models.configuration import SpectroBertConfig  # noqa: E402
from spectrobert.models.spectrobert import SpectroBert  # noqa: E402
from spectrobert.tasks import losses  # noqa: E402

PRECISIONS = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
BF16_CAPABILITY = (8, 0)
# Dense half-precision FLOP/s by the makers' data sheets
NOMINAL = {"V100": 125e12, "A100": 312e12, "H100": 989e12, "H200": 989e12}
FULL_SECONDS, RAVDESS_SECONDS = 10.255, 3.7  # 1024 frames; a RAVDESS clip
LEAST_SPEED_UP = {"pre-training": 2.0, "fine-tuning": 4.0}
LEAST_MFU = 0.4  # in bf16

Step = Callable[[], Tensor]


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    sizes: Sizes
    batch_size: int
    word_pieces: int
    steps: int  # in a timed stretch
    repeats: int  # stretches of each side, in turn
    stability_steps: int
    scenes: int  # that these steps draw from
    peak_size: int  # of the square matrices that the peak is measured with


FULL = Scale(Sizes(), 24, 32, 8, 5, 500, 600, 8192)
DRY = Scale(Sizes(16, 1, 2, 32, 8), 2, 6, 1, 1, 3, 8, 64)
PAD, CLS, SEP, MASK, FIRST_WORD = 0, 101, 102, 103, 1000  # word ids, as BERT's
SPECIAL, VOCABULARY = frozenset((PAD, CLS, SEP, MASK)), 30_000


def inputs(scale: Scale, seconds: float, device: torch.device) -> dict[str, Tensor]:
    """Noise, words of which a sixth is masked, and labels."""
    generator = torch.Generator().manual_seed(0)
    rows, samples = scale.batch_size, round(seconds * 16_000)
    ids = torch.randint(5, 30_000, (rows, scale.word_pieces), generator=generator)
    masked = torch.arange(scale.word_pieces) % 6 == 1
    batch = {
        "waveform": 0.1 * torch.randn(rows, samples, generator=generator),
        "num_samples": torch.full((rows,), samples),
        "input_ids": ids,
        "text_mask": torch.ones_like(ids, dtype=torch.bool),
        "mlm_labels": torch.where(masked, ids, IGNORED),
        "matched": torch.arange(rows) % 2,
        "label": torch.randint(0, CLASSES, (rows,), generator=generator),
        "input_values": torch.randn(rows, 1024, 128, generator=generator),  # the rival's
    }
    return {name: value.to(device) for name, value in batch.items()}


def our_loss(model: SpectroBert, batch: dict[str, Tensor]) -> Tensor:
    """As the tasks compute it; the losses leave half precision by themselves."""
    output = model(batch)
    if output.logits is not None:
        return losses.classes(output.logits, batch["label"])
    assert output.masked_words is not None
    assert output.match is not None
    asked = batch["mlm_labels"][batch["mlm_labels"] != IGNORED]
    words = losses.masked_words(output.masked_words, asked)
    return 0.5 * words + 0.5 * losses.match(output.match, batch["matched"])


def rival_loss(model: Rival, batch: dict[str, Tensor]) -> Tensor:
    """The same, of the rival."""
    given = (batch["input_values"], batch["input_ids"], batch["text_mask"])
    if isinstance(model, PretrainingRival):
        return model.loss(*given, batch["mlm_labels"], batch["matched"])
    return nn.functional.cross_entropy(model(*given).float(), batch["label"])


def build(side: str, task: str, scale: Scale) -> nn.Module:
    """Ours (faithful 1024 frames in pre-training) or the rival, with random weights."""
    sizes = vars(scale.sizes)
    if side == "ours":
        head = {"pre-training": "pretraining", "fine-tuning": "classification"}[task]
        config = SpectroBertConfig(
            **sizes,
            head=head,
            num_logits=CLASSES if head == "classification" else 0,
            pad_to_max=task == "pre-training",
        )
        return SpectroBert(config)
    bert = BertConfig(**{name: value for name, value in sizes.items() if name != "conv_dim"})
    if task == "pre-training":
        return PretrainingRival(bert, scale.sizes.conv_dim)
    return Rival(bert, scale.sizes.conv_dim, CLASSES)


def step_of(model: nn.Module, loss: Callable[[], Tensor], dtype: torch.dtype) -> Step:
    """A step as Lightning makes it: autocast, scaled gradients for fp16, clipping, RAdam."""
    device = next(model.parameters()).device.type
    trained = list(model.parameters())
    optimizer = torch.optim.RAdam(trained, lr=1e-5)
    scaler = torch.amp.GradScaler(device, enabled=dtype == torch.float16)

    def step() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype):
            value = loss()
        scaler.scale(value).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(trained, 5.0)
        scaler.step(optimizer)
        scaler.update()
        return value.detach()

    return step


def prepare(
    side: str, task: str, scale: Scale, dtype: torch.dtype, device: torch.device, compiled: bool
) -> Step:
    """A model on the device, and its step."""
    torch.manual_seed(0)
    model = build(side, task, scale).to(device).train()
    if compiled and side == "ours":
        model.encoder.compile()
    seconds = FULL_SECONDS if task == "pre-training" else RAVDESS_SECONDS
    batch = inputs(scale, seconds, device)
    loss = our_loss if side == "ours" else rival_loss
    return step_of(model, lambda: loss(model, batch), dtype)  # type: ignore[arg-type]


def wait(device: torch.device) -> None:
    """Until the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds_of(step: Step, steps: int, device: torch.device) -> float:
    """Of one step, over a stretch of them."""
    wait(device)
    began = time.perf_counter()
    for _ in range(steps):
        step()
    wait(device)
    return (time.perf_counter() - began) / steps


def forget(device: torch.device) -> None:
    """Give back what no one holds any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gb(step: Step, device: torch.device) -> float | None:
    """Largest memory in use over two steps, in GB (10^9 bytes); None on a CPU."""
    step()
    step()
    wait(device)
    return torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None


def matmul_peak(size: int, dtype: torch.dtype, device: torch.device) -> float:
    """FLOP/s of a large square product."""
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    seconds_of(lambda: a @ b, 3, device)
    return 2 * size**3 / min(seconds_of(lambda: a @ b, 5, device) for _ in range(3))


def compare(
    task: str, precision: str, scale: Scale, device: torch.device, compiled: bool
) -> dict[str, object]:
    """One row: samples/s of both, their ratio, memory, utilisation."""
    dtype = PRECISIONS[precision]
    row: dict[str, object] = {"task": task, "precision": precision, "batch": scale.batch_size}
    for side in ("ours", "rival"):
        forget(device)
        try:
            alone = prepare(side, task, scale, dtype, device, compiled)
            row[f"{side}_peak_gb"] = peak_gb(alone, device)
        except torch.cuda.OutOfMemoryError:
            row[f"{side}_peak_gb"] = "out of memory"
        alone = None  # type: ignore[assignment]
    forget(device)
    if "out of memory" in row.values():
        return row  # there is nothing to compare; the memory says it
    ours = prepare("ours", task, scale, dtype, device, compiled)
    rival = prepare("rival", task, scale, dtype, device, compiled)
    for step in (ours, rival):
        seconds_of(step, 3, device)
    work = flops(ours)
    pairs = [
        (seconds_of(ours, scale.steps, device), seconds_of(rival, scale.steps, device))
        for _ in range(scale.repeats)
    ]
    ratios = [theirs / mine for mine, theirs in pairs]
    mine, theirs = (statistics.median(times) for times in zip(*pairs))
    rate = work / mine
    peak = matmul_peak(scale.peak_size, dtype, device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    nominal = next((value for key, value in NOMINAL.items() if key in name), None)
    return row | {
        "ours_samples_per_second": scale.batch_size / mine,
        "rival_samples_per_second": scale.batch_size / theirs,
        "ratio": statistics.median(ratios),
        "ratio_spread": [min(ratios), max(ratios)],
        "bar": LEAST_SPEED_UP[task],
        "ours_tflops": rate / 1e12,
        "share_of_measured_peak": rate / peak,
        "mfu": rate / nominal if nominal else None,
        "mfu_bar": LEAST_MFU if precision == "bf16-mixed" else None,
    }


def scenes(count: int) -> tuple[list[Tensor], list[np.ndarray]]:
    """Sounds of the demo corpus, (T,) each, and their captions as word ids, (L,) each."""
    rng = np.random.default_rng(0)
    words: dict[str, int] = {}
    sounds, captions = [], []
    for _ in range(count):
        event = str(rng.choice(list(NAMES)))
        name, verb = NAMES[event]
        caption = str(rng.choice(PARTIAL_CAPTIONS)).format(a=name, a_verb=verb)
        ids = [FIRST_WORD + words.setdefault(w, len(words)) for w in caption.split()]
        sounds.append(torch.from_numpy(synthesis.scene([event], rng)).float() / 32_768)
        captions.append(np.array([CLS, *ids, SEP]))
    return sounds, captions


def demo_batch(
    sounds: list[Tensor], captions: list[np.ndarray], rows: int, rng: np.random.Generator
) -> dict[str, Tensor]:
    """Scenes for MLM and SAP: half the captions another scene's."""
    chosen, other = rng.integers(len(sounds), size=(2, rows))
    matched = rng.random(rows) < 0.5
    told = [captions[i] for i in np.where(matched, chosen, other)]
    hidden = [mask_words(ids, SPECIAL, MASK, VOCABULARY, 0.15, rng) for ids in told]
    read, asked = ([torch.from_numpy(ids) for ids in part] for part in zip(*hidden))
    ids = nn.utils.rnn.pad_sequence(read, batch_first=True)
    return {
        "waveform": nn.utils.rnn.pad_sequence([sounds[i] for i in chosen], batch_first=True),
        "num_samples": torch.tensor([len(sounds[i]) for i in chosen]),
        "input_ids": ids,
        "text_mask": ids != PAD,
        "mlm_labels": nn.utils.rnn.pad_sequence(asked, batch_first=True, padding_value=IGNORED),
        "matched": torch.from_numpy(matched).long(),
    }


def stability(scale: Scale, device: torch.device) -> dict[str, object]:
    """16-mixed pre-training over many steps on the demo corpus' scenes: every loss finite?"""
    torch.manual_seed(0)
    model = build("ours", "pre-training", scale).to(device).train()
    model.config.pad_to_max = False  # scenes are short
    rng = np.random.default_rng(1)
    sounds, captions = scenes(scale.scenes)
    batch: dict[str, Tensor] = {}
    step = step_of(model, lambda: our_loss(model, batch), torch.float16)
    found = []
    for _ in range(scale.stability_steps):
        fresh = demo_batch(sounds, captions, scale.batch_size, rng)
        batch.update({name: value.to(device) for name, value in fresh.items()})
        found.append(step())
    curve = torch.stack(found).float().cpu()
    part = max(1, len(curve) // 10)
    return {
        "task": "stability",
        "precision": "16-mixed",
        "steps": len(curve),
        "all_finite": bool(torch.isfinite(curve).all()),
        "first_loss": curve[:part].mean().item(),
        "last_loss": curve[-part:].mean().item(),
    }


def main() -> int:
    """Measure, print one line a row, and all of it as JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="toy sizes: does it run?")
    parser.add_argument("--compile", action="store_true", help="torch.compile our BERT layers")
    options = parser.parse_args()
    if not torch.cuda.is_available() and not options.dry:
        print("error: no usable GPU; --dry runs on a CPU", file=sys.stderr)
        return 2
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    scale = DRY if options.dry else FULL
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name() if on_gpu else "CPU"
    print(f"{name}, torch {torch.__version__}, {'toy' if options.dry else 'base'} size", flush=True)
    has_bf16 = not on_gpu or torch.cuda.get_device_capability() >= BF16_CAPABILITY
    rows = []
    for precision in PRECISIONS:
        if precision == "bf16-mixed" and not has_bf16:
            print("bf16-mixed: this GPU has none", flush=True)
            continue
        for task in LEAST_SPEED_UP:
            rows.append(compare(task, precision, scale, device, options.compile))
            print(json.dumps(rows[-1]), flush=True)
    forget(device)
    rows.append(stability(scale, device))
    print(json.dumps(rows[-1]), flush=True)
    print(json.dumps({"device": name, "torch": torch.__version__, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
