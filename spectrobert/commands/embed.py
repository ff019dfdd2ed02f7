"""embed: vectors of clips, as a Parquet file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..errors import UserError
from .dataset_options import configure
from .options import Corpora

if TYPE_CHECKING:
    from ..data.checks import Skipped
    from ..run.embed.clips import Source
    from ..run.embed.encoder import Encoder
    from ..run.embed.open import Audio


def embed(
    model: Annotated[str, typer.Option(help="a file of conf/model, or the directory of a run")],
    words: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[OPTION=VALUE or FILE]...",
            help="options as for train.py (dataset.root=/corpora/emodb); with --audio, more files",
        ),
    ] = None,
    dataset: Annotated[str, typer.Option(help="a corpus; of a run, default: its own")] = "",
    audio: Annotated[
        Optional[list[str]], typer.Option(help="a sound file, in place of a corpus; repeatable")
    ] = None,
    text: Annotated[str, typer.Option(help="what is said in the files of --audio")] = "",
    task: Annotated[str, typer.Option(help="task of the rows; default: the corpus' first")] = "",
    data_dir: Corpora = "",
    weights: Annotated[
        str, typer.Option(help="of a model by name: a folder, a Hub name, or random")
    ] = "",
    layer: Annotated[
        str,
        typer.Option(
            help="last, a number (0: before the first layer), several as in 2,3, all, or of a run"
            " weighted; default: last, of a run what its head reads"
        ),
    ] = "",
    pooling: Annotated[
        str,
        typer.Option(help="mean, statistics, max, first, last, or none: a row per frame; (mean)"),
    ] = "",
    batch_size: Annotated[int, typer.Option("--batch_size", min=1, help="clips at once")] = 16,
    cuda: Annotated[bool, typer.Option("--cuda", help="compute on a GPU")] = False,
    out: Annotated[str, typer.Option(help="the file; default: <model>_<dataset>.parquet")] = "",
    force: Annotated[bool, typer.Option("--force", help="replace the file if it exists")] = False,
) -> None:
    """Write embeddings of clips: id, split, label and speaker if there are any, layer, vector.

    Rows are in order of the clips' lengths. Clips that cannot be read are named and left out; the
    exit code is then 1.
    """
    from ..files import check_writable, writing
    from ..run.embed.encoder import require_known

    files, options = _sort(words or [], audio)
    require_known(model)
    _require_one_source(model, dataset, files, text, weights)
    path = Path(out or f"{Path(model).name}_{dataset or ('audio' if files else 'own')}.parquet")
    check_writable("--out", path)
    if path.exists() and not force:
        raise UserError(f"{path} exists: --force replaces it, --out names another")

    from ..run.embed import embed as work
    from ..run.embed.open import Audio
    from ..run.embed.states import parse
    from ..run.quiet import quiet
    from ..terminal import console, counting, print_line

    quiet()
    corpus = dataset, task, data_dir, options
    encoder, source = _open(model, weights, corpus, Audio(files, text), cuda)
    wanted = parse(encoder.model, layer, pooling, encoder.is_run)
    with writing(path), counting(f"{source.name}: embedding") as progress:
        written = work.write(encoder, source, wanted, path, batch_size, progress)
    _show_cut(encoder, source)
    print_line(
        console(),
        f"{path}: {written.rows} rows of {written.width} values; weights: {encoder.weights}",
    )
    if written.skipped:
        _show_skipped(written.skipped)
        raise typer.Exit(1)


def _sort(words: Sequence[str], audio: list[str] | None) -> tuple[list[str], list[str]]:
    """Files and options: of `--audio *.wav`, a shell gives the flag the first file alone."""
    if not audio:
        return [], list(words)
    files = [word for word in words if "=" not in word or os.path.exists(word)]
    return [*audio, *files], [word for word in words if word not in files]


def _require_one_source(
    model: str, dataset: str, files: Sequence[str], text: str, weights: str
) -> None:
    from ..run.embed.encoder import is_run

    if dataset and files:
        raise UserError("--dataset and --audio: give one of them")
    if text and not files:
        raise UserError("--text is of the files of --audio; a corpus has its own")
    if weights and is_run(model):
        raise UserError(f"--weights {weights}: the run {model} has its own")
    if not dataset and not files and not is_run(model):
        raise UserError("give --dataset, or --audio with files")


def _open(
    model: str,
    weights: str,
    corpus: tuple[str, str, str, list[str]],
    audio: Audio,
    is_cuda: bool,
) -> tuple[Encoder, Source]:
    """The model, and its clips.

    Args:
        corpus: name, task, folder, options.
    """
    from ..run.embed import encoder, open
    from ..terminal import counting

    name, task, data_dir, options = corpus
    words: list[str] = []
    if name:
        data_dir = data_dir or "data"
        task = configure(name, task, data_dir, options).task.name
        words = ["--task", task, "--dataset", name, "--data_dir", data_dir, *options]
    with counting(f"{name or model}: looking at the audio") as progress:
        if encoder.is_run(model):
            if options and not name:
                raise UserError(f"{options[0]}: a run has its own options")
            return open.of_run(model, words, open.Own(is_cuda, data_dir), audio, progress)
        words = [*(words or [*encoder.ANY, *options]), *(["--cuda"] if is_cuda else [])]
        return open.by_name(model, words, weights, audio, progress)


def _show_cut(encoder: Encoder, source: Source) -> None:
    from ..run.embed.clips import num_cut
    from ..terminal import console, print_line

    number, seconds = num_cut(encoder, source)
    if number and encoder.model.hears:
        line = f"{number} clips are longer than {seconds:g} s, and were cut to that"
        print_line(console(stderr=True), line)


def _show_skipped(skipped: Sequence[Skipped]) -> None:
    for clip in skipped:
        print(f"skipped: {clip.recording}: {clip.fault}", file=sys.stderr)
    print(f"{len(skipped)} clips could not be read and are left out", file=sys.stderr)
