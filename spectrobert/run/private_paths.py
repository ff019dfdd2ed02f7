"""Paths of this machine and names of speakers, which leave it with no published run."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# of these a value is a word of the user's or the corpus', never a path
WORDS = ("labels", "targets", "id2label", "label2id", "map", "keep", "drop")

OWN = ("csv", "kaldi", "audformat", "folder")  # corpora that are tables or folders of the user's
UNNAMED = "unnamed "  # in place of a speaker's name, with a number


class PrivatePaths:
    """The folders that a run's configuration names, the user's own, and the working directory.

    Args:
        config: contents of config.yaml.
    """

    def __init__(self, config: Mapping[str, Any]):
        named = {value for value in _strings(config) if os.path.isabs(value)}
        folders = {*named, *(str(Path(value).parent) for value in named)}
        folders |= {str(Path.home()), os.getcwd()}
        # "/" alone, or a word like "/s", names no folder
        known = {folder for folder in folders if folder != "/"}
        self.folders = sorted(known, key=len, reverse=True)

    def without(self, value: Any) -> Any:
        """A value of JSON with such folders left out of its strings: their files' names stay."""
        if isinstance(value, str):
            return self._cut(value)
        if isinstance(value, Mapping):
            return {key: own if key in WORDS else self.without(own) for key, own in value.items()}
        return [self.without(one) for one in value] if isinstance(value, list) else value

    def _cut(self, text: str) -> str:
        if text in self.folders:
            return os.path.basename(text)
        for folder in self.folders:
            text = text.replace(f"{folder}/", "")
        return text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (s for key, own in value.items() if key not in WORDS for s in _strings(own))
    elif isinstance(value, list):
        yield from (s for one in value for s in _strings(one))


def hides_speakers(corpus: str) -> bool:
    """True if a corpus, or one of a mixture "a+b", is somebody's own: its speakers have names.

    Speakers of published corpora are codes that everybody has.
    """
    return any(name in OWN for name in corpus.split("+"))


def nameless_config(config: dict[str, Any]) -> dict[str, Any]:
    """config.yaml without the names of validation's speakers."""
    dataset = config["dataset"]
    chosen = dataset.get("val_speakers")
    if not isinstance(chosen, list):
        return config
    return config | {"dataset": dataset | {"val_speakers": len(chosen)}}


def nameless_results(results: dict[str, Any]) -> dict[str, Any]:
    """results.json without names of speakers; there are as many as before."""
    named = results["split"]["speakers"]
    speakers = {
        split: [f"{UNNAMED}{number}" for number, _ in enumerate(names, 1)]
        for split, names in named.items()
    }
    return results | {"split": results["split"] | {"speakers": speakers}}


def without_clips(results: dict[str, Any]) -> dict[str, Any]:
    """results.json without names of unread clips; there are as many as before."""
    kept = dict(results)
    for split in ("test", "val", "question_only"):
        own = kept.get(split)
        if own and own.get("unread"):
            kept[split] = own | {"unread": [["", "", ""]] * len(own["unread"])}
    return kept
