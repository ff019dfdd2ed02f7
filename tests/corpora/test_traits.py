"""What corpora state of speakers and clips, by which scores are taken; no file is opened."""

from dataclasses import replace

import pytest

from spectrobert import corpora
from spectrobert.corpora.example import Example, Word
from spectrobert.data import rows

from ..helpers import made_up

NAMES = {
    "ravdess": (
        "03-01-05-02-01-01-12.wav",
        {"sex": "female", "intensity": "strong", "statement": "kids"},
    ),
    "emodb": ("03a01Fa.wav", {"sex": "male", "age": "31"}),
    "savee": ("DC_a01.wav", {"sex": "male"}),
    "tess": ("YAF_back_angry.wav", {"sex": "female", "age": "26", "actress": "YAF"}),
    "crema_d": ("1001_DFA_ANG_XX.wav", {"sex": "male", "age": "51", "race": "Caucasian"}),
}


@pytest.mark.parametrize("name", NAMES)
def test_owners_names_and_tables_are_read(tmp_path, name):
    clip, expected = NAMES[name]
    (tmp_path / clip).touch()
    people = "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,\n"
    (tmp_path / "VideoDemographics.csv").write_text(people)
    (example,) = (row for row in corpora.stream(name, tmp_path, "ser") if isinstance(row, Example))
    assert dict(example.traits) == expected


def stated(name, root, task):
    rows = corpora.stream(name, root, task)
    return [dict(row.traits) for row in rows if isinstance(row, Example)]


def test_msp_podcasts_column_of_gender(tmp_path):
    made_up.msp(tmp_path)
    of_clips = stated("msp_podcast", tmp_path, "ser")
    assert of_clips == [{"sex": "male"}, {}, *[{"sex": "female"}] * 4]
    table = tmp_path / "labels_consensus.csv"
    found = next(path for path in (table, tmp_path / "Labels" / table.name) if path.is_file())
    found.write_text(found.read_text().replace("Gender", "Other"))
    assert stated("msp_podcast", tmp_path, "ser") == [{}] * 6


def test_what_speakers_of_common_voice_state(tmp_path):
    made_up.common_voice(tmp_path)
    (table,) = tmp_path.glob("**/train.tsv")
    header, *lines = table.read_text().splitlines()
    place = header.split("\t").index
    cells = [line.split("\t") for line in lines[:2]]
    for own, gender, age in zip(cells, ("female_feminine", "do_not_wish_to_say"), ("teens", "")):
        own[place("gender")], own[place("age")] = gender, age
    cells[0][place("locale")] = cells[1][place("locale")] = "eo"
    table.write_text("\n".join([header, *map("\t".join, cells)]))
    first, second, *others = stated("common_voice", tmp_path, "pre")
    assert first == {"sex": "female", "age": "teens", "language": "eo"}
    assert second == {"language": "eo"}
    assert others == [{}, {}]


def test_esds_speakers_and_melds_characters(tmp_path):
    for speaker in ("0014", "0015"):
        made_up.write_english(tmp_path / "esd", speaker, made_up.ENGLISH.format(speaker))
    found = corpora.stream("esd", tmp_path / "esd", "ser")
    of_speaker = {row.speaker: dict(row.traits) for row in found if isinstance(row, Example)}
    assert of_speaker == {
        "0014": {"sex": "male", "language": "english"},
        "0015": {"sex": "female", "language": "english"},
    }
    made_up.meld(tmp_path / "meld")
    assert {"sex": "female", "character": "Phoebe"} in stated("meld", tmp_path / "meld", "ser")


def test_a_file_of_kaldi_is_read_and_a_spoilt_one_is_not(tmp_path):
    files = {
        "wav.scp": "u1 a.wav\nu2 b.wav\n",
        "utt2spk": "u1 s1\nu2 s2\n",
        "text": "u1 yes\nu2 no\n",
        "spk2gender": "s1 f\ns2 m\n",
        "spk2age": "s1 30\ns1 31\n",
    }
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    found = list(corpora.stream("kaldi", tmp_path, "pre"))
    assert [row.traits for row in found] == [(("sex", "female"),), (("sex", "male"),)]


def test_rows_keep_traits_and_words_and_older_tables_have_none():
    words = (Word("yes", 0.1, 0.4),)
    example = Example("a", (), traits=(("sex", "female"), ("age", "31")), words=words)
    table = rows.to_table([example])
    assert next(rows.examples(table.to_batches()[0])) == example
    older = rows.completed(table.drop_columns(["traits", "words", "caption", "video", "phones"]))
    assert older.schema == rows.SCHEMA
    assert next(rows.examples(older.to_batches()[0])) == replace(example, traits=(), words=())
    assert rows.completed(table.drop_columns(["votes"])).column_names != rows.SCHEMA.names
