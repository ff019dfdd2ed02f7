"""units: targets of pre-training, by k-means on frames of a corpus."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..errors import UserError
from .options import Corpora

if TYPE_CHECKING:
    from ..data.checks import Skipped
    from ..run.units.features import Features

MOST_CLUSTERS = 65_535


def units(
    dataset: Annotated[str, typer.Option(help="a corpus, or several: ljspeech+ravdess")],
    words: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="[OPTION=VALUE]...", help="options of the corpus, as for train.py"),
    ] = None,
    layer: Annotated[
        int, typer.Option(help="of the model of --model (0: before its first layer)")
    ] = -1,
    model: Annotated[
        str, typer.Option(help="a file of conf/model, or the directory of a run; default: MFCC")
    ] = "",
    weights: Annotated[
        str, typer.Option(help="of a model by name: a folder, a Hub name, or random")
    ] = "",
    clusters: Annotated[int, typer.Option(min=2, max=MOST_CLUSTERS)] = 100,
    frames: Annotated[
        int, typer.Option(min=1, help="of training rows, on which clusters are fitted")
    ] = 200_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    data_dir: Corpora = "data",
    out: Annotated[str, typer.Option(help="the folder; default: units/<corpus>_<features>")] = "",
    cuda: Annotated[bool, typer.Option("--cuda", help="compute on a GPU")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace the folder if it exists")] = False,
) -> None:
    """Write units of a corpus: the cluster of each frame, which task.units= names.

    An interrupted call continues where it stopped. Rows that cannot be read are named and left
    out; the exit code is then 1.
    """
    if bool(model) != (layer >= 0):
        raise UserError("--layer and --model go together: a layer of a model, or neither for MFCC")
    if weights and not model:
        raise UserError(f"--weights {weights} is of --model")
    from ..files import check_writable, writing

    features_name = f"{Path(model).name}-{layer}" if model else "mfcc"
    folder = Path(out or f"units/{dataset}_{features_name}_{clusters}")
    check_writable("--out", folder, is_folder=True)
    if folder.exists() and not force:
        raise UserError(f"{folder} exists: --force replaces it, --out names another")

    from ..run.embed.encoder import require_known
    from ..run.fit import quiet
    from ..run.units import make as work
    from ..settings.composition import compose
    from ..terminal import console, counting, print_line

    if model:
        require_known(model)
    quiet()
    options = ["task=pre", f"dataset={dataset}", f"data_dir={data_dir}", *(words or [])]
    config = compose([*options, "task.objectives={contrastive: 1}"])  # audio alone is read
    from ..data.preparation import prepare

    with counting(f"{dataset}: looking at the audio") as progress:
        prepared = prepare(config.task.reading, config.dataset, config.data_dir, progress)
    features = _features(model, layer, weights, cuda)
    splits = {split: rows for split, rows in prepared.splits.items() if len(rows)}
    wanted = work.Wanted(dataset, clusters, frames, seed)
    with writing(folder), counting(f"{dataset}: units of {features.name}") as progress:
        made = work.make(folder, splits, features, wanted, progress)
    print_line(
        console(),
        f"{folder}: {made.num_rows} rows, {clusters} clusters of {features.name}, one per"
        f" {features.grid.step * 1000:g} ms; fingerprint {made.facts['fingerprint']}",
    )
    if skipped := [*prepared.skipped, *made.skipped]:
        _show_skipped(skipped)
        raise typer.Exit(1)


def _features(model: str, layer: int, weights: str, is_cuda: bool) -> Features:
    """MFCC, or a layer of a model by name or of a run."""
    from ..run.embed import encoder
    from ..run.units.features import Layer, Mfcc

    if not model:
        return Mfcc()
    if encoder.is_run(model):
        if weights:
            raise UserError(f"--weights {weights}: the run {model} has its own")
        return Layer(encoder.of_run(model, is_cuda), layer)
    cuda = ["--cuda"] if is_cuda else []
    config = encoder.configure(model, [*encoder.ANY, *cuda], weights)
    return Layer(encoder.by_name(model, config), layer)


def _show_skipped(skipped: Sequence[Skipped]) -> None:
    for clip in skipped:
        print(f"skipped: {clip.recording}: {clip.fault}", file=sys.stderr)
    print(f"{len(skipped)} clips could not be read and are left out", file=sys.stderr)
