"""Texts as letters, which connectionist temporal classification spells."""

import unicodedata

import numpy as np

# Numbered from 1; 0 is the blank of CTC
LETTERS = " 'abcdefghijklmnopqrstuvwxyz"
NUMBERS = {letter: number for number, letter in enumerate(LETTERS, start=1)}


def numbers(text: str) -> np.ndarray:
    """(L,) letters of a text: lower case, without accents; whatever else it holds is a blank space.

    Spaces are single, and none begins or ends the text, as in SpeechLM's letters, which have a
    further mark between words.
    """
    plain = unicodedata.normalize("NFKD", text.lower().replace("\u2019", "'"))
    kept = (letter for letter in plain if not unicodedata.combining(letter))
    spelt = "".join(letter if letter in NUMBERS else " " for letter in kept)
    return np.array([NUMBERS[letter] for letter in " ".join(spelt.split())], dtype=np.int64)
