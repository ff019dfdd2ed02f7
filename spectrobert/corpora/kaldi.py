"""A folder in Kaldi's data layout: text files with a key and its value per line.

    wav.scp          recording, path of its file; without `segments` each recording is an utterance
    segments         utterance, recording, start and end in seconds
    utt2spk          utterance, speaker
    text             utterance, transcript
    utt2emotion      utterance, label: dataset.label=emotion
    spk2gender       speaker, label: dataset.label=gender

Folders `train`, `dev` (val, valid) and `test` (eval) with these files are splits; a folder with a
`wav.scp` of its own has none.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..audio.segment import Segment
from ..errors import UserError
from . import Corpus
from .example import Dropped, Example
from .kaldi_files import Stretch, read_map, read_recordings, read_segments
from .own_columns import UNNAMED, idle_columns, task_chooser
from .own_targets import TARGET_TASKS, check_targets, read_target
from .split_names import split_folders

LABEL_TASKS = ("classification", "ser", "sentiment")
KINDS = ("utt2", "spk2")  # how names of files with labels begin
TRAITS = {"gender": "sex", "sex": "sex", "age": "age", "lang": "language"}  # NAME -> trait
SEXES = {"f": "female", "m": "male"}  # as Kaldi's recipes write them
NO_LABELS = ("utt2spk", "spk2utt")


def load(
    root: Path,
    task: str,
    *,
    label: str = "",
    targets: list[str] | tuple[str, ...] = (),
    text: str = "text",
    audio_dir: str = "",
) -> Iterator[Example | Dropped]:
    """The utterances of each folder. One that a needed file lacks is dropped.

    Args:
        label, targets: NAME of utt2NAME, or else of spk2NAME: the value of the utterance's speaker.
        text: file of the transcripts, which all tasks but `pre` do without; "" reads none.
        audio_dir: the folder that relative paths start from; "": that of `wav.scp`, else its
            parent.

    Raises UserError for files that are missing or not as Kaldi has them.
    """
    check_targets(task, targets)
    if audio_dir and not Path(audio_dir).is_dir():
        raise UserError(f"dataset.audio_dir={audio_dir}: no such folder")
    if task == "pre" and not text:
        raise UserError("task pre needs dataset.text=FILE, the transcripts")
    folders = _folders(root)
    for path, split in folders.items():
        if split is None:
            yield Dropped("not the folder of a split", path.name)
            continue
        names = (label,) if task in LABEL_TASKS else tuple(targets)
        names = names if task != "pre" else ()
        folder = _read(path, names, audio_dir, text if task == "pre" else _optional(path, text))
        yield from (folder.row(utterance, split, task) for utterance in folder.utterances)


def _folders(root: Path) -> dict[Path, str | None]:
    """Folder -> its split: "" if the root is the only one, None for folders of no split.

    Raises UserError if there is no folder to read, or if the root is one next to its splits.
    """
    below = sorted(path.parent.name for path in root.glob("[!.]*/wav.scp"))
    splits = split_folders(root, below)
    if (root / "wav.scp").is_file():
        if splits:
            raise UserError(
                f"{root}: a wav.scp here, and others in {', '.join(splits)}; keep the one or the"
                " others, or name one folder by dataset.root="
            )
        return {root: ""}
    if not splits:
        shown = f"; found in {', '.join(below[:10])}: dataset.root= names one" if below else ""
        raise UserError(f"{root}: no wav.scp here, nor in train, dev or test{shown}")
    return {root / name: splits.get(name) for name in below}


def _optional(folder: Path, text: str) -> str:
    """The file of transcripts, "" for none: one of another name than Kaldi's has to exist."""
    return text if text != "text" or (folder / text).is_file() else ""


@dataclass(frozen=True)
class _Folder:
    """The files of one folder, as far as a task needs them."""

    path: Path
    recordings: Mapping[str, str]  # recording -> path of its audio
    stretches: Mapping[str, Stretch]  # utterance -> part of a recording
    speakers: Mapping[str, str]  # utterance -> speaker
    names_speakers: bool  # False if each utterance is its own, as Kaldi has it if none is known
    texts: Mapping[str, str]  # utterance -> transcript
    values: Mapping[str, Mapping[str, str]]  # name of a label or target -> utterance -> value
    traits: Mapping[str, Mapping[str, str]]  # name -> utterance -> value

    @property
    def utterances(self) -> Sequence[str]:
        """All that a file names, each once."""
        return list(dict.fromkeys((*self.stretches, *self.speakers, *self.texts)))

    def row(self, utterance: str, split: str, task: str) -> Example | Dropped:
        """An utterance, or the reason to drop it. Raises UserError for a target that is none."""
        if reason := self._left_out(utterance, task):
            return Dropped(reason, utterance)
        stretch = self.stretches[utterance]
        cells = {name: of[utterance] for name, of in self.values.items()}
        numbers = cells if task in TARGET_TASKS else {}
        where = f"{self.path}, utterance {utterance}"
        return Example(
            id=utterance,
            audio=(Segment(self.recordings[stretch.recording], stretch.start, stretch.end),),
            text=self.texts.get(utterance, ""),
            label="" if numbers else "".join(cells.values()),
            targets=tuple(read_target(where, *number, task) for number in numbers.items()),
            split=split,
            speaker=self.speakers[utterance] if self.names_speakers else "",
            traits=tuple(
                (name, of[utterance]) for name, of in self.traits.items() if utterance in of
            ),
        )

    def _left_out(self, utterance: str, task: str) -> str:
        """Reason to drop an utterance; "" if it is used."""
        stretch = self.stretches.get(utterance)
        if stretch is None or stretch.recording not in self.recordings:
            return "no audio file"
        if utterance not in self.speakers:
            return "no speaker"
        if task == "pre" and not self.texts.get(utterance):
            return "no transcript"
        return next((f"no {name}" for name, of in self.values.items() if utterance not in of), "")


def _read(path: Path, names: Sequence[str], audio_dir: str, text: str) -> _Folder:
    """The files of a folder that a task needs.

    Args:
        names: of labels or targets.
        text: the file of transcripts, "" for none.
    """
    recordings = read_recordings(path / "wav.scp", audio_dir)
    has_segments = (path / "segments").is_file()
    whole = {recording: Stretch(recording) for recording in recordings}
    speakers = read_map(path / "utt2spk")
    return _Folder(
        path=path,
        recordings=recordings,
        stretches=read_segments(path / "segments") if has_segments else whole,
        speakers=speakers,
        names_speakers=any(utterance != speaker for utterance, speaker in speakers.items()),
        texts=read_map(path / text, may_be_empty=True) if text else {},
        values={name: _values(path, name, speakers) for name in names},
        traits=_traits(path, speakers),
    )


def _traits(path: Path, speakers: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Trait -> utterance -> value, of the files that are there; spoilt ones are not read."""
    found = {}
    for name, trait in TRAITS.items():
        with suppress(UserError):
            values = _values(path, name, speakers)
            words = SEXES if trait == "sex" else {}
            found[trait] = {key: words.get(value.lower(), value) for key, value in values.items()}
    return found


def _values(path: Path, name: str, speakers: Mapping[str, str]) -> dict[str, str]:
    """Utterance -> value, of utt2NAME, else of spk2NAME. Raises UserError if there is neither."""
    of_utterance, of_speaker = (path / f"{kind}{name}" for kind in KINDS)
    if name and of_utterance.is_file():
        return read_map(of_utterance)
    if name and of_speaker.is_file():
        values = read_map(of_speaker)
        return {key: values[speaker] for key, speaker in speakers.items() if speaker in values}
    files = [file.name for kind in KINDS for file in sorted(path.glob(f"{kind}*"))]
    found = ", ".join(file for file in files if file not in NO_LABELS) or "none"
    wanted = f"no utt2{name} or spk2{name}" if name else "dataset.label=NAME is needed"
    raise UserError(f"{path}: {wanted}; files utt2NAME and spk2NAME with labels: {found}")


choose_task = task_chooser("pre", "the transcripts; no dataset.label= is named")

CORPUS = Corpus(
    load=load,
    tasks=("pre", *LABEL_TASKS, *TARGET_TASKS),
    layout="wav.scp, utt2spk, text, [segments, utt2LABEL, spk2LABEL], or folders train, [dev] and "
    "[test] with these; dataset.root= names the folder",
    source="the user's own",
    folders=("audio_dir",),
    choose_task=choose_task,
    idle_options=idle_columns(LABEL_TASKS),
    unnamed_caveat=UNNAMED,
)
