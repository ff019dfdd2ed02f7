"""One encoder alone, through the contract of fusions."""

from .base import Late


class Audio(Late):
    """A speech encoder alone."""

    reads = False


class Text(Late):
    """A text encoder alone."""

    hears = False
