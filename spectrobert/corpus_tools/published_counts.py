"""What can be counted in a parsed corpus, by the names that `Corpus.published_counts` uses.

`rows` are examples and rows left out; of the others there is a count for all and one for each of
the owner's splits ("examples", "examples of test"): `examples`, `recordings`, `questions` (a
recording and what is asked of it), `speakers`, `classes`, and `class LABEL`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..corpora.example import Dropped, Example


def count(examples: Sequence[Example], dropped: Sequence[Dropped]) -> Counter[str]:
    """The counts by name; a name that is not there counts nothing. Splits as the owner draws."""
    counts = Counter({"rows": len(examples) + len(dropped)})
    distinct: dict[str, set[object]] = {}
    for example in examples:
        recordings = tuple(segment.audio for segment in example.audio)
        things = {
            "recordings": recordings,
            "questions": (recordings, example.question) if example.question else None,
            "speakers": example.speaker,
            "classes": example.label,
        }
        for of in ("", f" of {example.split}") if example.split else ("",):
            counts["examples" + of] += 1
            if example.label:
                counts[f"class {example.label}{of}"] += 1
            for name, thing in things.items():
                if thing:
                    found = thing if name == "recordings" else (thing,)
                    distinct.setdefault(name + of, set()).update(found)
    counts.update({name: len(found) for name, found in distinct.items()})
    return counts
