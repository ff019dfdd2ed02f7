"""Cost of a corpus of WavCaps' size: time to open it, memory of each process, a crop far inside.

    python benchmarks/corpus.py [--scale 1.0] [--folder FOLDER]

Writes the owner's layout with its 403,050 rows (tiny FLAC files, hard-linked) into FOLDER, by
default a temporary one that is deleted afterwards, opens it in fresh processes, and prints a table.
"""

import functools
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import script, timing
from benchmarks.machine import ROOT, memory_gb

# Source: labels file, its clips (FACTS of the data set card: 403,050)
SOURCES = {
    "AudioSet_SL": ("as_final.json", 108_317),
    "BBC_Sound_Effects": ("bbc_final.json", 31_201),
    "FreeSound": ("fsd_final.json", 262_300),
    "SoundBible": ("sb_final.json", 1_232),
}
LINKS = 30_000  # ext4 allows 65,000 names of one file
WORKERS = 4
SENTENCE = "a dog barks while the rain falls on an old tin roof and someone whistles far away"
WORDS = SENTENCE.split()


def synthesise(folder: Path, scale: float) -> int:
    """WavCaps' layout. Returns the number of rows."""
    draw = random.Random(0)
    noise = np.random.default_rng(0)
    total = 0
    for source, (labels, full) in SOURCES.items():
        audio = folder / "Zip_files" / source
        audio.mkdir(parents=True)
        data = []
        for i in range(round(full * scale)):
            if i % LINKS == 0:
                original = folder / f"{source}-{i}.flac"
                soundfile.write(original, noise.uniform(-0.1, 0.1, 1600), 32_000)
            clip = f"Y{i:010}" if source == "AudioSet_SL" else str(100_000 + i)
            os.link(original, audio / f"{clip}.flac")
            data.append(
                {
                    "title": f"{clip} recorded in the field.wav",
                    "description": " ".join(draw.choices(WORDS, k=40)),
                    "author": f"author{i % 5000}",
                    "href": f"/people/author{i % 5000}/sounds/{clip}/",
                    "caption": " ".join(draw.choices(WORDS, k=9)) + ".",
                    "id": f"{clip}.wav" if source == "AudioSet_SL" else clip,
                    "duration": 0.05,
                    "audio": f"wav_path/{clip}.wav",
                    "download_link": f"https://example.org/data/previews/{clip}.mp3",
                }
            )
        path = folder / "json_files" / source / labels
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"num_captions_per_audio": 1, "data": data}))
        total += len(data)
    blacklist = folder / "json_files" / "blacklist" / "blacklist_exclude_all_ac.json"
    blacklist.parent.mkdir()
    blacklist.write_text(json.dumps({"AudioSet": [], "FreeSound": []}))
    return total


def opened(folder: Path, check: str, is_read: bool) -> dict[str, float]:
    """In this process: seconds to open, and memory in MB, of this process and of each worker."""
    from spectrobert.config import PretrainingConfig, TrainerConfig
    from spectrobert.data import vocabulary
    from spectrobert.data.clips import ReadOptions
    from spectrobert.data.preparation import prepare
    from spectrobert.run.loaders import DataModule
    from spectrobert.settings.schemas import dataset_class

    options = dataset_class("wavcaps")(root=str(folder), check=check)
    began, busy = time.monotonic(), time.process_time()
    prepared = prepare("pre", options, "")
    found = {
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - busy,
        "peak_mb": _megabytes("self/status", "VmHWM"),
    }
    if is_read:
        words = vocabulary.train(prepared.splits["train"][:1000]["text"], 500)
        reading = ReadOptions(words, options, {}, 0, PretrainingConfig())
        began = time.monotonic()
        loader = DataModule(
            prepared, reading, TrainerConfig(num_workers=WORKERS)
        ).train_dataloader()
        batches = iter(loader)
        next(batches)
        found["first_batch_seconds"] = time.monotonic() - began
        for _ in itertools.islice(batches, 200):  # fewer at a small --scale
            pass
        found |= _memory("main", os.getpid())
        for i, worker in enumerate(batches._workers):
            found |= _memory(f"worker {i + 1}", worker.pid)
    return found


def _memory(name: str, pid: int) -> dict[str, float]:
    return {f"{name} {f.upper()}": _megabytes(f"{pid}/smaps_rollup", f) for f in ("Rss", "Pss")}


def _megabytes(file: str, field: str) -> float:
    return 1e9 * memory_gb(file, field) / 2**20


def in_a_fresh_process(folder: Path, check: str, is_read: bool, cache: Path) -> dict[str, float]:
    call = f"corpus.opened(corpus.Path({str(folder)!r}), {check!r}, {is_read})"
    code = f"import json; from benchmarks import corpus; print(json.dumps({call}))"
    environment = os.environ | {
        "SPECTROBERT_CACHE": str(cache),
        "PYTHONPATH": str(ROOT),
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def crops(folder: Path) -> dict[str, float]:
    """Milliseconds to read 10 s: of a file of 10 s, and from places in a file of five hours."""
    from spectrobert.audio import io
    from spectrobert.audio.segment import Segment

    hours, rate = 5, 32_000
    noise = np.random.default_rng(0).normal(0, 0.1, 60 * rate).clip(-1, 1)
    long, short = str(folder / "long.flac"), str(folder / "short.flac")
    soundfile.write(short, noise[: 10 * rate], rate)
    with soundfile.SoundFile(long, "w", rate, 1) as file:
        for _ in range(hours * 60):
            file.write(noise)
    found = {}
    for name, path, crop in (("10 s file", short, "first"), ("5 h file, random", long, "random")):
        generator = np.random.default_rng(0)
        read = functools.partial(io.read_clip, [Segment(path)], 10.0, crop, generator)
        found[name] = 1000 * timing.median_seconds(read, 20)
    return found


def main() -> None:
    parser = script.Parser(__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of WavCaps' rows")
    parser.add_argument("--folder", type=Path, help="where the files go; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        began = time.monotonic()
        num_rows = synthesise(folder / "wavcaps", arguments.scale)
        print(f"{num_rows} rows written in {time.monotonic() - began:.0f} s", flush=True)
        print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
        for check in ("header", "none"):
            cache = folder / f"cache-{check}"
            for name in ("the first time", "from the cache"):
                found = in_a_fresh_process(folder / "wavcaps", check, False, cache)
                print(
                    f"check={check}, {name}: {found['seconds']:.1f} s, of which"
                    f" {found['cpu']:.1f} s of CPU; peak {found['peak_mb']:.0f} MB",
                    flush=True,
                )
        found = in_a_fresh_process(folder / "wavcaps", "header", True, folder / "cache-header")
        print(
            f"first batch after {found['first_batch_seconds']:.1f} s; memory after 200 batches, MB"
        )
        for name, value in found.items():
            if name.endswith(("RSS", "PSS")):
                print(f"  {name:14} {value:6.0f}")
        for name, value in crops(folder).items():
            print(f"10 s of a {name}: {value:.1f} ms")


if __name__ == "__main__":
    script.run(main)
