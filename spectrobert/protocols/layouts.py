"""Predictions as tools write them, read into one record each.

Known are this project's predictions.csv; plain CSV or TSV with id and label, with or without
prob.CLASS; EmoBox' list of {"key", "pred"}; nkululeko's table of a test set (index `file`, columns
`predicted` and `truth`); JSON Lines as the Hub's audio classification answers.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..corpora.label_files import read_json, read_table
from ..corpora.reference import json_lines
from ..errors import UserError

IDS = ("id", "key", "file", "file_name", "filename", "path", "audio", "wav", "name")
PREDICTED = ("prediction", "predicted", "pred", "predictions", "output")
STATED = ("label", "emotion", "class", "answer")  # the prediction, if no column of PREDICTED is
TRUTHS = ("label", "truth", "target")  # the right answer, if a column of PREDICTED is
QUESTIONS = ("question", "questiontext")
SCORES = ("scores", "probabilities", "probs")  # an object, or a list of {"label", "score"}
PROBABILITY = re.compile(r"(?:p|prob|probability|score)[._](.+)")
NOT_CLASSES = {"p_prediction"}  # of this project: of the class that is predicted


@dataclass(frozen=True)
class Answer:
    """One row of a file of predictions, in the user's words."""

    place: str  # FILE:ROW, from 1
    id: str
    label: str = ""  # "": the most probable class
    scores: Mapping[str, Any] = field(default_factory=dict)  # class -> probability, as written
    truth: str = ""  # "": not stated
    fold: str = ""
    question: str = ""
    protocol: str = ""


def read(path: Path) -> list[Answer]:
    """The rows of a file, or of a run: of predictions.csv in its folder, or in its fold*/ folders.

    Raises UserError for a file that cannot be read, and one of another layout.
    """
    found = [answer for file, fold in files(path) for answer in _of_file(file, fold)]
    if not found:
        raise UserError(f"{path} holds no predictions")
    return found


def files(path: Path) -> list[tuple[Path, str]]:
    """Files of predictions, each with the fold that their folder names, "" if it names none."""
    if not path.is_dir():
        return [(path, "")]
    if (path / "predictions.csv").is_file():
        return [(path / "predictions.csv", path.name.removeprefix("fold") * _is_fold(path))]
    found = sorted(file for file in path.glob("fold*/predictions.csv") if _is_fold(file.parent))
    if not found:
        raise UserError(f"{path}: no predictions.csv, there or in its fold*/ folders")
    return [(file, file.parent.name.removeprefix("fold")) for file in found]


def _is_fold(folder: Path) -> bool:
    return re.fullmatch(r"fold\d+", folder.name) is not None


def _of_file(path: Path, fold: str) -> Iterator[Answer]:
    for number, row in enumerate(_rows(path), start=1):
        lowered = {name.lower(): value for name, value in row.items()}
        answer = _answer(lowered, f"{path}:{number}")
        if fold and answer.fold and answer.fold != fold:
            raise UserError(f"{path}, row {number}: fold {answer.fold} in a folder of fold {fold}")
        yield answer if answer.fold or not fold else _with_fold(answer, fold)


def _with_fold(answer: Answer, fold: str) -> Answer:
    return Answer(**(vars(answer) | {"fold": fold}))


def _rows(path: Path) -> Iterable[Mapping[str, Any]]:
    if path.suffix == ".jsonl":
        return json_lines(path)
    if path.suffix == ".json":
        found = read_json(path)
        found = found.get("predictions") if isinstance(found, dict) else found
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise UserError(f"{path} holds no list of predictions")
        return found
    return read_table(path, (), delimiter="\t" if path.suffix == ".tsv" else ",")


def _answer(row: Mapping[str, Any], place: str) -> Answer:
    key = next((name for name in IDS if name in row), None)
    if key is None:
        raise UserError(f"{place}: no column or key of an id ({', '.join(IDS)})")
    predicted = next((name for name in PREDICTED if name in row), "")
    stated = predicted or next((name for name in STATED if name in row), "")
    given = row.get(stated)
    scores = _scores(row, place)
    if not scores and isinstance(given, (list, dict)):
        scores, given = _ranked(given, place), None
    if not stated and not scores:
        known = ", ".join(PREDICTED + STATED)
        raise UserError(f"{place}: neither a label ({known}) nor prob.CLASS")
    truth = next((row[name] for name in TRUTHS if predicted and name in row), "")
    return Answer(
        place,
        _text(row[key]["path"] if isinstance(row[key], dict) else row[key]),
        "" if given is None else _text(given),
        scores,
        _text(truth),
        _text(row.get("fold", "")),
        _text(next((row[name] for name in QUESTIONS if name in row), "")),
        _text(row.get("protocol", "")),
    )


def _scores(row: Mapping[str, Any], place: str) -> dict[str, Any]:
    for name in SCORES:
        if isinstance(row.get(name), (list, dict)):
            return _ranked(row[name], place)
    found = {name: PROBABILITY.fullmatch(name) for name in row if name not in NOT_CLASSES}
    return {match[1]: row[name] for name, match in found.items() if match}


def _ranked(given: list | dict, place: str) -> dict[str, Any]:
    """Class -> probability, from {class: probability} or a list of {"label", "score"}."""
    if isinstance(given, dict) and given.keys() != {"label", "score"}:
        return given
    try:
        each = [given] if isinstance(given, dict) else given
        return {_text(one["label"]): one["score"] for one in each}
    except (TypeError, KeyError) as error:
        shown = json.dumps(given)[:80]
        raise UserError(f'{place}: {shown} is no list of "label", "score"') from error


def _text(value: Any) -> str:
    """A cell as text: a class number that was read as 3.0 is 3."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
