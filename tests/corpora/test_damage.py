"""Spoilt label files: every row is an example or a counted drop, or there is one line of error."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrobert import corpora
from spectrobert.corpora import cmu_mosei

from ..helpers import made_up
from ..helpers.corpus_files import CELLS, damage, fuzzed, hub_file, lines_of, parse_or_refuse, write
from .test_librispeech import hub_rows


def parquet(root: Path) -> None:
    hub_file(root / "clean/test/0000.parquet", hub_rows("1-1-1", "1-1-2", "1-1-3"))


def turns(path: Path) -> int:
    """The labelled lines of session 1, the turn of session 2, and three missing sessions."""
    return sum(line.startswith("[") for line in path.read_text("utf-8-sig").splitlines()) + 1 + 3


def lines(path: Path) -> int:
    return lines_of(path) - 1  # the header


def records(path: Path) -> int:
    return len(json.loads(path.read_text("utf-8-sig"))["data"])


def labels_of(kind: str) -> str:
    return f"Session1/dialog/{kind}/Ses01F_impro01.txt"


VOTED = {"rows": "validated", "min_up_votes": 1}
VALIDATED = "cv-corpus-17.0-2024-03-15/eo/validated.tsv"
FINE_TUNE = "slue-voxceleb/slue-voxceleb_fine-tune.tsv"
FREESOUND = "json_files/FreeSound/fsd_final.json"
BLACKLIST = "json_files/blacklist/blacklist_exclude_all_ac.json"
MSP = "Labels/labels_consensus.csv"
MSP_VOTES = "Labels/labels_detailed"
CREMA_VOTES = "processedResults/tabulatedVotes.csv"
# corpus, builder, spoilt file, options, number of rows if it is not refused
CASES = [
    ("meld", made_up.meld, "train/train_sent_emo.csv", {}, None),
    ("iemocap", made_up.iemocap, labels_of("EmoEvaluation"), {"strict": False}, turns),
    ("iemocap", made_up.iemocap, labels_of("transcriptions"), {"strict": False}, None),
    ("cmu_mosei", made_up.mosei_csv, cmu_mosei.LABELS_CSV, {"classes": "2_nonneg"}, None),
    ("cmu_mosei", made_up.mosei_csv, cmu_mosei.LABELS_CSV, {"classes": "2_pos"}, None),
    ("cmu_mosei", made_up.mosei_csv, cmu_mosei.LABELS_CSV, {"classes": "label7"}, None),
    ("cmu_mosei", made_up.mosei, cmu_mosei.LABELS_CSD, {}, 5),
    ("cmu_mosei", made_up.mosei, cmu_mosei.WORDS_CSD, {}, 5),
    ("msp_podcast", made_up.msp, MSP, {}, None),
    ("msp_podcast", made_up.msp, f"{MSP_VOTES}.csv", {}, None),
    ("msp_podcast", made_up.msp_json, f"{MSP_VOTES}.json", {}, None),
    ("crema_d", made_up.crema, CREMA_VOTES, {}, None),
    ("common_voice", made_up.common_voice, VALIDATED, {"rows": "validated"}, lines),
    ("common_voice", made_up.common_voice, VALIDATED, VOTED, lines),
    ("librispeech", parquet, "clean/test/0000.parquet", {}, None),
    ("kaldi", made_up.kaldi, "train/text", {}, None),
    ("kaldi", made_up.kaldi, "train/wav.scp", {}, None),
    ("kaldi", made_up.kaldi, "test/segments", {}, None),
    ("slue_voxceleb", made_up.slue, FINE_TUNE, {}, lambda path: lines(path) + 6),
    ("wavcaps", made_up.wavcaps, FREESOUND, {"sources": ("freesound",)}, records),
    ("wavcaps", made_up.wavcaps, BLACKLIST, {}, 11),
]


@pytest.mark.parametrize(("corpus", "make", "file", "options", "count"), CASES)
def test_a_spoilt_file_loses_no_row(tmp_path: Path, corpus, make, file, options, count) -> None:
    make(tmp_path)
    path = tmp_path / file
    whole = path.read_bytes()
    found = corpora.corpus(corpus)
    tasks = found.tasks if "classes" not in options else ("sentiment",)
    for task in tasks:
        if has_rows := parse_or_refuse(found.load(tmp_path, task, **options)):
            break
    assert has_rows

    @fuzzed
    @given(spoil=damage(), task=st.sampled_from(tasks))
    def survives(spoil: Callable[[bytes], bytes], task: str) -> None:
        write(path, spoil(whole))
        rows = parse_or_refuse(found.load(tmp_path, task, **options))
        if rows is not None and count:
            assert len(rows) == (count(path) if callable(count) else count)

    survives()


@fuzzed
@given(spoil=damage(), encoding=st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_a_spoilt_transcript_costs_no_clip(tmp_path: Path, spoil, encoding: str) -> None:
    """ESD has its clips by their folders, LibriSpeech by their files."""
    made_up.esd(tmp_path)
    made_up.librispeech(tmp_path)
    path = tmp_path / "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"
    for corpus, spoilt, options in (
        ("esd", tmp_path / "0001/0001.txt", {"language": "mandarin"}),
        ("librispeech", path, {"subsets": ("dev-clean",)}),
    ):
        write(spoilt, spoil(spoilt.read_bytes().decode().encode(encoding)))
        rows = parse_or_refuse(corpora.corpus(corpus).load(tmp_path, "ser", **options))
        audio = [row for row in rows or [] if getattr(row, "audio", None)]
        if rows is not None and corpus == "esd":
            assert len(audio) == 2
        if rows is not None and corpus == "librispeech":
            lines = spoilt.read_bytes().split(b"\n")
            assert len(rows) >= max(3, sum(bool(line.strip()) for line in lines))


MELD_CELLS = ["1", "Why?", "Mark", "surprise", "positive", "0", "0", "8", "21", "a", "b"]


@fuzzed
@given(row=st.integers(1, 10), column=st.integers(0, 10), content=CELLS, data=st.data())
def test_every_cell_may_hold_anything(tmp_path: Path, row, column, content, data) -> None:
    """One cell of a table of MELD and of one of MSP-Podcast."""
    lines = [line.split(",") for line in made_up.MSP_CSV.splitlines()]
    lines[row][min(column, len(lines[0]) - 1)] = content
    write(tmp_path / "labels_consensus.csv", "\n".join(map(",".join, lines)))
    for split, table in made_up.MELD.items():
        write(tmp_path / f"{split}_sent_emo.csv", made_up.MELD_HEADER + table)
    cells = [content if place == column else cell for place, cell in enumerate(MELD_CELLS)]
    write(tmp_path / "dev_sent_emo.csv", f"{made_up.MELD_HEADER}{','.join(cells)}\n")
    for name, count in (("msp_podcast", 10), ("meld", 5)):
        corpus = corpora.corpus(name)
        rows = parse_or_refuse(corpus.load(tmp_path, data.draw(st.sampled_from(corpus.tasks))))
        assert rows is None or len(rows) == count
