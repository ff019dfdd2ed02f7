"""data check: every fault is found, none where there is none, and real corpora are known."""

import json
from pathlib import Path

import pytest

from spectrobert.commands.dataset_options import configure
from spectrobert.corpora import corpus
from spectrobert.corpora.example import Dropped
from spectrobert.corpus_tools import check as checking
from spectrobert.corpus_tools import recordings
from spectrobert.corpus_tools import split_findings as apart
from spectrobert.corpus_tools.finding import Finding, worst
from spectrobert.data import drawing, splits
from spectrobert.errors import UserError
from spectrobert.files import read_table, write_table
from spectrobert.settings.schemas import dataset_class

from ..helpers.rows import example
from ..helpers.sounds import BAD_FILES, noise


def table(folder: Path, rows: list[tuple[str, ...]]) -> Path:
    """A user's table."""
    path = folder / "mine.csv"
    write_table(path, ("audio", "label", "text", "split", "speaker"), rows)
    return path


def inspect(file: Path, quick: bool = False) -> dict[str, Finding]:
    dataset = dataset_class("csv")(file=str(file))
    findings = checking.inspect("ser", dataset, "nowhere", quick).findings
    by_check = {finding.check: finding for finding in findings}
    assert len(by_check) == len(findings)
    return by_check


@pytest.fixture
def rows(tmp_path: Path) -> list[tuple[str, ...]]:
    """Twelve sound clips of six speakers: path, label, text, split, speaker."""
    return [
        (noise(tmp_path / f"{i}.wav", i), "ab"[i % 2], f"text {i}", split, f"{split} {i % 2}")
        for i, split in enumerate(["train"] * 4 + ["val"] * 4 + ["test"] * 4)
    ]


class TestAll:
    def test_nothing_is_found_where_nothing_is_wrong(self, tmp_path, rows):
        findings = inspect(table(tmp_path, rows))
        notes = {name for name, finding in findings.items() if finding.verdict != "ok"}
        assert notes == {"published counts", "shared groups"}  # a user's table publishes neither
        assert worst(findings.values()) == "note"
        assert findings["sample rates"].found == "16000 Hz 12"

    @pytest.mark.parametrize("kind", BAD_FILES)
    def test_a_bad_file_is_a_fault_and_is_named(self, tmp_path, rows, kind):
        make, fault = BAD_FILES[kind]
        make(tmp_path / "bad.wav")
        check = f"{fault} recordings" if fault in ("missing", "silent") else "unreadable recordings"
        findings = inspect(table(tmp_path, [*rows, bad_row(tmp_path)]))
        assert findings[check].verdict == "fault"
        assert findings[check].found.startswith("1 of 13")
        (named,) = findings[check].examples
        assert "bad.wav" in named
        assert fault in check or f": {fault}: " in named
        faults = [name for name, finding in findings.items() if finding.verdict == "fault"]
        assert faults == [check]

    def test_quick_reads_headers_only(self, tmp_path, rows, monkeypatch):
        monkeypatch.setattr(recordings._Samples, "add", lambda *_: pytest.fail("decoded"))
        BAD_FILES["silent"][0](tmp_path / "bad.wav")
        findings = inspect(table(tmp_path, [*rows, bad_row(tmp_path)]), quick=True)
        assert worst(findings.values()) == "note"
        assert findings["channels"].found == "mono 13"
        assert "--quick" in findings["silence, clipping, duplicates"].found


def bad_row(folder: Path) -> tuple[str, ...]:
    return str(folder / "bad.wav"), "a", "bad", "train", "x"


class TestRows:
    def test_the_gravest_verdict_counts(self):
        findings = [Finding("", "", verdict) for verdict in ("warning", "fault", "ok", "note")]
        assert worst(findings) == "fault"
        assert worst(findings[:1] + findings[2:]) == "warning"
        assert worst([]) == "ok"

    def test_left_out_for_other_reasons_than_audio_is_a_note(self):
        dropped = [Dropped("label x", "a"), Dropped("no audio file", "b"), Dropped("label x", "c")]
        (finding,) = checking.left_out(dropped)
        assert finding == Finding("rows left out", "2: label x", "note", ["a", "c"])

    def test_repeated_ids(self):
        finding = checking.repeated_ids([example("a"), example("b"), example("a")])
        assert (finding.verdict, finding.examples) == ("fault", ["a (2 times)"])
        assert checking.repeated_ids([example("a"), example("b")]).verdict == "ok"

    def test_classes_outside_the_closed_set(self):
        rows = [example(label=label) for label in ("calm", "calm", "bored")]
        _, unknown, absent = checking.labels("ser", "ravdess", rows)
        assert (unknown.verdict, unknown.examples) == ("fault", ["bored (1 rows)"])
        assert (absent.verdict, len(absent.examples)) == ("warning", 7)

    def test_the_ceiling_of_people_who_disagree(self):
        """At most 2 + 3 + 1 of 3 + 3 + 2 test rows can be right; training rows count apart."""
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
    def test_what_is_in_two_splits(self):
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
        counts = "1 of the 1 texts of val and 0 of the 1 texts of test"
        assert texts.found == f"{counts} are in train too"
        assert texts.examples == ["hello (1 rows)"]
        assert apart.shared_texts(rows, ["train"] * 3) == []
        random = apart.shared(rows, ["train", "val", "test"], str, allowed=["speaker"])
        assert [f.verdict for f in random] == ["warning", "fault", "fault", "warning"]

    def test_what_the_corpus_does_not_say(self):
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


class TestVerb:
    def test_exit_code_table_and_csv(self, tmp_path, rows, data):
        good = table(tmp_path, rows)
        words = ("check", "csv", f"dataset.file={good}", "--task", "ser")
        before = sorted(tmp_path.rglob("*"))
        code, out, err = data(*words)
        assert (code, err) == (0, "")
        assert "missing recordings" in out
        assert sorted(tmp_path.rglob("*")) == before  # nothing is written unless asked
        Path(rows[0][0]).unlink()
        Path(rows[1][0]).unlink()
        code, out, err = data(*words, "--csv", tmp_path / "found.csv")
        assert (code, err) == (1, "")
        found = read_table(tmp_path / "found.csv")
        missing = [row for row in found if row["check"] == "missing recordings"]
        assert [row["found"] for row in missing] == ["2 of 12 are missing"] * 2
        assert {row["verdict"] for row in missing} == {"fault"}
        assert [Path(row["example"]).name for row in missing] == ["0.wav", "1.wav"]
        assert len({row["check"] for row in found}) == len(set(inspect(good)))

    def test_json(self, tmp_path, rows, data):
        file = f"dataset.file={table(tmp_path, rows)}"
        code, out, _ = data("check", "csv", file, "--task=ser", "--json")
        found = json.loads(out)
        assert (code, found["corpus"], found["task"], found["verdict"]) == (0, "csv", "ser", "note")
        assert {"check", "found", "verdict", "examples"} == set(found["findings"][0])

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
    def test_unusable_input_is_one_line_and_exit_code_2(self, words, said, tmp_path, data):
        code, out, err = data("check", *words, "--data_dir", tmp_path)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert said in err

    def test_the_task_by_default_is_one_with_classes(self):
        for name, task in (("wavcaps", "pre"), ("ravdess", "ser")):
            assert configure(name, "", "data", None).task.name == task
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

    def test_esc10(self, real_data):
        found = self.judge(real_data, "esc10", "pre")
        assert found["published counts"].found == "as published: recordings 400"
        assert worst(found.values()) == "warning"
        assert found["clipped recordings"].examples[0].startswith("009 - Rooster/3-154957-A.flac")
