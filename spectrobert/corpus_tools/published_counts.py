"""Counts in a parsed corpus, by the names that `Corpus.published_counts` uses.

`rows` are examples and rows left out; of the others there is a count for all and one for each of
the owner's splits ("examples", "examples of test"): `examples`, `recordings`, `questions` (a
recording and what is asked of it), `speakers`, `classes`, and `class LABEL`.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from ..corpora.example import Dropped, Example


def count_rows(examples: Sequence[Example], dropped: Sequence[Dropped]) -> Counter[str]:
    """The counts by name; a name that is not there counts nothing. Splits as the owner draws."""
    counts = Counter({"rows": len(examples) + len(dropped)})
    distinct: dict[str, set[object]] = defaultdict(set)
    for example in examples:
        recordings = tuple(segment.audio for segment in example.audio)
        for of in ("", f" of {example.split}") if example.split else ("",):
            counts[f"examples{of}"] += 1
            distinct[f"recordings{of}"].update(recordings)
            distinct[f"speakers{of}"].add(example.speaker)
            if example.question:
                distinct[f"questions{of}"].add((recordings, example.question))
            if example.label:
                distinct[f"classes{of}"].add(example.label)
                counts[f"class {example.label}{of}"] += 1
    counts.update({name: len(things - {""}) for name, things in distinct.items()})
    return counts
