"""The decoder that writes: causal, the same with and without its cache, and its search."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from spectrobert.models import freezing
from spectrobert.models.batch import IGNORED
from spectrobert.models.generation import GenerationHead, Pieces, Search, framed, write

from ..helpers.encoders import composite, pair_batch, row
from ..helpers.toy import CLOSE, NO_DROPOUT, classifier, padded_batch

START, END, PAD = 2, 3, 0
PIECES = Pieces(START, END, PAD, banned=(PAD, START))
DECODER = {"layers": 2, "positions": 16, "tie": True}
OF_HEAD = {"head": "generation", "num_logits": 0, "decoder": DECODER}
CAPTION = torch.tensor([[START, 7, 8, 9, END], [START, 11, END, IGNORED, IGNORED]])


@pytest.fixture(scope="module")
def model():
    return classifier(**OF_HEAD, **NO_DROPOUT)


@pytest.fixture(scope="module")
def batch():
    return padded_batch(60) | {"caption": CAPTION}


@torch.no_grad()
def test_a_later_piece_changes_no_earlier_score(model, batch):
    before = model(batch).logits
    changed = CAPTION.clone()
    changed[0, 3] = 20
    after = model(batch | {"caption": changed}).logits
    assert torch.equal(before[0, :3], after[0, :3])
    assert not torch.allclose(before[0, 3], after[0, 3])
    assert before.shape == (2, 4, 60)


@torch.no_grad()
def test_a_padded_clip_is_scored_as_alone(model, batch):
    together = model(batch).logits
    alone = {
        "waveform": batch["waveform"][1:, :9000],
        "num_samples": batch["num_samples"][1:],
        "input_ids": batch["input_ids"][1:, :5],
        "text_mask": batch["text_mask"][1:, :5],
        "caption": CAPTION[1:, :3],
    }
    assert torch.allclose(together[1:, :2], model(alone).logits, **CLOSE)


@torch.no_grad()
def greedy(model, memory: tuple[Tensor, Tensor], length: int) -> list[int]:
    """One clip's text, all of it scored again for each piece."""
    ids = [START]
    while len(ids) < length and (ids[-1] != END or len(ids) < 3):
        scores = model.head.next_pieces(torch.tensor([ids]), memory, model.word_table)[0][0, -1]
        scores[list(PIECES.banned)] = -math.inf
        if len(ids) < 2:
            scores[END] = -math.inf
        ids.append(int(scores.argmax()))
    return ids + [PAD] * (length - len(ids))


@torch.no_grad()
def test_the_cache_and_a_single_beam_change_nothing(model, batch):
    output = model(batch)
    memory = (output.hidden, output.mask)
    with_cache, without = (
        write(model.head, memory, model.word_table, Search(max_length=9), PIECES, use_cache)
        for use_cache in (True, False)
    )
    assert torch.equal(with_cache.ids, without.ids)
    for clip in range(2):
        own = (output.hidden[clip : clip + 1], output.mask[clip : clip + 1])
        assert with_cache.ids[clip, 0].tolist() == greedy(model, own, 9)
    beams = write(model.head, memory, model.word_table, Search(3, 9, texts=3), PIECES)
    again = write(model.head, memory, model.word_table, Search(3, 9, texts=3), PIECES, False)
    assert torch.equal(beams.ids, again.ids)
    assert torch.allclose(beams.log_probability, again.log_probability, **CLOSE)


class Bigrams(nn.Module):
    """A decoder whose next piece depends on the last one alone, by a table of probabilities."""

    def __init__(self, table: dict[int, dict[int, float]], size: int = 10):
        super().__init__()
        self.scores = torch.full((size, size), 1e-9)
        for piece, following in table.items():
            for other, probability in following.items():
                self.scores[piece, other] = probability
        self.decoder = SimpleNamespace(config=classifier(**OF_HEAD).head.decoder.config)

    def next_pieces(self, ids: Tensor, memory: object, words: Tensor, **options: object):
        return self.scores.log()[ids], {}

    forward = GenerationHead.forward


def test_the_best_of_two_beams_is_likelier_than_the_greedy_text():
    a, b, c, d, e = 4, 5, 6, 7, 8
    world = Bigrams(
        {
            START: {a: 0.6, b: 0.4},
            a: {c: 0.5, d: 0.5},
            b: {e: 0.95, c: 0.05},
            **{last: {END: 1.0} for last in (c, d, e)},
        }
    )
    memory = (torch.zeros(1, 1, 32), torch.ones(1, 1, dtype=torch.bool))
    one, two = (
        write(world, memory, torch.zeros(10, 32), Search(beams, 6, texts=beams), PIECES, False)
        for beams in (1, 2)
    )
    assert one.ids[0, 0].tolist() in ([START, a, c, END, PAD, PAD], [START, a, d, END, PAD, PAD])
    assert one.log_probability[0, 0].exp() == pytest.approx(0.3)
    assert two.ids[0, 0].tolist() == [START, b, e, END, PAD, PAD]
    assert two.log_probability[0].exp().tolist() == pytest.approx([0.38, 0.3])


def test_no_pair_of_pieces_is_written_twice_if_asked():
    world = Bigrams({START: {4: 1.0}, 4: {5: 0.9, 6: 0.1}, 5: {4: 1.0}, 6: {END: 1.0}})
    memory = (torch.zeros(1, 1, 32), torch.ones(1, 1, dtype=torch.bool))
    table = torch.zeros(10, 32)
    free, kept = (
        write(world, memory, table, Search(1, 8, no_repeat_ngram=n), PIECES, False).ids.flatten()
        for n in (0, 2)
    )
    assert free.tolist() == [START, 4, 5, 4, 5, 4, 5, 4]
    assert kept.tolist() == [START, 4, 5, 4, 6, END, PAD, PAD]


def test_what_follows_the_end_is_not_scored():
    ids = torch.tensor([[START, 5, END, PAD, PAD], [START, 5, 6, 7, 8]])
    assert framed(ids, PIECES).tolist() == [[START, 5, END, IGNORED, IGNORED], [START, 5, 6, 7, 8]]


def test_parts_are_the_model_and_freeze_by_name(model):
    parts = model.parts()
    owned = [id(p) for modules in parts.values() for m in modules for p in m.parameters()]
    assert sorted(owned) == sorted(map(id, model.parameters()))
    assert {"decoder.embeddings", "decoder.0", "decoder.1", "head"} < parts.keys()
    own = classifier(**OF_HEAD)
    freezing.freeze(own, ["decoder.-1", "head"])
    on = {name for name, value in own.named_parameters() if value.requires_grad}
    assert all("decoder.encoder.layer.1" in name or "head.scores" in name for name in on)


@pytest.mark.parametrize(
    ("name", "is_tied", "merged"),
    [("debug_hubert", False, 1), ("debug_cmt", True, 1), ("debug_joint", True, 4)],
)
@torch.no_grad()
def test_a_composite_writes_from_what_it_fuses(name, is_tied, merged):
    model = composite(name, **OF_HEAD)
    batch = pair_batch() | {"caption": CAPTION[[0, 1, 0]]}
    output = model(batch)
    assert model.head.is_tied == is_tied
    frames = -(-model.count_tokens(batch["num_samples"]) // merged)  # of each clip
    words = batch["text_mask"].sum(dim=1) if is_tied else 0
    assert torch.equal(output.mask.sum(dim=1), frames + words)
    for number in range(3):
        alone = model(row(batch, number)).logits
        assert torch.allclose(output.logits[number : number + 1], alone, **CLOSE)
    parts = [id(p) for modules in model.parts().values() for m in modules for p in m.parameters()]
    assert sorted(parts) == sorted(map(id, model.parameters()))
