"""CMU-MOSEI: 23,259 sentences of video monologues, sentiment and emotions (Zadeh et al. 2018).

Two label files exist, and either or both are read:
- `CMU_MOSEI_Labels.csd`, the owner's HDF5: the continuous sentiment, and the emotions, by video and
  interval;
- `CMU_MOSEI_Labels.csv`, the segment list of s3prl: what to cut, and the standard fold. Its
  sentiment is whole numbers only, rounded away from zero (`label7`: 0.3 is 1), which is not the
  rounding of the literature's Acc7 (0.3 is 0). So seven classes by that rule, regression and
  emotions need the .csd.

The standard folds divide videos: 16327 / 1871 / 4662 segments of the CSV, and 399 in no fold.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..audio.segment import Segment
from ..errors import UserError, require_extra, unknown
from . import Corpus
from .example import Dropped, Example, Word
from .label_files import first_line, index_audio, number, read_table, read_text

LABELS_CSV, LABELS_CSD = "CMU_MOSEI_Labels.csv", "CMU_MOSEI_Labels.csd"
WORDS_CSD, FOLDS_PY = "CMU_MOSEI_TimestampedWords.csd", "cmu_mosei_std_folds.py"
COLUMNS = ("file", "index", "start", "end", "label2a", "label7", "split")
CSV_SPLITS = {"0": "train", "1": "val", "2": "test"}
FOLDS = {"standard_train_fold": "train", "standard_valid_fold": "val", "standard_test_fold": "test"}
SEVEN = tuple(str(value) for value in range(-3, 4))
# Each is another protocol; published "Acc2" is one or the other of the two
CLASSES = ("7", "2_nonneg", "2_pos", "label7")
# The .csd's columns after sentiment (CMU-MultimodalSDK issue 191).
EMOTIONS = ("happy", "sad", "anger", "surprise", "disgust", "fear")
# Errors of h5py and NumPy for a damaged or foreign file.
UNREADABLE = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    MemoryError,
)
SAME_INTERVAL = 0.005  # seconds; the CSV prints the .csd's times


class Cut(NamedTuple):
    """One segment: its place, and its labels as far as known."""

    video: str
    part: str  # the segment's number in its video
    start: float
    end: float
    split: str
    label2a: str = ""  # of the CSV: 0 negative, 1 not negative
    label7: str = ""  # of the CSV: -3 to 3
    values: tuple[float, ...] = ()  # of the .csd: sentiment, then the six emotions, each 0 to 3


def load(root: Path, task: str, *, classes: str = "7") -> Iterator[Example | Dropped]:
    """The segments of the standard folds; words, with times, if their .csd is there.

    `sentiment`: `classes="7"` labels -3 to 3 as MMSA does: clipped, then rounded half to even;
    `"2_nonneg"` negative or non-negative; `"2_pos"` negative or positive, sentiment 0 dropped;
    `"label7"` the CSV's own column. `sentiment_regression`: the target is the sentiment itself.
    `ser_multilabel`: six emotions, several at once: targets are 1 if the emotion is present at
    all, in the order of `EMOTIONS`. `pre`: segments with their words, without labels.
    """
    if classes not in CLASSES:
        raise unknown("classes of cmu_mosei", classes, CLASSES)
    has_csv, has_csd = (root / LABELS_CSV).is_file(), (root / LABELS_CSD).is_file()
    if not (has_csv or has_csd):
        raise UserError(f"no {LABELS_CSV} and no {LABELS_CSD} in {root}")
    if not has_csd and task not in ("sentiment", "pre"):
        raise UserError(f"task {task} needs {root / LABELS_CSD}, which holds the numbers")
    if not has_csd and task == "sentiment" and classes == "7":
        raise UserError(
            f"task sentiment with dataset.classes=7 needs {root / LABELS_CSD}: the CSV's sentiment "
            "is rounded away from zero; dataset.classes=2_nonneg, =2_pos and =label7 do without"
        )
    if not has_csv and task == "sentiment" and classes == "label7":
        raise UserError(f"dataset.classes=label7 needs {root / LABELS_CSV}")
    values = _read_csd(root / LABELS_CSD, 1 + len(EMOTIONS), float) if has_csd else {}
    words = _read_csd(root / WORDS_CSD, 1, bytes) if (root / WORDS_CSD).is_file() else {}
    audio = index_audio(root)
    cuts = _cuts_of_csv(root / LABELS_CSV) if has_csv else _cuts_of_csd(root / FOLDS_PY, values)
    for cut in cuts:
        if isinstance(cut, Dropped):
            yield cut
            continue
        known = cut._replace(values=_values_at(cut, values))
        if has_csd and not known.values and task != "pre":
            yield Dropped(f"no annotation in {LABELS_CSD}", f"{cut.video}_{cut.part}")
        else:
            yield _example(known, task, classes, audio, _words_in(cut, words))


def published_counts(root: Path, task: str, *, classes: str) -> dict[str, int]:
    """The segments of the CSV, if it is read; not all have annotations in the .csd."""
    if not (root / LABELS_CSV).is_file():
        return {}
    counts = {"examples of train": 16327, "examples of val": 1871, "examples of test": 4662}
    has_csd = (root / LABELS_CSD).is_file()
    return {"rows": 23259} | ({} if has_csd else counts)


def _example(
    cut: Cut, task: str, classes: str, audio: Mapping[str, str], words: tuple[Word, ...]
) -> Example | Dropped:
    clip = f"{cut.video}_{cut.part}"
    segment = _segment(cut, audio)
    if not cut.split:
        return Dropped("in no standard fold", clip)
    if segment is None:
        return Dropped("no audio file", clip)
    label, targets = "", tuple[float, ...]()
    if task == "ser_multilabel":
        targets = tuple(float(value > 0) for value in cut.values[1:])
    elif task == "sentiment_regression":
        targets = cut.values[:1]
    elif task == "sentiment":
        label = _label(cut, classes)
    if task == "sentiment" and not label:
        return Dropped("sentiment 0, neither negative nor positive", clip)
    return Example(
        clip,
        (segment,),
        " ".join(word.text for word in words),
        label=label,
        targets=targets,
        split=cut.split,
        group=cut.video,
        words=words,
    )


def _label(cut: Cut, classes: str) -> str:
    """The class of the sentiment, "" for none."""
    if classes == "label7":
        return cut.label7
    if classes == "7":
        return str(int(np.round(np.clip(cut.values[0], -3, 3))))
    negative = cut.values[0] < 0 if cut.values else cut.label2a == "0"
    if negative:
        return "negative"
    if classes == "2_nonneg":
        return "non-negative"
    # Rounded away from zero, the CSV's 0 is the .csd's 0
    is_zero = cut.values[0] == 0 if cut.values else cut.label7 == "0"
    return "" if is_zero else "positive"


def _segment(cut: Cut, audio: Mapping[str, str]) -> Segment | None:
    """The file that s3prl's script cut, or the stretch of the video's whole sound."""
    clip = f"{cut.video}_{cut.part}"
    if clip in audio:
        return Segment(audio[clip])
    if cut.video in audio:
        return Segment(audio[cut.video], cut.start, cut.end)
    return None


def _cuts_of_csv(path: Path) -> Iterator[Cut | Dropped]:
    for line, row in enumerate(read_table(path, COLUMNS), start=1):
        clip = f"{row['file']}_{row['index']}"
        if row["label2a"] not in ("0", "1") or row["label7"] not in SEVEN:
            raise UserError(
                f"{path}, row {line}: label2a {row['label2a']!r} must be 0 or 1, "
                f"label7 {row['label7']!r} must be -3 to 3"
            )
        start, end = number(row["start"]), number(row["end"])
        if start is None or end is None or end <= max(start, 0):
            yield Dropped("no start and end", clip)
        else:
            split = CSV_SPLITS.get(row["split"], "")
            # Some 200 segments begin before their video does (CMU-MultimodalSDK issue 198).
            yield Cut(
                row["file"], row["index"], max(start, 0), end, split, row["label2a"], row["label7"]
            )


def _cuts_of_csd(folds: Path, values: Mapping[str, Sequence[Row]]) -> Iterator[Cut | Dropped]:
    split_of = _standard_folds(folds)
    for video, rows in values.items():
        for index, row in enumerate(rows):
            if row.end <= max(row.start, 0):
                yield Dropped("no start and end", f"{video}_{index}")
            else:
                yield Cut(video, str(index), max(row.start, 0), row.end, split_of.get(video, ""))


def _standard_folds(path: Path) -> dict[str, str]:
    """Split by video, from the lists in the SDK's Python file, which is read and not run."""
    wanted = ", ".join(FOLDS)
    text = read_text(path)
    try:
        statements = ast.parse(text).body
        lists = {
            statement.targets[0].id: ast.literal_eval(statement.value)
            for statement in statements
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        }
        return {str(video): split for name, split in FOLDS.items() for video in lists[name]}
    except (SyntaxError, ValueError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise UserError(f"{path} does not hold the lists {wanted}: {first_line(error)}") from error


class Row(NamedTuple):
    """One row of a computational sequence."""

    start: float
    end: float
    cells: tuple[Any, ...]


def _read_csd(path: Path, columns: int, kind: type) -> dict[str, list[Row]]:
    """The rows of each video in a computational sequence: NAME/data/VIDEO/{features,intervals}.

    `kind` is that of the cells: float or bytes. Raises UserError: not such a file, or h5py is not
    installed.
    """
    require_extra("mosei", f"{path} is HDF5: reading it")
    import h5py

    found: dict[str, list[Row]] = {}
    try:
        with h5py.File(path, "r") as file:
            (sequence,) = file.values()
            for name, group in sequence["data"].items():
                video = name.partition("[")[0]  # aligned sequences number their segments: VIDEO[3]
                intervals = np.asarray(group["intervals"], dtype=float).reshape(-1, 2)
                features: Any = np.asarray(group["features"], dtype=kind)
                features = features.reshape(len(intervals), columns)
                rows = zip(intervals.tolist(), features.tolist(), strict=True)
                found.setdefault(video, []).extend(
                    Row(start, end, tuple(cells)) for (start, end), cells in rows
                )
    except UNREADABLE as error:
        raise UserError(
            f"{path} is not a computational sequence with {columns} columns: {first_line(error)}"
        ) from error
    return found


def _values_at(cut: Cut, values: Mapping[str, Sequence[Row]]) -> tuple[float, ...]:
    """The annotation of the same interval; empty if there is none or it is not all numbers."""
    for row in values.get(cut.video, ()):
        apart = max(abs(max(row.start, 0) - cut.start), abs(row.end - cut.end))
        if apart < SAME_INTERVAL:
            return row.cells if np.isfinite(row.cells).all() else ()
    return ()


def _words_in(cut: Cut, words: Mapping[str, Sequence[Row]]) -> tuple[Word, ...]:
    """The words whose middle lies in the segment, in seconds from its start; `sp` marks a pause."""
    said = (
        Word(
            row.cells[0].decode("utf-8", "replace"),
            max(row.start - cut.start, 0.0),
            min(row.end, cut.end) - cut.start,
        )
        for row in sorted(words.get(cut.video, ()))
        if cut.start <= (row.start + row.end) / 2 < cut.end
    )
    return tuple(word for word in said if word.text != "sp")


CORPUS = Corpus(
    load=load,
    tasks=("sentiment", "sentiment_regression", "ser_multilabel", "pre"),
    targets={"sentiment_regression": ("sentiment",), "ser_multilabel": EMOTIONS},
    notes={
        "sentiment": "dataset.classes=7: clipped to -3..3 and rounded half to even (Acc7); "
        "2_nonneg: negative / non-negative; 2_pos: negative / positive, sentiment 0 dropped; "
        "label7: the segment CSV's column, rounded away from zero, not comparable with Acc7",
        "sentiment_regression": "sentiment -3 to 3, as annotated",
        "ser_multilabel": "an emotion is present if its annotation is above 0",
    },
    layout=f"{LABELS_CSV} or {LABELS_CSD} (then also {FOLDS_PY}), {WORDS_CSD} for the text, "
    "and the audio as Segmented_Audio/{train,dev,test}/VIDEO_INDEX.wav or Full/WAV_16000/VIDEO.wav",
    source="Zadeh et al. 2018, doi:10.18653/v1/P18-1208, research use",
    published_counts=published_counts,
    words=f"{WORDS_CSD} in dataset.root",
)
