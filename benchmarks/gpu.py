"""Ours against the rival on one GPU: `python benchmarks/gpu.py`, under 8 minutes.

Needs torch, transformers and this package's models; neither data nor Hydra nor an audio library.
`--dry` runs the same code at a toy size, on a CPU if need be, to see that it runs.

The rival is given its spectrograms; ours computes them from waveforms inside the timed step.
"""

import gc
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import builds, script
from benchmarks.builds import Sizes
from benchmarks.machine import flops, matmul_peak
from benchmarks.timing import in_turn, seconds
from spectrobert.corpora.demo import synthesis
from spectrobert.corpora.demo.texts import NAMES, PARTIAL_CAPTIONS
from spectrobert.data.masking import mask_words
from spectrobert.errors import UserError
from spectrobert.models.batch import IGNORED

PRECISIONS = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
BF16_CAPABILITY = (8, 0)
# Dense half-precision FLOP/s by the makers' data sheets
NOMINAL = {"V100": 125e12, "A100": 312e12, "H100": 989e12, "H200": 989e12}
LEAST_SPEED_UP = {"pre-training": 2.0, "fine-tuning": 4.0}
LEAST_MFU = 0.4  # in bf16


@dataclass(frozen=True)
class Scale:
    """Sizes and numbers of what is measured."""

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


def model_of(side: str, task: str, scale: Scale) -> nn.Module:
    """Ours (faithful 1024 frames in pre-training) or the rival, with random weights."""
    head = {"pre-training": "pretraining", "fine-tuning": "classification"}[task]
    if side == "rival":
        return builds.rival_model(scale.sizes, head)
    return builds.our_model(scale.sizes, head, pad_to_max=task == "pre-training")


def step_of(
    side: str, task: str, scale: Scale, dtype: torch.dtype, device: torch.device, compiled: bool
) -> builds.Step:
    """A step of a model on the device, always on the same batch."""
    torch.manual_seed(0)
    model = model_of(side, task, scale).to(device)
    if compiled and side == "ours":
        model.encoder.compile()
    length = builds.FULL_SECONDS if task == "pre-training" else builds.CLIP_SECONDS
    batch = builds.batch(scale.batch_size, length, scale.word_pieces)
    batch["input_values"] = torch.randn(scale.batch_size, 1024, 128)  # the rival's
    batch = {name: value.to(device) for name, value in batch.items()}
    loss = builds.our_loss if side == "ours" else builds.rival_loss
    step = builds.training_step(model, loss, dtype)
    return lambda: step(batch)


def forget(device: torch.device) -> None:
    """Give back memory that is no longer in use."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gb(step: builds.Step, device: torch.device) -> float | None:
    """Largest memory in use over two steps, in GB (10^9 bytes); None on a CPU."""
    seconds(step, 2, device)
    return torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None


def compare(
    task: str, precision: str, scale: Scale, device: torch.device, compiled: bool
) -> dict[str, object]:
    """One row: samples/s of both, their ratio, memory, utilisation."""
    dtype = PRECISIONS[precision]
    row: dict[str, object] = {"task": task, "precision": precision, "batch": scale.batch_size}
    for side in ("ours", "rival"):
        forget(device)
        try:
            alone = step_of(side, task, scale, dtype, device, compiled)
            row[f"{side}_peak_gb"] = peak_gb(alone, device)
        except torch.cuda.OutOfMemoryError:
            row[f"{side}_peak_gb"] = "out of memory"
        alone = None
    forget(device)
    if "out of memory" in row.values():
        return row  # there is nothing to compare; the memory explains it
    ours = step_of("ours", task, scale, dtype, device, compiled)
    rival = step_of("rival", task, scale, dtype, device, compiled)
    for step in (ours, rival):
        seconds(step, 3, device)
    work = flops(ours)
    pairs = in_turn(ours, rival, scale.repeats, (scale.steps, scale.steps), device)
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
    texts = [captions[i] for i in np.where(matched, chosen, other)]
    hidden = [mask_words(ids, SPECIAL, MASK, VOCABULARY, 0.15, rng) for ids in texts]
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
    """16-mixed pre-training over many steps on the demo corpus' scenes: is every loss finite?"""
    torch.manual_seed(0)
    model = model_of("ours", "pre-training", scale).to(device)
    model.config.pad_to_max = False  # scenes are short
    rng = np.random.default_rng(1)
    sounds, captions = scenes(scale.scenes)
    step = builds.training_step(model, builds.our_loss, torch.float16)
    values = []
    for _ in range(scale.stability_steps):
        batch = demo_batch(sounds, captions, scale.batch_size, rng)
        values.append(step({name: value.to(device) for name, value in batch.items()}))
    curve = torch.stack(values).float().cpu()
    part = max(1, len(curve) // 10)
    return {
        "task": "stability",
        "precision": "16-mixed",
        "steps": len(curve),
        "all_finite": bool(torch.isfinite(curve).all()),
        "first_loss": curve[:part].mean().item(),
        "last_loss": curve[-part:].mean().item(),
    }


def main() -> None:
    """Measure, print one line per row, and all of it as JSON at the end."""
    parser = script.Parser(__doc__)
    parser.add_argument("--dry", action="store_true", help="toy sizes: does it run?")
    parser.add_argument("--compile", action="store_true", help="torch.compile our BERT layers")
    options = parser.parse_args()
    if not torch.cuda.is_available() and not options.dry:
        raise UserError("no usable GPU; --dry runs on a CPU")
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


if __name__ == "__main__":
    script.run(main)
