"""The measurements of arithmetic: log-mel, conv encoder, training step, its memory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch

from benchmarks import builds, machine, memory, rival
from benchmarks.timing import Bench, Row, compare, in_turn, seconds
from spectrobert.audio import features
from spectrobert.kernels import adopt
from spectrobert.models.audio_encoder import AudioEncoder
from spectrobert.models.configuration import SpectroBertConfig

CALLS = 5  # of log-mel in a turn: one is over in 20 ms, which the machine's other work decides


def log_mel(bench: Bench) -> Row:
    """32 clips of 10 s."""
    from transformers import ASTFeatureExtractor

    extractor, config = ASTFeatureExtractor(), SpectroBertConfig()
    given = builds.batch(32, seconds=10.0)
    waves, lengths = given["waveform"], given["num_samples"]
    clips = [wave.numpy() for wave in waves]
    front_end = adopt(features.LogMel(config.num_mel_bins, config.audio_mean, config.audio_std))

    def ours() -> torch.Tensor:
        return front_end(waves, lengths)[0]

    def theirs() -> torch.Tensor:
        return rival.features(extractor, clips)

    difference = (ours() - theirs()[:, : ours().shape[1]]).abs().max().item()
    pairs = in_turn(ours, theirs, bench.repeats, (CALLS, CALLS))
    note = f"largest difference {difference:.1e}"
    return compare("log-mel, 32 clips of 10 s", 32, "clips/s", 4.0, pairs, note=note)


def conv_encoder(bench: Bench) -> Row:
    """Forward and backward on the patches of two clips."""
    config = SpectroBertConfig(conv_dim=bench.sizes.conv_dim)
    encoder, reference = adopt(AudioEncoder(config)), rival.conv_encoder(config.conv_dim)
    columns = torch.randn(72, config.num_mel_bins * config.patch[1])  # two clips of 3.7 s
    patches = columns.unfold(1, 256, 160).flatten(0, 1)  # (864, 256)

    def ours() -> None:
        encoder.zero_grad()
        encoder(columns).sum().backward()

    def theirs() -> None:
        reference.zero_grad()
        reference(patches).sum().backward()

    theirs()
    work = machine.flops(ours)
    pairs = in_turn(ours, theirs, bench.repeats)
    rate = work / min(mine for mine, _ in pairs)
    what = f"conv encoder, {len(patches)} patches, {config.conv_dim} channels"
    return compare(what, len(patches), "patches/s", 2.0, pairs, flops_per_second=rate)


def full_step(bench: Bench) -> Row:
    """Everything trains, batch 2, RAVDESS' lengths."""
    ours, theirs = builds.step("ours", bench.sizes, 2), builds.step("rival", bench.sizes, 2)
    work = machine.flops(ours)
    warm_up = seconds(theirs)
    repeats = bench.repeats if warm_up < 40 else max(2, bench.repeats - 2)
    pairs = in_turn(ours, theirs, repeats)
    config = SpectroBertConfig()
    frames = features.num_frames(builds.batch(1)["num_samples"])
    audio = features.num_patches(frames, config.patch[1], config.stride[1]).item()
    tokens = 2 * (audio * config.frequency_patches + builds.WORD_PIECES)
    row = compare("full fine-tuning step, batch 2", 2, "clips/s", 3.0, pairs)
    return replace(
        row,
        tokens_per_second=row.ours * tokens / 2,
        flops_per_second=row.ours * work / 2,
        note="" if repeats == bench.repeats else f"{repeats} repeats: the rival is slow",
    )


def step_memory(bench: Bench) -> Row:
    """Peak memory of that step, the libraries included."""
    batch_size = 4
    if not bench.is_quick and machine.memory_gb("meminfo", "MemAvailable") < 22:
        batch_size = 2  # the rival takes 21 GB at 4

    def of_step(side: str) -> float:
        return memory.of_step(side, vars(bench.sizes), bench.threads, batch_size)

    with ThreadPoolExecutor(2 if bench.is_quick else 1) as pool:
        ours, theirs = pool.map(of_step, ("ours", "rival"))
    return Row(
        what=f"memory of a full fine-tuning step, batch {batch_size}",
        unit="GB",
        ours=ours,
        rival=theirs,
        ratios=(theirs / ours,),
        bar=1.5 if bench.is_quick else 2.0,  # of a small model the libraries are half
        note="" if batch_size == 4 else "batch 4 needs 22 GB free: the rival takes 21",
    )
