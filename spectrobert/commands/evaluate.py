"""evaluate: score a finished run again, on its own corpus or on another one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, Protocol

import typer

from ..errors import UserError
from .options import DataDir, Json, Run
from .startup import without_collection

if TYPE_CHECKING:
    from rich.console import Console

    from ..run.folder import RunFolder
    from ..run.scores import Scores


def evaluate(
    run: Run,
    options: Annotated[
        Optional[list[str]],
        typer.Argument(
            help="with --dataset, options of that corpus: dataset.fold=2 dataset.root=/my/emodb"
            " 'labels.map={fear: fearful}' (its name: the run's) labels.keep=[angry,sad]"
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help="val or test (the default); with --dataset all rows (the default), train, val or"
            " test of that corpus"
        ),
    ] = "",
    dataset: Annotated[
        str,
        typer.Option(
            help="another corpus: common classes alone are scored, also written to RUN/cross/CORPUS"
        ),
    ] = "",
    data_dir: DataDir = "",
    silence_audio: Annotated[
        bool,
        typer.Option(
            "--silence_audio", help="zero every waveform: what does the text alone answer?"
        ),
    ] = False,
    recorded: Annotated[
        bool,
        typer.Option(
            "--recorded", help="score the recorded rows although the corpus has changed otherwise"
        ),
    ] = False,
    modality: Annotated[
        str,
        typer.Option(
            help="audio or text: what a model of either (speecht5) reads in place of what it was"
            " trained on: zero-shot transfer"
        ),
    ] = "",
    audit: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="score with the sound or the words of each clip taken away or exchanged: what does"
            " the run need? Also into RUN/audit/",
        ),
    ] = False,
    neutral: Annotated[
        str, typer.Option(help="with --audit, the neutral text in place of a clip's own")
    ] = "",
    stress: Annotated[
        bool,
        typer.Option(
            "--stress",
            help="score under noise, rooms, codecs, clipping, gain, speed and cuts, also into"
            " RUN/stress/; a call that was stopped goes on",
        ),
    ] = False,
    distortion: Annotated[
        Optional[list[str]],
        typer.Option(help="with --stress, one of them by name; may be given several times"),
    ] = None,
    noise_folder: Annotated[
        str, typer.Option(help="with --stress, recordings that are mixed in as noise too")
    ] = "",
    part: Annotated[
        str,
        typer.Option(help="with --stress, a share of the conditions, 2/8; then call without it"),
    ] = "",
    slices: Annotated[
        str,
        typer.Option(
            help="score by columns of the corpus, sex,speaker,seconds: for whom does it fail? Also"
            " into RUN/slices/; RUN may hold the runs of all folds"
        ),
    ] = "",
    spoken: Annotated[
        bool,
        typer.Option(
            "--spoken",
            help="positive, neutral and negative sentences by a synthetic voice (espeak-ng): how"
            " far do the answers follow the words? Also into RUN/spoken.json",
        ),
    ] = False,
    sentences: Annotated[
        str,
        typer.Option(
            help="with --spoken, a CSV of recordings of your own: audio, polarity, and frame,"
            " voice, text"
        ),
    ] = "",
    output: Annotated[
        str, typer.Option(help="also write results.json and predictions.csv into this folder")
    ] = "",
    as_json: Json = False,
) -> None:
    """Score a finished run again; the test split gives the numbers of its results.json."""
    from ..files import check_writable

    if output:
        check_writable("--output", Path(output), is_folder=True)
    only_with: dict[str, dict[str, Any]] = {"--audit": {"--neutral": neutral}}
    only_with["--stress"] = {
        "--distortion": distortion,
        "--noise_folder": noise_folder,
        "--part": part,
    }
    only_with["--spoken"] = {"--sentences": sentences}
    modes = {"--audit": audit, "--stress": stress, "--spoken": spoken, "--slices": bool(slices)}
    _require_mode(modes, only_with)
    for mode in (name for name, is_on in modes.items() if is_on):
        others = {
            "--dataset": dataset,
            "--silence_audio": silence_audio,
            "--recorded": recorded,
            "--modality": modality,
            "--output": output,
        }
        for option in (name for name, value in others.items() if value):
            raise UserError(f"{option}: not with {mode}")
    if options and not dataset:
        raise UserError(f"{options[0]!r}: options are of another corpus; name it by --dataset")
    if recorded and dataset:
        raise UserError("--recorded takes rows of the run's own corpus: leave out --dataset")
    if modality and dataset:
        raise UserError("--modality is of the run's own corpus: leave out --dataset")

    with without_collection():
        from ..run import scoring, terminal_scores  # noqa: F401  Lightning is loud once imported
    from ..run.quiet import quiet
    from ..terminal import console

    quiet()
    if audit:
        _audit(run, split or "test", data_dir, neutral, as_json)
        return
    if spoken:
        _spoken(run, sentences, as_json)
        return
    if stress:
        asked = {"names": distortion or (), "noise_folder": noise_folder, "part": part}
        _stress(run, split or "test", data_dir, asked, as_json)
        return
    if slices:
        _slices(run, split or "test", data_dir, slices, as_json)
        return
    if dataset:
        given = {"data_dir": data_dir, "silence_audio": silence_audio, "split": split}
        scores = _elsewhere(run, dataset, options or [], output, given)
    else:
        split = split or "test"
        given = {"silence_audio": silence_audio, "recorded": recorded, "modality": modality}
        scores = _on_own(run, output, split, data_dir, given)
    if as_json:
        print(json.dumps(scores.to_dict(), indent=2))
    else:
        where = f"all rows of {dataset}" if scores.split == "all" else f"{scores.split} split"
        where += f" of {dataset}" * bool(dataset and scores.split != "all")
        title = f"{run}: {where}" + (", audio silenced" if silence_audio else "")
        title += f", {modality} read" if modality else ""
        terminal_scores.show(console(), scores, title)


def _require_mode(modes: dict[str, bool], only_with: dict[str, dict[str, Any]]) -> None:
    """Raise UserError for two ways of scoring at once, and for an option of another one."""
    chosen = [mode for mode, is_on in modes.items() if is_on]
    if len(chosen) > 1:
        raise UserError(f"{' and '.join(chosen)}: one at a time")
    for mode, options in only_with.items():
        for option in (name for name, value in options.items() if value):
            if mode not in chosen:
                raise UserError(f"{option} goes with {mode}")


class _Findings(Protocol):
    """Findings of a way of scoring."""

    def write(self, folder: RunFolder) -> None: ...

    def to_dict(self) -> dict[str, Any]: ...


def _finish(
    folder: RunFolder,
    split: str,
    path: Path,
    found: _Findings,
    show: Callable[[Console, Any], None],
    as_json: bool,
) -> None:
    """Keep what was found, also in the card and Comet, print it, and the path of its file."""
    from ..run import findings
    from ..terminal import console, print_line

    found.write(folder)
    findings.keep(folder, path, split)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    else:
        show(console(), found)
    kind = path.stem if path.parent == folder.path else path.parent.name
    print_line(console(stderr=True), f"{kind}: {path}")


def _spoken(run: Path, sentences: str, as_json: bool) -> None:
    from ..run.folder import RunFolder
    from ..run.spoken.probe import probe
    from .spoken import show

    folder = RunFolder(run)
    folder.read_results()
    _finish(folder, "test", folder.spoken, probe(run, sentences), show, as_json)


def _stress(run: Path, split: str, data_dir: str, given: dict, as_json: bool) -> None:
    from ..run.folder import RunFolder
    from ..run.stress.stress import Part, stress
    from ..terminal import console, counting, print_line
    from .stress import show

    folder, screen = RunFolder(run), console(stderr=True)
    words = given.pop("part")
    part = Part.read(words) if words else None
    with counting("conditions", screen) as bar:

        def progress(name: str, done: int, total: int) -> None:
            bar(done, total)
            if not screen.is_terminal:
                print_line(screen, f"{done + 1} of {total}: {name}")

        found = stress(run, split, data_dir, part=part, progress=progress, **given)
    if found is not None:
        _finish(folder, split, folder.stress(split), found, show, as_json)


def _slices(run: Path, split: str, data_dir: str, names: str, as_json: bool) -> None:
    from ..run.folder import RunFolder
    from ..run.slices.slices import slices
    from .slices import show

    folder = RunFolder(run)
    asked = [name.strip() for name in names.split(",")]
    if not all(asked):
        raise UserError(f"--slices {names!r}: names of columns with commas between, as sex,seconds")
    found = slices(run, asked, split, data_dir)
    _finish(folder, split, folder.slices(split), found, show, as_json)


def _audit(run: Path, split: str, data_dir: str, neutral: str, as_json: bool) -> None:
    from ..run.folder import RunFolder
    from ..run.reliance.audit import audit
    from .audit import show

    folder = RunFolder(run)
    found = audit(run, split, data_dir, neutral)
    _finish(folder, split, folder.audit(split), found, show, as_json)


def _on_own(run: Path, output: str, split: str, data_dir: str, given: dict) -> Scores:
    from ..data import split_record
    from ..run import scoring
    from ..run.folder import RunFolder

    how = scoring.Rereading(**given)
    scores = scoring.evaluate(run, split, data_dir, how)
    if not RunFolder(run).split.is_file():
        print(split_record.missing_line(run), file=sys.stderr)
    if output:
        scoring.write(Path(output), run, scores, how)
    return scores


def _elsewhere(run: Path, dataset: str, options: list[str], output: str, given: dict) -> Scores:
    from ..files import check_writable
    from ..run.cross_corpus import evaluate_on
    from ..run.folder import ALL, RunFolder
    from ..terminal import console, print_line

    own = RunFolder(run)
    own.read_results()
    place = own.cross(dataset, given["split"] or ALL, given["silence_audio"])
    folder = RunFolder(output) if output else place
    if folder.is_begun:
        raise UserError(f"--output {output} holds a run, whose files stay: name another folder")
    check_writable("--output", folder.path, is_folder=True)
    found = evaluate_on(run, dataset, options, console=console(stderr=True), **given)
    found.write(folder)
    print_line(console(stderr=True), f"results: {folder.results}")
    return found.scores
