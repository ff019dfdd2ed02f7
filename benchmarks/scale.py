"""Growth of cost with clip length, batch, frozen depth, readers and processes.

    python benchmarks/scale.py [--small]

One training step of the base model is timed at each size (`--small`: a model that takes a minute)
and slopes are fitted in the logarithms. The FLOPs of a pre-training step are counted; the last
table, the cost of pre-training on WavCaps, is arithmetic on them for two utilisations.
"""

import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import reading, script, timing
from benchmarks.builds import (
    CLIP_SECONDS,
    FULL_SECONDS,
    QUICK,
    Sizes,
    batch,
    our_loss,
    our_model,
    our_step,
    training_step,
)
from benchmarks.machine import flops, matmul_peak
from spectrobert import terminal
from spectrobert.audio import io
from spectrobert.run import processes

LENGTHS = (1.0, 2.0, 4.0, 8.0)  # seconds
BATCHES = (1, 2, 4)
DEPTHS = ("all", "encoder.-4 ...", "encoder.-1", "head")
READERS = (0, 1, 2)
CLIPS = 400  # read by the readers
WAVCAPS, EPOCHS = 403_050 - 2000, 50  # without validation; a blacklist leaves fewer
FULL_WORDS = 32  # a caption's word pieces
GPUS = {"V100 (16-mixed)": 125e12, "H200 (bf16-mixed)": 989e12}  # dense peaks of the makers
UTILISATIONS = (0.2, 0.4)
REPEATS = 3


def median_seconds(
    call: Callable[[], object], clock: Callable[[], float] = time.process_time
) -> float:
    """The median of REPEATS calls, by processor time as others use the machine."""
    return timing.median_seconds(call, REPEATS, clock)


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of log seconds against log size: 1 is proportional."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def trained_parts(depth: str, layers: int) -> list[str]:
    """`freeze.train` of a depth."""
    if depth == "encoder.-4 ...":
        return ["head", *(f"encoder.{-i}" for i in range(1, min(4, layers) + 1))]
    return {"all": ["all"], "encoder.-1": ["head", "encoder.-1"], "head": ["head"]}[depth]


class Files(torch.utils.data.Dataset):
    """The same file, read each time."""

    def __init__(self, path: str):
        self.path = path

    def __len__(self) -> int:
        return CLIPS

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(io.read(self.path))


def clips_per_second(workers: int) -> float:
    """Decoding and resampling of RAVDESS-length 48 kHz WAV files."""
    with tempfile.TemporaryDirectory() as folder:
        files = Files(reading.write_clip(Path(folder)))
        loader = torch.utils.data.DataLoader(files, batch_size=8, num_workers=workers)
        return CLIPS / timing.seconds(lambda: deque(loader, maxlen=0))


def _process(rank: int, world: int, place: str, sizes: Sizes, batch_size: int) -> None:
    torch.set_num_threads(1)
    address = f"file://{place}/meet{world}"
    dist.init_process_group("gloo", address, rank=rank, world_size=world)
    model = nn.parallel.DistributedDataParallel(our_model(sizes))
    given, step = batch(batch_size), training_step(model, our_loss)
    taken = median_seconds(lambda: step(given), time.perf_counter)
    if rank == 0:
        Path(place, f"{world}.txt").write_text(str(taken))
    processes.end()


def ddp_efficiency(sizes: Sizes, batch_size: int) -> float:
    """Clips per second of two processes, a core and `batch_size` each, over twice those of one."""
    with tempfile.TemporaryDirectory() as place:
        for world in (1, 2):
            arguments = (world, place, sizes, batch_size)
            torch.multiprocessing.spawn(_process, arguments, nprocs=world)
        one, two = (float(Path(place, f"{world}.txt").read_text()) for world in (1, 2))
    return one / two


def pretraining_flops() -> int:
    """Forward and backward of one clip: base, 1024 frames, MLM and SAP."""
    model, given = our_model(Sizes(), "pretraining"), batch(1, FULL_SECONDS, FULL_WORDS)
    return flops(lambda: our_loss(model, given).backward())


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(title)
    first, *others = header
    terminal.print_table(terminal.console(), [first, *terminal.numbers(*others)], rows)


def grown(title: str, unit: str, sizes: Sequence[float], taken: Sequence[float]) -> None:
    rows = [(f"{size:g} {unit}", f"{s:.3f}", f"{s / size:.3f}") for size, s in zip(sizes, taken)]
    grows = f"seconds grow as size ** {slope(sizes, taken):.2f}"
    show(f"{title}: {grows}", ("", "s", f"s / {unit}"), rows)


def main() -> None:
    parser = script.Parser(__doc__)
    parser.add_argument("--small", action="store_true", help="a small model, to see that it runs")
    sizes = QUICK if parser.parse_args().small else Sizes()
    torch.set_num_threads(1)  # processor time of several threads means little
    parts = ["all"]
    lengths = [median_seconds(our_step(sizes, 1, seconds, parts)) for seconds in LENGTHS]
    grown("clip length, batch 1, all trains", "s", LENGTHS, lengths)
    batches = [median_seconds(our_step(sizes, n, 2.0, parts)) for n in BATCHES]
    grown("batch of 2 s clips, all trains", "clips", BATCHES, batches)
    layers = sizes.num_hidden_layers
    depths = [median_seconds(our_step(sizes, 2, 2.0, trained_parts(d, layers))) for d in DEPTHS]
    cells = [(d, f"{s:.3f}", f"{depths[0] / s:.2f}") for d, s in zip(DEPTHS, depths)]
    header = ("trains", "s", "times faster")
    show("what trains, 2 clips of 2 s, without the prefix cache", header, cells)
    read = [(str(n), f"{clips_per_second(n):.0f}") for n in READERS]
    show(f"readers of 48 kHz WAV, {CLIP_SECONDS} s each", ("workers", "clips/s"), read)
    efficiency = ddp_efficiency(sizes, 2)
    print(f"two processes, a core each, gloo: {efficiency:.2f} of twice the clips/s of one\n")
    each = pretraining_flops()
    total = each * WAVCAPS * EPOCHS
    print(f"this machine's matrix products: {matmul_peak() / 1e9:.0f} GFLOP/s")
    print(f"base, 1024 frames: {each / 1e12:.2f} TFLOP per clip")
    print(f"WavCaps, {WAVCAPS:,} clips, {EPOCHS} epochs: {total:.2e} FLOP\n")
    rows = []
    for name, peak in GPUS.items():
        for share in UTILISATIONS:
            hours = total / (peak * share) / 3600
            speed = peak * share / each
            days = [f"{hours / (n * (efficiency if n > 1 else 1)) / 24:.2f}" for n in (1, 8, 64)]
            rows.append((f"{name} at {share:.0%}", f"{speed:.0f}", *days))
    header = ("arithmetic, nothing measured", "clips/s each", "days on 1", "on 8", "on 64")
    show("WavCaps pre-training", header, rows)


if __name__ == "__main__":
    script.run(main)
