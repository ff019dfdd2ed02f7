"""Names that corpora give to one class: for hints, and never applied by themselves."""

import difflib
from collections.abc import Iterable, Mapping

SYNONYMS = (
    ("angry", "anger", "ang", "mad"),
    ("bored", "boredom"),
    ("contempt", "contemptuous"),
    ("disgust", "disgusted", "dis"),
    ("excited", "excitement", "exc"),
    ("fearful", "fear", "afraid", "anxious", "fea", "scared"),
    ("frustrated", "frustration", "fru"),
    ("happy", "happiness", "joy", "joyful", "hap"),
    ("neutral", "neutrality", "neu"),
    ("sad", "sadness", "sorrow"),
    ("surprised", "surprise", "pleasant_surprise", "ps", "sur"),
)
CLOSE = 0.75  # of difflib's ratio


def hints(strange: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """Strange class -> the wanted one that it may mean, of those that have one; each once.

    >>> hints(["fear", "bored"], ["fearful", "calm"])
    {'fear': 'fearful'}
    """
    left, found = list(wanted), {}
    for name in strange:
        meant = _synonym(name, left) or next(
            iter(difflib.get_close_matches(name.lower(), left, n=1, cutoff=CLOSE)), ""
        )
        if meant:
            found[name] = meant
            left.remove(meant)
    return found


def line(found: Mapping[str, str]) -> str:
    """The option that would make these classes one."""
    pairs = ", ".join(f"{name}: {meant}" for name, meant in found.items())
    return f"to take these for one class: 'labels.map={{{pairs}}}'" if found else ""


def _synonym(name: str, wanted: Iterable[str]) -> str:
    group = next((group for group in SYNONYMS if name.lower() in group), ())
    return next((other for other in wanted if other.lower() in group), "")
