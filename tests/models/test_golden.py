"""Stored weights, a stored batch and what they gave; tests/golden/make.py says what drift is."""

import numpy as np
import pytest

from spectrobert.models.spectrobert import SpectroBert

from ..golden import make


def stored(head: str) -> dict[str, np.ndarray]:
    with np.load(make.FOLDER / head / make.EXPECTED) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("head", make.HEADS)
def test_stored_weights_give_the_stored_outputs(head):
    found = make.outputs(SpectroBert.from_pretrained(make.FOLDER / head).eval())
    expected = stored(head)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5, err_msg=name)


def test_what_is_stored_covers_every_output_and_both_kinds_of_padding():
    classification, pretraining = stored("classification"), stored("pretraining")
    assert classification.keys() == {"hidden", "mask", "logits"}
    assert pretraining.keys() == {"hidden", "mask", "masked_words", "match"}
    assert classification["logits"].shape == (2, 3)
    assert pretraining["masked_words"].shape == (3, 40)
    # 0.6 s: 58 frames, 5 x 12 patches; 0.375 s: 36 frames, 3 x 12
    assert classification["hidden"].shape == (2, 7 + 5 * 12, 16)
    assert classification["mask"].sum(axis=1).tolist() == [7 + 60, 4 + 36]


def test_the_golden_files_stay_small():
    files = [
        path for path in make.FOLDER.rglob("*") if path.suffix in {".json", ".npz", ".safetensors"}
    ]
    assert len(files) == 1 + 3 * len(make.HEADS)
    assert sum(path.stat().st_size for path in files) < 200_000
