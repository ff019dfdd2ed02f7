"""Common Voice (Ardila et al. 2020): read sentences in many languages, from a local release.

It left the Hugging Face Hub in October 2025: releases come from the Mozilla Data Collective alone.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..audio.segment import Segment
from ..errors import UserError, unknown
from . import Corpus
from .example import Dropped, Example, Traits
from .label_files import number, read_table

COLUMNS = ("client_id", "path", "sentence", "up_votes", "down_votes")
# What speakers state of themselves -> column, by its name in newer and in older releases
TRAITS = {
    "sex": ("gender",),
    "age": ("age",),
    "accent": ("accents", "accent"),
    "variant": ("variant",),
    "language": ("locale",),
}
# Answers to gender of releases from 2024 on; the others are kept in the owner's words
SEXES = {"male_masculine": "male", "female_feminine": "female", "do_not_wish_to_say": ""}
# The tables of a choice of rows, with the split of each.
ROWS = {
    "official": {"train": "train", "dev": "val", "test": "test"},
    "validated": {"validated": ""},
}


def load(
    root: Path,
    task: str,
    *,
    language: str = "",
    rows: str = "official",
    min_up_votes: int = 0,
    max_down_votes: int | None = None,
) -> Iterator[Example | Dropped]:
    """Sentences as shown to the speaker; the speaker is `client_id`.

    `language` is needed only if root holds several. `rows` is `official` (train.tsv, dev.tsv,
    test.tsv: few recordings per sentence) or `validated` (every recording that passed review, those
    of the official tables among them; its owner draws no splits there).
    """
    if rows not in ROWS:
        raise unknown("common_voice choice of rows", rows, ROWS)
    release = _release(root, language)
    if release is None:
        return
    # one look in place of a million on a network disk
    clips = frozenset(os.listdir(release / "clips"))
    for table, split in ROWS[rows].items():
        for row in read_table(release / f"{table}.tsv", COLUMNS, delimiter="\t"):
            clip = row["path"].removesuffix(".mp3")  # early releases lack the ending
            name = f"{clip}.mp3"
            reason = _refused(row, min_up_votes, max_down_votes)
            if name not in clips:
                yield Dropped("no audio file", name)
            elif not row["sentence"]:
                yield Dropped("no sentence", name)
            elif reason:
                yield Dropped(reason, name)
            else:
                yield Example(
                    clip,
                    (Segment(str(release / "clips" / name)),),
                    text=row["sentence"],
                    split=split,
                    speaker=row["client_id"],
                    traits=_traits(row),
                )


def _traits(row: Mapping[str, str]) -> Traits:
    """Statements of the speaker; ages are decades in words, "fourties"."""
    stated = {
        name: next(filter(None, (row.get(column, "") for column in columns)), "")
        for name, columns in TRAITS.items()
    }
    stated["sex"] = SEXES.get(stated["sex"], stated["sex"])
    return tuple((name, value) for name, value in stated.items() if value)


def _refused(row: Mapping[str, str], min_up_votes: int, max_down_votes: int | None) -> str:
    """Reason to drop a row by its votes; "" if there is none."""
    up, down = number(row["up_votes"]), number(row["down_votes"])
    if min_up_votes > 0 and (up is None or up < min_up_votes):
        return f"fewer than {min_up_votes} up votes"
    if max_down_votes is not None and (down is None or down > max_down_votes):
        return f"more than {max_down_votes} down votes"
    return ""


def _release(root: Path, language: str) -> Path | None:
    """The folder of one language: root, or LANGUAGE/ or cv-corpus-*/LANGUAGE/ in it."""
    if (root / "clips").is_dir():
        return root
    found = sorted(clips.parent for depth in ("*", "*/*") for clips in root.glob(f"{depth}/clips"))
    if language and found and language not in {folder.name for folder in found}:
        raise unknown("common_voice language", language, {folder.name for folder in found})
    fitting = [folder for folder in found if language in ("", folder.name)]
    if len(fitting) > 1:
        shown = ", ".join(str(folder.relative_to(root)) for folder in fitting)
        raise UserError(
            f"common_voice: {root} holds {shown}; choose one by dataset.language= or dataset.root="
        )
    return fitting[0] if fitting else None


CORPUS = Corpus(
    load=load,
    tasks=("pre",),
    layout="clips/*.mp3 and train.tsv, dev.tsv, test.tsv of one language, or cv-corpus-*/LANGUAGE/ "
    "with these; it has left the Hugging Face Hub: get a release from the Mozilla Data Collective "
    "(datacollective.mozillafoundation.org)",
    source="Ardila et al. 2020, arXiv:1912.06670; CC0",
)
