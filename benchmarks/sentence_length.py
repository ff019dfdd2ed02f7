"""A small corpus on which transfer between speech and text can be tried: long and short sentences.

    python benchmarks/sentence_length.py speechocean762 length.csv

Reads speechocean762 (J. Zhang et al. 2021) in Kaldi's layout and writes a table of `--dataset csv`:
the sentences of 30 speakers, whose label is the length of their text, a third of the corpus each:
short up to 24 characters, medium, long from 33 on. The text states the label; the sound only tells
how long it was spoken. Speakers are disjoint between the splits.
"""

import argparse
import csv
from pathlib import Path

SPEAKERS = 30
SHORT, MEDIUM = 24, 32  # characters, at most


def read(path: Path) -> dict[str, str]:
    """Key -> value of a file of Kaldi."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t" if "\t" in line else " ", 1) for line in lines)


def label(text: str) -> str:
    """Class of a sentence."""
    return "short" if len(text) <= SHORT else "medium" if len(text) <= MEDIUM else "long"


def split(number: int) -> str:
    """Split of a speaker, the number counting from 0."""
    return "test" if number % 4 == 1 else "val" if number % 6 == 2 else "train"


def write(corpus: Path, table: Path) -> None:
    """The table of all utterances of the chosen speakers."""
    texts, speaker_of, files = (read(corpus / "train" / n) for n in ("text", "utt2spk", "wav.scp"))
    chosen = sorted(set(speaker_of.values()))[::2][:SPEAKERS]
    sides = {speaker: split(number) for number, speaker in enumerate(chosen)}
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "path", "text", "label", "speaker", "split"))
        for name, text in texts.items():
            if (speaker := speaker_of[name]) in sides:
                path = (corpus / files[name]).resolve()
                writer.writerow((name, path, text.lower(), label(text), speaker, sides[speaker]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder of speechocean762")
    parser.add_argument("table", type=Path, help="CSV to write")
    write(**vars(parser.parse_args()))
