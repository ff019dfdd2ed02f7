"""Word pieces trained on a corpus: the same in every process, and without unknown words."""

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from spectrobert.data import vocabulary

ROOT = Path(__file__).parents[2]

TEXTS = [f"the {word} sings of {word}ness, again" for word in ("sad", "mild", "wild", "höhe")]


def test_every_process_finds_the_same_pieces():
    code = (
        "import json; from spectrobert.data import vocabulary;"
        f"print(json.dumps(vocabulary.train({TEXTS!r}, 110).get_vocab(), sort_keys=True))"
    )
    printed = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        printed.append(json.loads(done.stdout))
    assert printed[0] == printed[1] == vocabulary.train(TEXTS, 110).get_vocab()
    assert len(printed[0]) == 110


def test_unseen_letters_and_words_are_not_unknown():
    words = vocabulary.train(["aa bb"], 10)
    text = "Quick Zebras jump: 1234567890 times (why?), don't & \"can't\"; x-y."
    pieces = words.tokenize(text)
    assert words.unk_token not in pieces
    assert "".join(p.removeprefix("##") for p in pieces) == text.lower().replace(" ", "")
    assert words.tokenize("漢") == ["[UNK]"]


def test_a_frequent_word_is_one_piece_and_special_tokens_are_berts():
    words = vocabulary.train(TEXTS, 150)
    assert words.tokenize("The sings") == ["the", "sings"]
    assert words.pad_token_id == 0
    ids = words("sad")["input_ids"]
    assert (ids[0], ids[-1]) == (words.cls_token_id, words.sep_token_id)


def test_letters_keep_their_accents_and_syllables_their_letters():
    texts = ["Zażółć gęślą jaźń", "안녕하세요 여러분"]
    words = vocabulary.train(texts, 300)
    assert [words.tokenize(text) for text in texts] == [text.lower().split() for text in texts]
    decomposed = unicodedata.normalize("NFD", texts[0])
    assert words.tokenize(decomposed) == words.tokenize(texts[0])
    cased = vocabulary.train(texts, 300, lowercase=False)
    assert cased.tokenize(texts[0]) == texts[0].split()
    assert cased.tokenize("Z") != cased.tokenize("z")
    bert = vocabulary.train(texts, 300, strip_accents=True)
    assert bert.tokenize("gęślą") == bert.tokenize("gesla") == ["gesla"]
    assert all(len(unicodedata.normalize("NFD", piece)) == len(piece) for piece in bert.get_vocab())


@pytest.mark.parametrize("options", [{}, {"lowercase": False}, {"strip_accents": True}])
def test_a_saved_vocabulary_is_read_back(tmp_path, options):
    words = vocabulary.train(TEXTS, 150, **options)
    words.save_pretrained(tmp_path)
    again = vocabulary.load(str(tmp_path))
    assert again.get_vocab() == words.get_vocab()
    assert again("Höhe Hohe")["input_ids"] == words("Höhe Hohe")["input_ids"]
    assert again("the wild, again")["input_ids"] == words("the wild, again")["input_ids"]
    assert again.all_special_ids == words.all_special_ids
