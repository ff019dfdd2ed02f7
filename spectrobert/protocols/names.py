"""The user's words for ids and labels, and the protocol's."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from ..corpora.label_files import AUDIO_SUFFIXES
from ..corpora.reference import Reference
from .protocol import Protocol

SUFFIXES = {*AUDIO_SUFFIXES, ".m4a", ".opus", ".mp4", ".avi", ".npy", ".pt"}
NUMBER = re.compile(r"(?:LABEL_)?(\d+)")  # of a class: EmoBox' "pred", or a Hub model's name


class Ids:
    """A protocol's rows by any of the forms of their ids."""

    def __init__(self, protocol: Protocol, rows: Sequence[Reference]):
        self._places = {row.id: (place,) for place, row in enumerate(rows)}
        self._forms = [(re.compile(form), id) for form, id in protocol.id_forms.items()]
        self._asked: dict[tuple[str, str], tuple[int, ...]] = {}
        for place, row in enumerate(rows):
            if row.question:
                key = (self._bare(row.group), row.question)
                self._asked[key] = (*self._asked.get(key, ()), place)

    def places(self, id: str, question: str = "") -> tuple[int, ...]:
        """Numbers of the rows that an id means, () if none.

        With or without folders and ending; in Clotho-AQA a recording and its question, which
        several annotators have answered.
        """
        for form in self._written(id):
            if form in self._places:
                return self._places[form]
        return self._asked.get((self._bare(id), question), ())

    def _written(self, id: str) -> Iterator[str]:
        path = id.strip().replace("\\", "/")
        whole = path[: -len(self._suffix(path)) or None]
        bare = self._bare(id)
        yield from (path, whole, bare)
        for pattern, form in self._forms:
            for candidate in (whole, bare):
                if found := pattern.fullmatch(candidate):
                    yield found.expand(form)

    @staticmethod
    def _suffix(path: str) -> str:
        suffix = PurePosixPath(path).suffix
        return suffix if suffix.lower() in SUFFIXES else ""

    def _bare(self, id: str) -> str:
        name = PurePosixPath(id.strip().replace("\\", "/")).name
        return name[: -len(self._suffix(name)) or None]


class Labels:
    """A protocol's classes by any of their words.

    Args:
        labels: the classes.
        order: the user's classes by number, () if the predictions are words.
    """

    def __init__(self, protocol: Protocol, labels: Sequence[str], order: Sequence[str] = ()):
        words = {label.lower(): label for label in labels}
        for others in (protocol.spellings, protocol.merges):
            for label, known in others.items():
                words |= {str(word).lower(): label for word in known}
        self._words, self._order = words, tuple(order)
        self.is_open = protocol.labels == "any"

    def find(self, word: str) -> str:
        """The class of a word or a number; "" if it has none."""
        number = NUMBER.fullmatch(word)
        if number and self._order:
            place = int(number[1])
            word = self._order[place] if place < len(self._order) else ""
        key = " ".join(word.lower().split())
        return self._words.get(key, key if self.is_open else "")

    def unknown(self, words: Iterable[str]) -> list[str]:
        """Those of the words that are no class."""
        return [word for word in words if not self.find(word)]
