"""Work on recordings in threads: libsndfile and soxr release the interpreter while they work."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .checks import THREADS

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], chunk: int
) -> Iterator[Result]:
    """The results in order, `chunk` of them ahead at most."""
    waiting = iter(items)
    with ThreadPoolExecutor(THREADS) as pool:
        while some := list(itertools.islice(waiting, chunk)):
            yield from pool.map(work, some)
