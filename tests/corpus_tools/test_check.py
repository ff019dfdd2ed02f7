"""data check: every fault is found, none where there is none, and real corpora are known."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spectrobert import __main__ as program
from spectrobert import corpora
from spectrobert.audio.segment import Segment
from spectrobert.corpora import MODULES, Corpus, corpus
from spectrobert.corpora.example import Dropped, Example
from spectrobert.corpus_tools import check as checking
from spectrobert.corpus_tools import published_counts, recordings, sound_findings
from spectrobert.corpus_tools import split_findings as apart
from spectrobert.corpus_tools.finding import Finding, worst
from spectrobert.data import drawing, splits
from spectrobert.errors import UserError
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import BAD_FILES, noise


def example(id: str = "a", audio: str | bytes = "a.wav", **more) -> Example:
    return Example(id, (Segment(audio),), **more)


def table(folder: Path, rows: list[tuple[str, ...]], *columns: str) -> Path:
    """A user's table; the first column is the path of the audio."""
    path = folder / "mine.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("audio", *columns), *rows])
    return path


def inspect(file: Path, task: str = "ser", quick: bool = False, **options) -> dict[str, Finding]:
    dataset = dataset_class("csv")(file=str(file), **options)
    found = checking.inspect(task, dataset, "nowhere", quick)
    names = [finding.check for finding in found.findings]
    assert len(set(names)) == len(names)
    return dict(zip(names, found.findings))


def call(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """`python -m spectrobert data check ...` in this process: exit code, output, errors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["spectrobert", "data", "check", *words])
        code = program.main()
    return code, *capsys.readouterr()


@pytest.fixture
def rows(tmp_path: Path) -> list[tuple[str, ...]]:
    """Twelve sound clips of six speakers: path, label, text, split, speaker."""
    return [
        (noise(tmp_path / f"{i}.wav", i), "ab"[i % 2], f"text {i}", split, f"{split} {i % 2}")
        for i, split in enumerate(["train"] * 4 + ["val"] * 4 + ["test"] * 4)
    ]


COLUMNS = ("label", "text", "split", "speaker")


class TestRecordings:
    def test_nothing_is_found_where_nothing_is_wrong(self, tmp_path, rows):
        findings = inspect(table(tmp_path, rows, *COLUMNS))
        notes = {name for name, finding in findings.items() if finding.verdict != "ok"}
        assert notes == {"published counts", "shared groups"}  # a user's table publishes neither
        assert worst(findings.values()) == "note"
        assert findings["sample rates"].found == "16000 Hz 12"

    @pytest.mark.parametrize("kind", BAD_FILES)
    def test_a_bad_file_is_a_fault_and_is_named(self, tmp_path, rows, kind):
        make, fault = BAD_FILES[kind]
        make(tmp_path / "bad.wav")
        check = f"{fault} recordings" if fault in ("missing", "silent") else "unreadable recordings"
        findings = inspect(
            table(
                tmp_path, [*rows, (str(tmp_path / "bad.wav"), "a", "bad", "train", "x")], *COLUMNS
            )
        )
        assert findings[check].verdict == "fault"
        assert findings[check].found.startswith("1 of 13")
        (named,) = findings[check].examples
        assert "bad.wav" in named
        assert fault in check or f": {fault}: " in named
        faults = [name for name, finding in findings.items() if finding.verdict == "fault"]
        assert faults == [check]

    def test_rows_that_a_parser_left_out_for_lack_of_audio_are_missing(self):
        (missing, *_) = sound_findings.faults({}, str, ["utterance 7"])
        assert (missing.verdict, missing.found, missing.examples) == (
            "fault",
            "1 of 1 are missing",
            ["utterance 7"],
        )

    def test_left_out_for_other_reasons_is_a_note(self):
        dropped = [Dropped("label x", "a"), Dropped("no audio file", "b"), Dropped("label x", "c")]
        (finding,) = checking.left_out(dropped)
        assert finding == Finding("rows left out", "2: label x", "note", ["a", "c"])

    @pytest.mark.parametrize(("share", "is_clipped"), [(0.0005, False), (0.001, True), (0.5, True)])
    def test_clipping_is_a_share_of_samples_at_full_scale(self, tmp_path, share, is_clipped):
        samples = np.full((10_000, 2), 0.5, np.float32)
        samples[::2] *= -1
        samples[: round(10_000 * share), 1] = 0.9995  # one channel is enough
        path = str(tmp_path / "loud.wav")
        soundfile.write(path, samples, 16_000, subtype="FLOAT")
        sound = recordings.listen(Segment(path), is_quick=False)
        assert sound.clipped == pytest.approx(share)
        finding = sound_findings.clipping({Segment(path): sound}, str)
        assert (finding.verdict == "warning") == is_clipped
        if is_clipped:
            assert finding.examples == [f"{path} ({100 * share:.1f} %)"]

    def test_just_below_full_scale_is_not_clipped(self, tmp_path):
        path = tmp_path / "loud.wav"
        soundfile.write(path, np.tile([0.998, -0.998], 5000), 16_000, subtype="FLOAT")
        assert recordings.listen(Segment(str(path)), is_quick=False).clipped == 0

    def test_stereo_and_other_rates_are_noted(self, tmp_path, rows):
        odd = noise(tmp_path / "odd.flac", 99, rate=44_100, channels=2)
        findings = inspect(table(tmp_path, [*rows, (odd, "a", "odd", "train", "x")], *COLUMNS))
        assert findings["sample rates"].found == "16000 Hz 12, 44100 Hz 1"
        assert findings["channels"].found == "mono 12, stereo 1"
        assert [findings[name].verdict for name in ("sample rates", "channels")] == ["note"] * 2
        assert findings["channels"].examples == ["odd.flac (stereo)"]

    def test_quick_reads_headers_only(self, tmp_path, rows, monkeypatch):
        monkeypatch.setattr(recordings._Samples, "add", lambda *_: pytest.fail("decoded"))
        BAD_FILES["silent"][0](tmp_path / "silent.wav")
        more = [(str(tmp_path / "silent.wav"), "a", "bad", "train", "x")]
        findings = inspect(table(tmp_path, [*rows, *more], *COLUMNS), quick=True)
        assert worst(findings.values()) == "note"
        assert findings["channels"].found == "mono 13"
        assert "--quick" in findings["silence, clipping, duplicates"].found

    def test_bytes_of_a_file_are_called_by_their_row(self, tmp_path):
        whole = Path(noise(tmp_path / "a.wav")).read_bytes()
        examples = [example("row 1", whole), example("row 2", whole[:1000])]
        sounds = {s: recordings.listen(s, False) for s in recordings.distinct(examples)}
        name = recordings.names(examples, [str(tmp_path)])
        found = sound_findings.judge(examples, ["train"] * 2, sounds, [], name, False)
        unreadable = next(f for f in found if f.check == "unreadable recordings")
        assert [text.partition(":")[0] for text in unreadable.examples] == ["audio of row 2"]

    def test_more_recordings_than_wait_for_a_thread(self, tmp_path):
        calls: list[tuple[int, int]] = []
        segments = [Segment(noise(tmp_path / f"{i}.wav", i), 0.0, 0.1) for i in range(5)]
        segments = [s._replace(end=0.1 + n / 1e5) for s in segments for n in range(300)]
        found = recordings.listen_to_all(segments, True, lambda *at: calls.append(at))
        assert list(found) == segments
        assert len(segments) > recordings.CHUNK
        assert calls == [(n, 1500) for n in range(1, 1501)]


class TestDuplicates:
    def find(self, tmp_path: Path, *paths: str, drawn: tuple[str, ...] = ()) -> Finding:
        examples = [example(path, path) for path in paths]
        sounds = {s: recordings.listen(s, False) for s in recordings.distinct(examples)}
        sides = drawn or ["train"] * len(paths)
        name = recordings.names(examples, [str(tmp_path)])
        return sound_findings.duplicates(sounds, examples, sides, name)

    def test_wav_and_flac_of_one_sound(self, tmp_path):
        one = noise(tmp_path / "a.wav", subtype="PCM_16")
        samples, rate = soundfile.read(one, dtype="int16")
        soundfile.write(tmp_path / "b.flac", samples, rate)
        soundfile.write(tmp_path / "c.wav", np.stack([samples] * 2, axis=1), rate)
        other = noise(tmp_path / "d.wav", 1)
        found = self.find(
            tmp_path, other, one, str(tmp_path / "b.flac"), str(tmp_path / "c.wav"), other
        )
        assert found.verdict == "warning"
        assert found.found == "1 sound(s) have several names, none of them in several splits"
        assert found.examples == ["a.wav = b.flac = c.wav (same samples; train)"]

    def test_one_sample_makes_another_sound(self, tmp_path):
        one = noise(tmp_path / "a.wav", subtype="PCM_16")
        samples, rate = soundfile.read(one, dtype="int16")
        samples[-1] += 1
        soundfile.write(tmp_path / "b.wav", samples, rate)
        assert self.find(tmp_path, one, str(tmp_path / "b.wav")) == Finding("duplicates", "none")

    def test_a_copy_in_another_split_is_a_fault(self, tmp_path):
        one, two = noise(tmp_path / "a.wav"), noise(tmp_path / "x.wav", 5)
        for path, copy in ((one, "b.wav"), (two, "y.wav")):
            shutil.copy(path, tmp_path / copy)
        paths = (two, str(tmp_path / "y.wav"), one, str(tmp_path / "b.wav"))
        found = self.find(tmp_path, *paths, drawn=("train", "train", "train", "test"))
        assert found.verdict == "fault"
        assert found.found == "2 sound(s) have several names, 1 of them in several splits"
        assert found.examples == [
            "a.wav = b.wav (same bytes; test, train)",
            "x.wav = y.wav (same bytes; train)",
        ]

    def test_two_stretches_of_one_recording_are_not_copies(self, tmp_path):
        path = noise(tmp_path / "a.wav")
        segments = [Segment(path, 0.0, None), Segment(path, 0.0, 9.0)]
        sounds = {segment: recordings.listen(segment, False) for segment in segments}
        assert len({sound.content for sound in sounds.values()}) == 1
        found = sound_findings.duplicates(sounds, [example(audio=path)], ["train"], str)
        assert found.verdict == "ok"


class TestRows:
    def test_the_gravest_verdict_counts(self):
        findings = [Finding("", "", verdict) for verdict in ("warning", "fault", "ok", "note")]
        assert worst(findings) == "fault"
        assert worst(findings[:1] + findings[2:]) == "warning"
        assert worst([]) == "ok"

    def test_repeated_ids(self):
        finding = checking.repeated_ids([example("a"), example("b"), example("a")])
        assert (finding.verdict, finding.examples) == ("fault", ["a (2 times)"])
        assert checking.repeated_ids([example("a"), example("b")]).verdict == "ok"

    def test_published_counts(self):
        examples = [example("a", label="x"), example("b", "b.wav", label="y", split="test")]
        found = published_counts.count_rows(examples, [Dropped("why", "c")])
        expected = {"rows": 3, "examples": 2, "examples of test": 1, "recordings": 2, "classes": 2}
        assert {name: found[name] for name in expected} == expected
        agreed = checking.compare(expected | {"class x": 1}, found)
        assert agreed.verdict == "ok"
        differs = checking.compare({"examples": 3, "class y of test": 1}, found)
        assert differs == Finding(
            "published counts", "1 of 2 differ", "fault", ["examples: 2, published 3"]
        )

    def test_one_question_of_two_recordings_is_two_questions(self):
        examples = [example(audio=audio, question="loud?") for audio in ("a.wav", "a.wav", "b.wav")]
        assert published_counts.count_rows(examples, [])["questions"] == 2

    def test_classes_outside_the_closed_set(self):
        rows = [example(label=label) for label in ("calm", "calm", "bored")]
        _, unknown, absent = checking.labels("ser", "ravdess", rows)
        assert (unknown.verdict, unknown.examples) == ("fault", ["bored (1 rows)"])
        assert (absent.verdict, len(absent.examples)) == ("warning", 7)

    def test_the_ceiling_of_people_who_disagree(self, tmp_path):
        """Of 3 + 3 + 2 test rows, 2 + 3 + 1 can be right; training rows are counted apart."""
        answers = {"loud?": "yes yes no", "wet?": "no no no", "cold?": "yes no"}
        rows = [
            example(question=question, label=label, split="test")
            for question, given in answers.items()
            for label in given.split()
        ]
        rows += [example(question="loud?", label=label, split="train") for label in ("yes", "no")]
        (finding,) = checking.contradictions("aqa_binary", rows, str, {})
        assert finding.found.startswith("3 of 4 questions")
        assert "train 50.0 %, test 75.0 %" in finding.found
        assert finding.verdict == "note"
        assert finding.examples[0].endswith(" (loud?): yes 2, no 1")
        assert checking.contradictions("ser", rows, str, {})[0].verdict == "warning"
        assert checking.contradictions("aqa_binary", rows[3:6], str, {})[0].found == "none"
        assert checking.contradictions("pre", [example()], str, {}) == []

    def test_a_class_that_training_never_sees(self):
        labels = {"train": {"a": 1}, "val": {"b": 1}, "test": {"b": 1}}
        (finding,) = apart.classes(labels, "ser", "")
        assert (finding.verdict, finding.examples) == ("fault", ["b (2 rows)"])
        (finding,) = apart.classes(labels, "aqa_open", "")
        assert finding.verdict == "warning"

    def test_class_names_and_few_of_a_class(self):
        rows = [example(str(i), label="aA"[i % 9 == 0]) for i in range(40)]
        (names,) = checking.labels("ser", "csv", rows)
        assert (names.verdict, names.examples) == ("warning", ["'A', 'a'"])
        assert checking.labels("pre", "csv", [example(text="x")]) == []
        carved = "validation carved by speaker (1 of 9), seed 0; test carved by group"
        labels = {"train": {"a": 26, "A": 4}, "val": {"a": 5}, "test": {"a": 4, "A": 1}}
        _, val, test = apart.classes(labels, "ser", carved)
        assert (val.check, val.verdict) == ("few of a class", "warning")
        assert val.examples == ["A 0 (train 4)"]
        assert test.found.startswith("2 of 2 in test; raise dataset.test_share")


class TestSplits:
    def test_what_is_in_two_splits(self, tmp_path):
        rows = [
            example("1", "a.wav", speaker="ann", group="g", text="Hello"),
            example("2", "b.wav", speaker="ben", group="h", text="hello"),
            example("3", "a.wav", speaker="ann", group="h", text="Bye"),
        ]
        found = apart.shared(rows, ["train", "val", "test"], str, allowed=())
        speakers, groups, audio, texts = found
        assert speakers.examples == ["ann (train, test)"]
        assert groups.examples == ["h (val, test)"]
        assert audio.examples == ["a.wav (train, test)"]
        assert [f.verdict for f in found] == ["fault"] * 3 + ["warning"]
        assert (
            texts.found == "1 of the 1 texts of val and 0 of the 1 texts of test are in train too"
        )
        assert texts.examples == ["hello (1 rows)"]
        assert apart.shared_texts(rows, ["train"] * 3) == []
        random = apart.shared(rows, ["train", "val", "test"], str, allowed=["speaker"])
        assert [f.verdict for f in random] == ["warning", "fault", "fault", "warning"]

    def test_what_the_corpus_does_not_say(self, tmp_path):
        rows = [example("1", "a.wav", speaker="ann"), example("2", "b.wav")]
        speakers, groups, _ = apart.shared(rows, ["train", "test"], str, allowed=())
        assert (speakers.verdict, groups.verdict) == ("note", "note")
        assert "not all rows" in speakers.found
        assert "names no groups" in groups.found

    def test_too_few_to_split_is_a_fault(self):
        finding = apart.draw([example()], "ser", dataset_class("csv")()).finding
        assert finding.verdict == "fault"
        assert "no test split to carve" in finding.found

    def test_an_empty_split_is_a_fault(self):
        rows = [example(str(i), f"{i}.wav", split=split) for i, split in enumerate(["val", "test"])]
        finding = apart.draw(rows, "ser", dataset_class("csv")()).finding
        assert (finding.verdict, finding.examples) == ("fault", ["no examples in train"])

    def test_shared_speakers_by_nature_are_part_of_the_definition(self):
        rows = [
            example(f"{word} {label}", f"{word} {label}.wav", label=label, group=str(word))
            for word in range(20)
            for label in ("sad", "angry")
        ]
        finding = apart.draw(rows, "ser", dataset_class("tess")()).finding
        assert finding.found.endswith("; caution: " + corpus("tess").caveat)
        assert finding.verdict == "warning"
        _, summary = drawing.assign(rows)
        warned = splits.with_caveats(summary, ["the two are twins"])
        assert warned.definition == summary.definition + "; caution: the two are twins"
        assert splits.caution(warned.definition) == "the two are twins"
        assert splits.with_caveats(summary, []) == summary
        assert apart.draw(rows, "ser", dataset_class("ravdess")()).finding.verdict == "ok"


COUNTABLE = re.compile(
    r"rows|(examples|recordings|questions|speakers|classes|class [\w -]+?)( of (train|val|test))?"
)


@pytest.mark.parametrize(
    ("name", "task"), [(name, task) for name in MODULES for task in corpus(name).tasks]
)
def test_published_counts_are_of_what_is_counted(name, task, tmp_path):
    options = dataset_class(name)()
    known = checking.published_by_owner(tmp_path, task, options)
    assert all(COUNTABLE.fullmatch(key) for key in known)
    assert all(number > 0 for number in known.values())
    labels = corpus(name).labels.get(task)
    named = {key[6:].partition(" of ")[0] for key in known if key.startswith("class ")}
    assert not labels or not named or named == set(labels)


@pytest.mark.parametrize(
    ("name", "task", "options", "expected"),
    [
        ("slue_voxceleb", "sentiment", {}, {"examples of train": 5729, "examples of val": 1437}),
        ("wavcaps", "pre", {}, {"rows": 403050}),
        ("wavcaps", "pre", {"sources": ["soundbible", "bbc"]}, {"rows": 1232 + 31201}),
        ("iemocap", "ser", {"fold": 5}, {"examples": 5531, "examples of test": 1241}),
        ("iemocap", "ser", {"folds": "speaker"}, {"examples": 5531}),
        ("iemocap", "ser", {"classes": 9}, {}),
        ("librispeech", "pre", {"subsets": ["train-clean-100", "train-clean-360", "dev-clean"]},
         {"examples of train": 28539 + 104014, "examples of val": 2703}),
        ("ravdess", "sentiment", {}, {"examples": 1248, "class negative": 768}),
    ],
)  # fmt: skip
def test_published_counts_follow_the_options(name, task, options, expected, tmp_path):
    known = checking.published_by_owner(tmp_path, task, dataset_class(name)(**options))
    assert expected.items() <= known.items()
    assert bool(known) == bool(expected)


def test_corpora_are_known_by_default_options_of_their_own():
    """`published_counts` has the parameters of `load`: a new option of one breaks the other."""
    import inspect as reflection

    for name in MODULES:
        found: Corpus = corpus(name)
        if callable(found.published_counts):
            names = list(reflection.signature(found.published_counts).parameters)
            assert names == list(reflection.signature(found.load).parameters)


class TestVerb:
    def test_exit_code_table_and_csv(self, tmp_path, rows, capsys):
        good = str(table(tmp_path, rows, *COLUMNS))
        words = ("csv", f"dataset.file={good}", "--task", "ser")
        code, out, err = call(*words, capsys=capsys)
        assert (code, err) == (0, "")
        assert "missing recordings" in out
        Path(rows[0][0]).unlink()
        Path(rows[1][0]).unlink()
        code, out, err = call(*words, "--csv", str(tmp_path / "found.csv"), capsys=capsys)
        assert (code, err) == (1, "")
        with (tmp_path / "found.csv").open(newline="") as file:
            found = list(csv.DictReader(file))
        missing = [row for row in found if row["check"] == "missing recordings"]
        assert [(row["verdict"], row["found"]) for row in missing] == [
            ("fault", "2 of 12 are missing")
        ] * 2
        assert [Path(row["example"]).name for row in missing] == ["0.wav", "1.wav"]
        assert len({row["check"] for row in found}) == len(set(inspect(Path(good))))

    def test_json(self, tmp_path, rows, capsys):
        words = ("csv", f"dataset.file={table(tmp_path, rows, *COLUMNS)}", "--task=ser", "--json")
        code, out, _ = call(*words, capsys=capsys)
        found = json.loads(out)
        assert (code, found["corpus"], found["task"], found["verdict"]) == (0, "csv", "ser", "note")
        assert {"check", "found", "verdict", "examples"} == set(found["findings"][0])

    def test_nothing_is_written_unless_asked(self, tmp_path, rows, capsys):
        path = table(tmp_path, rows, *COLUMNS)
        before = sorted(tmp_path.rglob("*"))
        call("csv", f"dataset.file={path}", "--task", "ser", capsys=capsys)
        assert sorted(tmp_path.rglob("*")) == before

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["ravdes"], "did you mean 'ravdess'"),
            (["ravdess", "--task", "aqa_open"], "has no task 'aqa_open'"),
            (["ravdess", "dataset.folds=1"], "did you mean 'fold'"),
            (["ravdess", "--csv", "."], "--csv . is a folder: name a file"),
            (["ravdess"], "no folder"),
            (["csv"], "needs dataset.file="),
            ([], "Missing argument"),
        ],
    )
    def test_unusable_input_is_one_line_and_exit_code_2(self, words, said, tmp_path, capsys):
        code, out, err = call(*words, "--data_dir", str(tmp_path), capsys=capsys)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert said in err

    def test_the_task_by_default_is_one_with_classes(self):
        from spectrobert.commands.dataset_options import configure

        tasks = {
            name: configure(name, "", "data", None).task.name for name in ("wavcaps", "ravdess")
        }
        assert tasks == {"wavcaps": "pre", "ravdess": "ser"}
        assert configure("clothoqa", "", "data", ["seed=3"]).seed == 3
        with pytest.raises(UserError, match="unknown task 'sre'"):
            configure("ravdess", "sre", "data", None)


class TestReal:
    def judge(self, real_data: Path, name: str, task: str, folder: str = "") -> dict[str, Finding]:
        options = dataset_class(name)(root=str(real_data / (folder or name)))
        return {f.check: f for f in checking.inspect(task, options, "").findings}

    def test_ravdess(self, real_data):
        found = self.judge(real_data, "ravdess", "ser")
        assert worst(found.values()) == "warning"
        assert "examples 1440, speakers 24" in found["published counts"].found
        assert found["duplicates"].examples == [
            "Actor_07/03-01-03-01-02-01-07.flac = Actor_07/03-01-03-01-02-02-07.flac"
            " (same bytes; train)"
        ]
        assert found["channels"].found == "mono 1440"

    def test_ravdess_originals(self, real_data):
        found = self.judge(real_data, "ravdess", "ser", "ravdess_original_48k")
        assert found["published counts"].verdict == "fault"  # six clips
        assert found["channels"].examples == ["Actor_05/03-01-02-01-02-02-05.wav (stereo)"]
        assert found["sample rates"].found == "48000 Hz 6"
        assert "(same bytes;" in found["duplicates"].examples[0]

    @pytest.mark.parametrize(
        ("task", "ceilings"),
        [("aqa_binary", "val 86.5 %, test 86.2 %"), ("aqa_open", "val 61.9 %, test 61.1 %")],
    )
    def test_clotho_aqa(self, real_data, task, ceilings):
        found = self.judge(real_data, "clotho_aqa", task)
        assert found["published counts"].verdict == "ok"
        assert found["contradicting labels"].found.endswith(ceilings)
        missing = found["missing recordings"]
        assert (missing.verdict, missing.found) == ("fault", "1988 of 1991 are missing")
        assert [n for n, f in found.items() if f.verdict == "fault"] == ["missing recordings"]

    def test_question_texts_of_clotho_aqa(self, real_data):
        """FACTS 1.2: 460 of 2515 texts of the test questions of both tasks are in train too."""
        both = [
            row
            for task in ("aqa_binary", "aqa_open")
            for row in corpora.load("clotho_aqa", real_data / "clotho_aqa", task)[0]
        ]
        assert Counter(row.split for row in both) == {"train": 21132, "val": 6192, "test": 8514}
        found = published_counts.count_rows(both, [])
        assert [found[f"questions of {split}"] for split in splits.SPLITS] == [7043, 2064, 2838]
        (texts,) = apart.shared_texts(both, [row.split for row in both])
        assert "460 of the 2515 texts of test" in texts.found

    def test_esc10(self, real_data):
        found = self.judge(real_data, "esc10", "pre")
        assert found["published counts"].found == "as published: recordings 400"
        assert worst(found.values()) == "warning"
        assert found["clipped recordings"].examples[0].startswith("009 - Rooster/3-154957-A.flac")
