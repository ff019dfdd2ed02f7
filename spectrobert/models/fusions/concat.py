"""Shallow fusion: pooled audio and pooled text next to each other."""

from .base import Late


class Concat(Late):
    """No layer between the encoders and the head."""
