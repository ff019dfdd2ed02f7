"""The shipped protocols: their rows by rule, by list or by file, and the readers' own rows."""

from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.corpora import emodb, iemocap, ravdess, savee
from spectrobert.errors import UserError
from spectrobert.protocols import protocol as protocols

from ..helpers.world import ROOT

SHARED = ROOT.parent / "shared" / "data"
KNOWN = [name for name in protocols.names() if not protocols.load(name).file]


def rows(name: str, file: str = "") -> list:
    return protocols.references(protocols.load(name), file)


@pytest.mark.parametrize("name", protocols.names())
def test_files_are_protocols_of_known_figures(name):
    one = protocols.load(name)
    assert (ROOT / "conf" / "protocol" / f"{name}.yaml").is_file()
    assert one.corpus == name.split("/")[0]
    assert one.version >= 1
    assert one.source
    assert protocols._function(one)
    for words in (*one.spellings.values(), *one.merges.values()):
        assert all(isinstance(word, str) for word in words)


@pytest.mark.parametrize("name", KNOWN)
def test_labels_and_folds_of_the_rows_are_the_corpus(name):
    one = protocols.load(name)
    found = rows(name)
    corpus = corpora.corpus(one.corpus)
    assert {row.label for row in found} == set(corpus.labels[one.task])
    assert protocols.folds(found) == [str(fold) for fold in range(1, corpus.folds + 1)]
    assert all(row.group for row in found)


def test_ravdess_has_sixty_clips_an_actor_and_emobox_four_actors_a_fold():
    found = rows("ravdess/emobox6")
    assert Counter(row.group for row in found) == {f"{a:02}": 60 for a in range(1, 25)}
    folds = {row.fold: set() for row in found}
    for row in found:
        folds[row.fold].add(row.group)
    assert folds == {str(n): set(actors) for n, actors in enumerate(ravdess.TEST_ACTORS, start=1)}
    assert not [row for row in found if "-01-02-" in row.id[5:12]]  # no strong neutral


def test_the_counts_of_other_lists():
    emo = Counter(row.label for row in rows("emodb/loso10"))
    letters = {"W": 127, "L": 81, "E": 46, "A": 69, "F": 71, "T": 62, "N": 79}
    assert emo == {emodb.EMOTIONS[letter]: count for letter, count in letters.items()}
    assert Counter(row.label for row in rows("savee/emobox4")) == {
        name.removeprefix("class "): count for name, count in savee.COUNTS.items()
    }
    esc = rows("esc10/folds5")
    assert set(Counter((row.label, row.fold) for row in esc).values()) == {8}
    of_recording = {}
    for row in esc:
        assert of_recording.setdefault(row.group, row.fold) == row.fold


@pytest.mark.parametrize(
    ("name", "corpus", "task"),
    [
        ("ravdess/emobox6", "ravdess", "ser"),
        ("emodb/loso10", "emodb", "ser"),
        ("esc10/folds5", "esc10", "classification"),
    ],
)
def test_rows_are_those_that_the_reader_finds(name, corpus, task):
    if not (SHARED / corpus).is_dir():
        pytest.skip(f"no recordings of {corpus}")
    by_id = {row.id: row for row in rows(name)}
    for fold in (1, 2):
        found, _ = corpora.load(corpus, SHARED / corpus, task, fold=fold)
        assert len(found) in (len(by_id), 339)  # a copy of Emo-DB with four of its emotions
        for example in found:
            assert by_id[example.id].label == example.label
            assert (by_id[example.id].fold == str(fold)) == (example.split == "test")


def test_iemocap_from_each_of_its_sources(tmp_path):
    line = "[1.0 - 2.0]\t{}\t{}\t[2.5, 2.5, 2.5]\n"
    turns = [
        ("Ses01F_impro01_F000", "neu"),
        ("Ses02M_impro01_M001", "exc"),
        ("Ses02M_x_F002", "fru"),
    ]
    for turn, label in turns:
        folder = tmp_path / "release" / f"Session{turn[4]}" / "dialog" / "EmoEvaluation"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{turn[:14]}.txt").open("a") as file:
            file.write(line.format(turn, label))
    lines = [f'{{"key": "iemocap-{turn}", "emo": "{label}"}}\n' for turn, label in turns]
    (tmp_path / "iemocap.jsonl").write_text("".join(lines))
    for source in (tmp_path / "release", tmp_path / "iemocap.jsonl"):
        found = [(row.id, row.label, row.fold, row.group) for row in iemocap.turns(source)]
        assert found == [
            ("Ses01F_impro01_F000", "neutral", "1", "Ses01F"),
            ("Ses02M_impro01_M001", "happy", "2", "Ses02M"),
        ]


def test_iemocap_of_s3prl_has_the_published_turns_of_each_session():
    folder = SHARED / "labels" / "iemocap_sessions"
    if not folder.is_dir():
        pytest.skip("no label files of IEMOCAP")
    found = rows("iemocap/session5", str(folder))
    assert Counter(row.label for row in found) == iemocap.EXPECTED
    counts = Counter(row.fold for row in found)
    assert tuple(counts[str(fold)] for fold in range(1, 6)) == iemocap.TEST_TURNS


def test_rows_of_public_tables(tmp_path):
    (tmp_path / "esc50.csv").write_text(
        "filename,fold,target,category,esc10,src_file,take\n1-7-A-0.wav,1,0,dog,True,7,A\n"
    )
    (tmp_path / "test_sent_emo.csv").write_text(
        "Utterance,Emotion,Sentiment,Dialogue_ID,Utterance_ID\nhi,joy,positive,3,0\n"
    )
    (tmp_path / "dev.tsv").write_text(
        "id\tsentiment\nid10012_abc_00001\tPositive\nid10013_abc_00001\tMixed\n"
    )
    for name, wav in (("cremad", "1040_ITH_SAD_X"), ("tess", "OA_Bite_ps")):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"key": "x", "wav": "downloads/{wav}.wav"}}\n')
    found = {
        rule: [tuple(row)[:4] for row in protocols._function(own(tmp_path, rule))(tmp_path / file)]
        for rule, file in (
            ("esc10.esc50", "esc50.csv"),
            ("meld.emotions", "test_sent_emo.csv"),
            ("meld.sentiments", "test_sent_emo.csv"),
            ("slue_voxceleb.utterances", "dev.tsv"),
            ("crema_d.emobox", "cremad.jsonl"),
            ("tess.emobox", "tess.jsonl"),
        )
    }
    assert found == {
        "esc10.esc50": [("1-7-A-0", "dog", "1", "1-7")],
        "meld.emotions": [("test_dia3_utt0", "joy", "", "test_dia3")],
        "meld.sentiments": [("test_dia3_utt0", "positive", "", "test_dia3")],
        "slue_voxceleb.utterances": [("id10012_abc_00001", "positive", "", "id10012")],
        "crema_d.emobox": [("1040_ITH_SAD_X", "sad", "", "1040")],
        "tess.emobox": [("OAF_bite_ps", "pleasant surprise", "", "bite")],
    }
    with pytest.raises(UserError, match=r"row 1: '1040_ITH_SAD_X' is no name of a clip"):
        protocols.references(own(tmp_path, "tess.emobox", file="x"), str(tmp_path / "cremad.jsonl"))


def own(folder: Path, rule: str = "reference.table", **more) -> protocols.Protocol:
    path = folder / "own.yaml"
    content = {"version": 1, "corpus": "x", "rule": rule, "unit": "row", "source": "y"}
    words = content | {"metrics": "[accuracy]"} | more
    path.write_text("".join(f"{key}: {value}\n" for key, value in words.items()))
    return protocols.load(str(path))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"rule": "os.remove"}, "unknown corpus in the rule of .*own.yaml 'os'"),
        ({"rule": "ravdess.read_nothing"}, "'ravdess.read_nothing' is no function of corpora"),
        ({"rule": "meld._references"}, "'meld._references' is no function of corpora"),
        ({"foldz": "5"}, "unknown key of the protocol .*own.yaml 'foldz'"),
        ({"averaging": "mean"}, "unknown averaging of .*own.yaml 'mean'"),
        ({"rule": "ravdess.clips", "n": 1000}, "holds 1440 rows where .*own.yaml has 1000"),
        ({"rule": "emodb.clips", "ids": "03a01Fa 03a01Fa"}, "own.yaml: an id stands twice"),
        ({"rule": "emodb.clips", "ids": "03a01Fa happy"}, "'happy' is no name of an Emo-DB clip"),
        ({"file": "a table"}, "own.yaml needs --ids FILE: a table"),
    ],
)
def test_what_is_no_protocol_is_refused(tmp_path, more, said):
    with pytest.raises(UserError, match=said):
        protocols.references(own(tmp_path, **more))


def test_words_for_protocols(tmp_path):
    with pytest.raises(UserError, match="did you mean 'ravdess/emobox6'"):
        protocols.load("ravdess/emobox")
    with pytest.raises(UserError, match=r"--ids x\.csv: savee/emobox4 knows its own ids"):
        rows("savee/emobox4", "x.csv")
    (tmp_path / "a.yaml").write_text("version: 1\n")
    with pytest.raises(UserError, match=r"is no protocol: it has no corpus, metrics, rule, source"):
        protocols.load(str(tmp_path / "a.yaml"))
    assert {one.name for one in fields(protocols.Protocol)} >= {"labels", "merges", "averaging"}
