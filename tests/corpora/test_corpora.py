"""ESC-10, Clotho-AQA and a user's own tables, as parsed from their owners' files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from spectrobert import corpora
from spectrobert.audio import io
from spectrobert.corpora import esc10
from spectrobert.corpora.example import Example
from spectrobert.data import drawing, splits
from spectrobert.errors import UserError

from ..helpers.corpus_files import esc10_folder


def load(name: str, root: Path, task: str, **options: Any) -> list[Example]:
    return corpora.load(name, root, task, **options)[0]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def by_split(examples: Sequence[Example]) -> dict[str, list[Example]]:
    found = defaultdict(list)
    for example in examples:
        found[example.split].append(example)
    return found


def test_parsers_import_nothing_heavy() -> None:
    names = ("ravdess", "esc10", "clotho_aqa", "csv")
    program = (
        f"import sys; from spectrobert.corpora import corpus; [corpus(n) for n in {names}];"
        "print([m for m in ('torch', 'transformers', 'pandas', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["ravdess", "esc10", "clotho_aqa", "csv"])
def test_options_do_not_hide_those_of_every_corpus(name: str) -> None:
    from spectrobert.config import DatasetConfig
    from spectrobert.corpora import corpus

    assert not set(corpus(name).options()) & {field.name for field in fields(DatasetConfig)}


class TestEsc10:
    @pytest.mark.parametrize("task", ["pre", "aqa_binary", "aqa_open"])
    def test_both_layouts_give_the_same_but_for_the_paths(self, tmp_path: Path, task: str) -> None:
        made = []
        for layout, file in (("manifest", "dog/1-1000-A.flac"), ("esc50", "audio/1-1000-A-0.wav")):
            (tmp_path / layout).mkdir()
            examples = load("esc10", esc10_folder(tmp_path / layout, layout), task)
            assert examples[0].audio[0].audio == str(tmp_path / layout / file)
            made.append([(e.id, e.text, e.question, e.label, e.split, e.group) for e in examples])
        assert made[0] == made[1]

    def test_no_such_folder_or_fold(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"manifest\.tsv"):
            load("esc10", tmp_path, "pre")
        with pytest.raises(UserError, match="folds 1 to 5, not 6"):
            load("esc10", tmp_path, "pre", fold=6)

    def test_number_of_scenes(self, tmp_path: Path) -> None:
        root = esc10_folder(tmp_path, "manifest")
        for scenes in (0, 1, 3):
            examples = load("esc10", root, "pre", scenes=scenes)
            mixed = [e for e in examples if len(e.audio) == 2]
            assert len(examples) - len(mixed) == 40
            labels = Counter(e.label for e in load("esc10", root, "classification", scenes=scenes))
            assert labels == dict.fromkeys(esc10.SOUNDS, 4)
            assert 0.8 * 40 * scenes <= len(mixed) <= 40 * scenes

    @pytest.mark.parametrize("task", ["pre", "aqa_binary", "aqa_open", "classification"])
    @pytest.mark.parametrize("fold", range(1, 6))
    def test_real_splits(self, real_data: Path, task: str, fold: int) -> None:
        examples = load("esc10", real_data / "esc10", task, fold=fold)
        assert len(examples) == len({e.id for e in examples})
        folds = {
            split: {e.id[0] for e in of_split} for split, of_split in by_split(examples).items()
        }
        assert folds["test"] == {str(fold)}
        assert folds["val"] == {str(fold % 5 + 1)}
        assert len(folds["train"]) == 3
        names, _ = drawing.assign(examples)
        assert names == [e.split for e in examples]
        splits.verify(examples, names, random=False)

    def test_real_questions_tell_nothing(self, real_data: Path) -> None:
        """Whoever sees the text alone is right half of the time, whatever the text."""
        for of_split in by_split(load("esc10", real_data / "esc10", "aqa_binary")).values():
            answers = Counter((e.question, e.label) for e in of_split)
            questions = {question for question, _ in answers}
            assert all(answers[q, "yes"] == answers[q, "no"] > 0 for q in questions)
            assert sum(q.startswith("can you hear") for q in questions) == 10
            recordings = {e.audio[0].audio for e in of_split if len(e.audio) == 1}
            assert sum(len(e.audio) == 1 for e in of_split) == 2 * len(recordings)
        for of_split in by_split(load("esc10", real_data / "esc10", "aqa_open")).values():
            answers = Counter((e.question, e.label) for e in of_split)
            for question, total in Counter(e.question for e in of_split).items():
                most = max(count for (q, _), count in answers.items() if q == question)
                assert most / total < 0.15

    def test_real_answers_are_true(self, real_data: Path) -> None:
        """From the folder of each recording, which says what it is."""
        answer_of = {
            "Dog bark": "dog",
            "Rain": "rain",
            "Sea waves": "sea",
            "Baby cry": "baby",
            "Clock tick": "clock",
            "Person sneeze": "sneeze",
            "Helicopter": "helicopter",
            "Chainsaw": "chainsaw",
            "Rooster": "rooster",
            "Fire crackling": "fire",
        }

        def heard(example: Example) -> list[str]:
            ordered = sorted(example.audio, key=lambda segment: segment.onset)
            return [answer_of[Path(str(s.audio)).parent.name.split(" - ")[1]] for s in ordered]

        for example in load("esc10", real_data / "esc10", "aqa_open"):
            position = -1 if example.question == "what comes last?" else 0
            assert example.label == heard(example)[position]
        phrases = dict(esc10.SOUNDS.values())
        for example in load("esc10", real_data / "esc10", "aqa_binary"):
            if len(example.audio) == 1:
                is_true = example.question == f"can you hear {phrases[heard(example)[0]]}?"
            else:
                first, last = heard(example)
                is_true = example.question == f"does the {first} come before the {last}?"
            assert example.label == ("yes" if is_true else "no")
        captions = defaultdict(set)
        for example in load("esc10", real_data / "esc10", "pre"):
            named = [phrases[sound] for sound in heard(example)]
            assert all(phrase in example.text for phrase in named)
            if " after " in example.text:
                named.reverse()
            assert [*named] == sorted(named, key=example.text.index)
            captions[example.claims].add(example.text)
        assert len(captions["dog",]) == 4

    def test_real_scenes_are_heard(self, real_data: Path) -> None:
        examples = load("esc10", real_data / "esc10", "pre")
        assert sum(len(e.audio) == 1 for e in examples) == 400
        scenes = [e for e in examples if len(e.audio) == 2]
        assert 780 <= len(scenes) <= 800
        stretches = {segment._replace(onset=0.0) for scene in scenes for segment in scene.audio}
        assert len(stretches) == 397
        for audio, start, end, _ in stretches:
            samples = io.read(audio, start, end)
            assert samples.shape == (40_000,)
            loudest = max(abs(io.read(audio)).max(), 1e-9)
            assert abs(samples).max() > 0.1 * loudest, audio
        clip = io.read_clip(scenes[0].audio)
        first, last = (io.read(s.audio, s.start, s.end) for s in scenes[0].audio)
        assert clip.shape == (80_000,)
        assert clip[:40_000] == pytest.approx(first)
        assert clip[40_000:] == pytest.approx(last)


def clotho_folder(root: Path, rows: Sequence[str] = (), encoding: str = "utf-8") -> Path:
    for split in ("train", "val", "test"):
        lines = ["file_name,QuestionText,answer,confidence", *rows]
        (root / f"clotho_aqa_{split}.csv").write_bytes("\n".join(lines).encode(encoding))
    return root


class TestClothoAqa:
    ROWS = ("a b.wav,Is it loud?, Yes ,Maybe", "a b.wav,What is it?,Wind,yes", "c.wav,Cold?,no,yes")

    def test_rows_are_told_apart_by_their_answers(self, tmp_path: Path) -> None:
        clotho_folder(tmp_path, self.ROWS)
        binary = load("clotho_aqa", tmp_path, "aqa_binary")
        (opened, _, _) = load("clotho_aqa", tmp_path, "aqa_open")
        assert [(e.id, e.label) for e in binary[:2]] == [("train:1", "yes"), ("train:3", "no")]
        assert [e.split for e in binary] == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
        assert (opened.id, opened.question, opened.label) == ("train:2", "What is it?", "wind")
        assert opened.group == "a b.wav"
        assert opened.audio[0].audio == str(tmp_path / "a b.wav")
        (tmp_path / "audio_files").mkdir()
        (opened, _, _) = load("clotho_aqa", tmp_path, "aqa_open")
        assert opened.audio[0].audio == str(tmp_path / "audio_files" / "a b.wav")
        _, dropped = corpora.load("clotho_aqa", tmp_path, "aqa_binary")
        assert [row.what for row in dropped] == ["train:2", "val:2", "test:2"]
        assert {row.reason for row in dropped} == {"answered other than yes or no, for aqa_open"}
        assert len(corpora.load("clotho_aqa", tmp_path, "aqa_open")[1]) == 6

    def test_latin_1(self, tmp_path: Path) -> None:
        clotho_folder(tmp_path, ["é.wav,Où?,café,yes"], "latin-1")
        assert load("clotho_aqa", tmp_path, "aqa_open")[0].label == "café"

    def test_a_recording_with_two_names(self, tmp_path: Path) -> None:
        one, other = "souffle_me.tallique.wav", "souffle_me_tallique.wav"
        clotho_folder(tmp_path, [f"{one},Why?,wind,yes"])
        assert load("clotho_aqa", tmp_path, "aqa_open")[0].audio[0].audio == str(tmp_path / one)
        touch(tmp_path, other)
        assert load("clotho_aqa", tmp_path, "aqa_open")[0].audio[0].audio == str(tmp_path / other)
        touch(tmp_path, one)
        assert load("clotho_aqa", tmp_path, "aqa_open")[0].audio[0].audio == str(tmp_path / one)

    def test_missing_file_and_column(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"clotho_aqa_train\.csv"):
            load("clotho_aqa", tmp_path, "aqa_open")
        clotho_folder(tmp_path)
        (tmp_path / "clotho_aqa_val.csv").write_text("file_name,question,answer\n")
        with pytest.raises(UserError, match=r"clotho_aqa_val\.csv.*QuestionText"):
            load("clotho_aqa", tmp_path, "aqa_open")

    @pytest.mark.parametrize(
        ("task", "counts", "ceiling"),
        [
            ("aqa_binary", {"train": 14088, "val": 4128, "test": 5676}, 86.2),
            ("aqa_open", {"train": 7044, "val": 2064, "test": 2838}, 61.1),
        ],
    )
    def test_real(self, real_data: Path, task: str, counts: dict[str, int], ceiling: float) -> None:
        examples = load("clotho_aqa", real_data / "clotho_aqa", task)
        names, summary = drawing.assign(examples)
        assert summary.counts == counts
        splits.verify(examples, names, random=False)
        answers = defaultdict(Counter)
        for example in by_split(examples)["test"]:
            answers[example.group, example.question][example.label] += 1
        best = sum(most for found in answers.values() for _, most in found.most_common(1))
        assert 100 * best / counts["test"] == pytest.approx(ceiling, abs=0.05)
        in_train = {e.label for e in by_split(examples)["train"]}
        assert len(in_train) == (828 if task == "aqa_open" else 2)
        assert {e.label for e in examples} == in_train
        at_hand = [e for e in examples if Path(str(e.audio[0].audio)).exists()]
        assert len({e.group for e in at_hand}) == 3


class TestCsv:
    def load(self, file: Path | list[Path], task: str = "pre", **options: str) -> list[Example]:
        names = [str(f) for f in file] if isinstance(file, list) else str(file)
        return load("csv", Path("unused"), task, file=names, **options)

    def error(self, file: Path, task: str = "pre", **options: str) -> str:
        with pytest.raises(UserError) as caught:
            self.load(file, task, **options)
        message = str(caught.value)
        assert "\n" not in message
        assert file.name in message
        return message

    def write(self, path: Path, *lines: str) -> Path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def test_no_file_named(self) -> None:
        with pytest.raises(UserError, match=r"dataset csv needs dataset\.file="):
            load("csv", Path("unused"), "pre")

    def test_all_columns(self, tmp_path: Path) -> None:
        file = self.write(
            tmp_path / "m.csv",
            "audio,label,text,split,speaker,start,end",
            'x/a.wav, happy ,"Hello, ""you""",Training,sp1,0.5,2',
            "/abs/b.wav,sad,,dev,,,",
        )
        one, two = self.load(file, "ser")
        assert one.audio[0] == (str(tmp_path / "x/a.wav"), 0.5, 2.0, 0.0)
        assert (one.id, one.label, one.text) == ("x/a.wav[0.5-2]", "happy", 'Hello, "you"')
        assert (one.split, one.speaker) == ("train", "sp1")
        assert two.audio[0] == ("/abs/b.wav", 0.0, None, 0.0)
        assert (two.split, two.speaker, two.text) == ("val", "", "")

    @pytest.mark.parametrize("extension", [".csv", ".tsv", ".jsonl", ".parquet"])
    @pytest.mark.parametrize("text", ['he said "no', '"all of it"', "a, b", "null", "naïve"])
    def test_every_format_gives_the_same(self, tmp_path: Path, extension: str, text: str) -> None:
        import pandas

        rows = [{"audio": "a.wav", "text": text, "start": 1.5}, {"audio": "b.wav", "text": "b"}]
        table = pandas.DataFrame(rows)
        file = tmp_path / f"m{extension}"
        match extension:
            case ".csv":
                table.to_csv(file, index=False, encoding="utf-8-sig")
            case ".tsv":
                table.to_csv(file, index=False, sep="\t")
            case ".jsonl":
                file.write_text("\n".join(json.dumps(row) for row in rows))
            case ".parquet":
                table.to_parquet(file)
        one, two = self.load(file)
        assert (one.text, two.text) == (text, "b")
        assert one.audio[0] == (str(tmp_path / "a.wav"), 1.5, None, 0.0)
        assert two.audio[0] == (str(tmp_path / "b.wav"), 0.0, None, 0.0)

    def test_a_tsv_with_bare_quotation_marks(self, tmp_path: Path) -> None:
        file = self.write(
            tmp_path / "m.tsv", "audio\ttext", 'a.wav\t"Go', 'b.wav\t"A" or "B"', 'c.wav\t"', ""
        )
        assert [e.text for e in self.load(file)] == ['"Go', '"A" or "B"', '"']

    def test_not_a_number_is_an_empty_cell(self, tmp_path: Path) -> None:
        """As pandas writes it."""
        file = self.write(tmp_path / "m.jsonl", '{"audio": "a.wav", "text": "x", "end": NaN}')
        assert self.load(file)[0].audio[0].end is None

    def test_parquet_with_the_audio_inside(self, tmp_path: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        records = [{"bytes": b"RIFF1", "path": "a.wav"}, {"bytes": None, "path": "b.wav"}]
        for name, column in {"records": records, "binary": [b"RIFF1", b"RIFF2"]}.items():
            table = pyarrow.table({"audio": column, "text": ["one", "two"]})
            pyarrow.parquet.write_table(table, tmp_path / f"{name}.parquet")
        one, two = self.load(tmp_path / "records.parquet")
        assert (one.audio[0].audio, two.audio[0].audio) == (b"RIFF1", str(tmp_path / "b.wav"))
        one, two = self.load(tmp_path / "binary.parquet")
        assert (one.audio[0].audio, two.audio[0].audio) == (b"RIFF1", b"RIFF2")

    def test_several_files(self, tmp_path: Path) -> None:
        one = self.write(tmp_path / "m.csv", "audio,text", "a.wav,a")
        (tmp_path / "sub").mkdir()
        two = self.write(tmp_path / "sub/m.tsv", "text\taudio", "b\tb.wav")
        examples = self.load([one, two])
        assert [e.id.partition("|")[0] for e in examples] == ["a.wav", "b.wav"]
        assert examples[1].audio[0].audio == str(tmp_path / "sub/b.wav")

    def test_answers(self, tmp_path: Path) -> None:
        rows = ["a.wav,Loud?, YES", "a.wav,What?,Wind ", "a.wav,How many?,1"]
        file = self.write(tmp_path / "m.csv", "audio,question,answer", *rows)
        (binary,) = self.load(file, "aqa_binary")
        assert (binary.id, binary.question, binary.label) == ("a.wav|43526215", "Loud?", "yes")
        assert [e.label for e in self.load(file, "aqa_open")] == ["wind", "1"]
        self.write(file, "audio,question,answer", *rows[1:])
        assert self.error(file, "aqa_binary").endswith("no answer is yes or no; found: 1, wind")
        self.write(file, "audio,question,answer", rows[0])
        assert "no answer is other than yes or no" in self.error(file, "aqa_open")

    def test_missing_columns(self, tmp_path: Path) -> None:
        file = self.write(tmp_path / "m.csv", "path,transcript,speaker", "a.wav,x,s1")
        assert self.error(file, audio="path").endswith(
            "m.csv: no column 'text'; found: path, transcript, speaker; "
            "name the right one with dataset.text=COLUMN"
        )
        (example,) = self.load(file, audio="path", text="transcript")
        assert (example.text, example.speaker) == ("x", "s1")
        # A column that was asked for is never passed over: it may be what keeps speakers apart.
        message = self.error(file, audio="path", text="transcript", speaker="spk")
        assert "no column 'spk'" in message
        assert "dataset.speaker=COLUMN" in message
        (example,) = self.load(file, audio="path", text="transcript", speaker="")
        assert example.speaker == ""

    @pytest.mark.parametrize(
        ("cells", "message"),
        [
            (",hi,,,", "row 2: column 'audio' is empty"),
            ("b.wav, ,,,", "row 2: column 'text' is empty"),
            ("b.wav,hi,fold3,,", "row 2: unknown split 'fold3' in column 'split'; known: train"),
            ("b.wav,hi,,soon,", "row 2: start 'soon' is not a time"),
            ("b.wav,hi,,nan,", "row 2: start 'nan' is not a time"),
            ("b.wav,hi,,-1,", "row 2: start '-1' is not a time"),
            ("b.wav,hi,,,inf", "row 2: end 'inf' is not a time"),
            ("b.wav,hi,,2,2", "row 2: end 2 must lie after start 2"),
            ("b.wav,hi,,2,1.5", "row 2: end 1.5 must lie after start 2"),
            ("b.wav,hi, there,,,", "row 2: 6 cells, but 5 columns"),
            ("b.wav,hi", "row 2: 2 cells, but 5 columns"),
            ('b.wav,"hi,,,', "row 2: unexpected end of data"),
        ],
    )
    def test_bad_rows(self, tmp_path: Path, cells: str, message: str) -> None:
        file = self.write(tmp_path / "m.csv", "audio,text,split,start,end", "a.wav,x,,,", cells)
        assert message in self.error(file)

    def test_an_empty_label(self, tmp_path: Path) -> None:
        file = self.write(tmp_path / "m.csv", "audio,label", "a.wav,sad", "b.wav,")
        assert "row 2: column 'label' is empty" in self.error(file, "ser")

    def test_split_names(self, tmp_path: Path) -> None:
        names = ["train", "Training", "val", "valid", "validation", "DEV", "test", "eval", ""]
        file = self.write(
            tmp_path / "m.csv", "audio,text,split", *(f"a.wav,x,{name}" for name in names)
        )
        expected = ["train"] * 2 + ["val"] * 4 + ["test"] * 2 + [""]
        assert [e.split for e in self.load(file)] == expected
        assert {e.split for e in self.load(file, split_column="")} == {""}

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("m.csv", b"", "empty file"),
            ("m.csv", b"audio,text\n", "no rows"),
            ("m.csv", b"\naudio,text\n", "its first line is empty"),
            ("m.csv", b"audio,text, text \na,b,c\n", "two columns are named 'text'"),
            ("m.tsv", b"text\taudio\taudio\n", "two columns are named 'audio'"),
            ("m.csv", b"audio,text\na.wav,x\nb\0.wav,x\n", "NUL character in line 3"),
            ("m.csv", b"audio,text\na.wav,\xff\xfe\n", "not UTF-8: invalid start byte at byte 17"),
            ("m.xlsx", b"audio,text\n", "known: .csv, .jsonl, .parquet, .tsv"),
            ("m.jsonl", b'{"audio": "a.wav", "text": "x"}\n{"audio"', "row 2: not JSON"),
            ("m.jsonl", b"[1, 2]", "row 1: expected a JSON object, not '[1, 2]'"),
            ("m.jsonl", b'{"audio": "a.wav", "text": "x"}\n{"audio": "b.wav"}', "row 2: column"),
            ("m.parquet", b"no Parquet at all", "not Parquet"),
        ],
    )
    def test_bad_files(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        (tmp_path / name).write_bytes(content)
        assert message in self.error(tmp_path / name)

    def test_columns_without_a_name_are_passed_over(self, tmp_path: Path) -> None:
        file = self.write(tmp_path / "m.csv", "audio,text,,", "a.wav,x,,")
        assert len(self.load(file)) == 1

    def test_a_root_is_refused(self) -> None:
        with pytest.raises(UserError, match=r"dataset\.root=x: dataset 'csv' has no .*audio_dir"):
            corpora.folder("csv", "x", "data")
        assert corpora.folder("ravdess", "x", "data") == Path("x")
        assert corpora.folder("csv", "", "data") == Path("data/csv")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        assert "no file" in self.error(tmp_path / "m.csv")

    def test_real_tables_together(self, real_data: Path) -> None:
        files = [
            real_data / "ljspeech_385/manifest.tsv",
            real_data / "asterisk_en/transcripts.tsv",
            real_data / "ravdess/manifest.tsv",
        ]
        examples = self.load(files, audio="path", text="transcript")
        assert len({e.id for e in examples}) == len(examples) == 385 + 568 + 1440
        assert all(Path(str(e.audio[0].audio)).is_file() for e in examples)
        quoting = next(e for e in examples if e.audio[0].audio.endswith("LJ001-0007.flac"))
        assert quoting.text == (
            "the earliest book printed with movable types, the Gutenberg, "
            'or "forty-two line Bible" of about 1455,'
        )
        names, summary = drawing.assign(examples)
        splits.verify(examples, names, random=False)
        by_actor = self.load(files[2], "ser", audio="path", label="emotion", speaker="actor")
        names, summary = drawing.assign(by_actor)
        assert "test carved by speaker (2 of 24)" in summary.definition
        splits.verify(by_actor, names, random=False)
