"""A model and the clips that it embeds, checked against each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...data import checks
from ...errors import UserError
from ...settings import composition
from . import clips, encoder
from .clips import Source
from .encoder import Encoder


@dataclass(frozen=True)
class Audio:
    """Sound files, and what is said in them."""

    files: Sequence[str] = ()
    text: str = ""


@dataclass(frozen=True)
class Own:
    """Options of a run's own device and corpus."""

    is_cuda: bool = False
    data_dir: str = ""  # empty: as in the run


def by_name(
    name: str, words: Sequence[str], weights: str, audio: Audio, progress: checks.Progress
) -> tuple[Encoder, Source]:
    """A file of conf/model.

    Args:
        words: of train.py: task, corpus and options.

    Raises UserError.
    """
    config = encoder.configure(name, words or encoder.ANY, weights)
    reads = config.model.fusion == "text"
    _require_text(name, audio, reads)
    source = (
        clips.of_files(audio.files, audio.text)
        if audio.files
        else clips.of_corpus(config, progress)
    )
    return encoder.by_name(name, config, source.texts), source


def of_run(
    folder: str, words: Sequence[str], own: Own, audio: Audio, progress: checks.Progress
) -> tuple[Encoder, Source]:
    """A finished run.

    Args:
        words: of train.py: task, corpus and options; empty: the run's own corpus and splits.

    Raises UserError.
    """
    opened = encoder.of_run(folder, own.is_cuda)
    _require_text(folder, audio, opened.reads)
    if audio.files:
        return opened, clips.of_files(audio.files, audio.text)
    if words:
        other = clips.reading_of(opened.config, composition.compose(words))
        return replace(opened, config=other), clips.of_corpus(other, progress)
    config = replace(opened.config, data_dir=own.data_dir or opened.config.data_dir)
    return opened, clips.of_corpus(config, progress, folder)


def _require_text(name: str, audio: Audio, reads: bool) -> None:
    if audio.text and not reads:
        raise UserError(f"--text: {name} reads no text")
    if audio.files and reads and not audio.text:
        raise UserError(f"{name} reads text: give --text")
