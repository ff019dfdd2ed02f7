"""CM-BERT's equations by hand on three word pieces; the frames of a word."""

import math

import pytest
import torch
import torch.nn.functional as F

from spectrobert.models.composite import Composite
from spectrobert.models.fusions.base import Sequence
from spectrobert.models.fusions.cm_bert import CHANNELS, likeness
from spectrobert.models.model import TokenGrid
from spectrobert.models.word_alignment import word_frames, word_means

from ...helpers.encoders import composite, configuration, pair_batch
from ...helpers.toy import CLOSE

GRID = TokenGrid(0.25, 0.5)  # middles at .25, .75, 1.25, 1.75


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        (0.0, 0.5, [0]),
        (0.25, 1.25, [0, 1]),  # a middle at the end is the next word's
        (0.3, 0.7, [0]),  # between two middles: the nearest to .5, even of equals
        (0.8, 1.2, [2]),
        (0.6, 0.6, [1]),
        (0.0, 0.0, [0]),
        (1.5, 9.0, []),  # behind the last real frame
        (1.3, 1.4, [2]),
        (-1.0, -1.0, []),
    ],
)
def test_the_frames_of_a_word(start, end, frames):
    mask = torch.tensor([[True, True, True, False]])
    found = word_frames(torch.tensor([[[start, end]]]), mask, GRID)
    assert found[0, 0].nonzero()[:, 0].tolist() == frames


def test_a_words_mean_is_of_its_frames_alone():
    hidden = torch.tensor([[[1.0], [2.0], [6.0], [99.0]]])
    times = torch.tensor([[[0.0, 1.0], [1.0, 3.0], [-1.0, -1.0]]])
    frames = word_frames(times, torch.tensor([[True, True, True, False]]), GRID)
    assert word_means(hidden, frames).tolist() == [[[1.5], [6.0], [0.0]]]


def test_likenesses_by_hand():
    states = torch.tensor([[[3.0, 0.0], [0.0, 4.0], [-1.0, 0.0], [7.0, 7.0]]])
    mask = torch.tensor([[True, True, True, False]])
    norm = math.sqrt(9 + 16 + 1)
    expected = torch.tensor([[9.0, 0, 0, 0], [0, 16, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]) / norm
    torch.testing.assert_close(likeness(states, mask)[0], expected)
    assert not likeness(torch.zeros(1, 2, 2), mask[:, :2]).any()


def by_hand(model, text, audio):
    """The paper's equations on one clip without padding: (L, W), (L, D) -> (L, W)."""
    fusion = model.fusion
    scores = fusion.bias
    for states, projection, weight in (
        (text, fusion.text_projection, fusion.text_weight),
        (audio, fusion.audio_projection, fusion.audio_weight),
    ):
        x = states @ projection.weight.T + projection.bias
        x = x / x.norm().sqrt()
        scores = scores + weight * F.relu(x @ x.T)
    attended = scores.softmax(dim=1) @ text + text
    return fusion.layer_norm(attended @ fusion.dense.weight.T + fusion.dense.bias)


@torch.no_grad()
def test_states_are_the_papers_equations_on_three_pieces():
    model, batch = composite("debug_cm_bert"), pair_batch()
    words, sound = model.words(batch), model.frames(batch)
    _, mixed = model.fusion.mix(sound, words, batch)
    text = words.hidden[0, :4]
    times, middles = batch["piece_times"][0], model.speech.grid.first + 0.02 * torch.arange(99)
    audio = torch.zeros(4, 32)
    for piece in (1, 2):
        start, end = times[piece]
        inside = [n for n, middle in enumerate(middles) if start <= middle < end]
        real = [n for n in inside if n < sound.mask[0].sum()]
        assert len(real) > 10
        audio[piece] = sound.hidden[0, real].mean(dim=0)
    torch.testing.assert_close(mixed.hidden[0, :4], by_hand(model, text, audio), **CLOSE)
    torch.testing.assert_close(model(batch).embedding, mixed.hidden[:, 0], **CLOSE)
    assert model.fusion.text_projection.weight.shape == (CHANNELS, 32)


@torch.no_grad()
def test_padding_takes_and_gives_nothing():
    model, batch = composite("debug_cm_bert"), pair_batch()
    words, sound = model.words(batch), model.frames(batch)
    louder = Sequence(words.hidden.masked_fill(~words.mask[..., None], 9.0), words.mask)
    hidden, other = (model.fusion.mix(sound, w, batch)[1].hidden for w in (words, louder))
    torch.testing.assert_close(hidden[words.mask], other[words.mask], **CLOSE)
    shares = model.fusion.shares(words, torch.zeros(3, 9, 32))
    assert not shares.transpose(1, 2)[~words.mask].any()
    torch.testing.assert_close(shares.sum(dim=2), torch.ones(3, 9))


@torch.no_grad()
def test_first_values_are_the_published_and_all_of_them_hear():
    fusion = Composite(configuration("debug_cm_bert")).fusion
    first = [float(v) for v in (fusion.text_weight, fusion.audio_weight, fusion.bias)]
    assert first == [1.0, 1.0, 0.0]
    assert fusion.audio_projection.bias.abs().max() > 0.05  # else [CLS] would hear nothing
    model, batch = composite("debug_cm_bert"), pair_batch()
    none = batch | {"piece_times": torch.full_like(batch["piece_times"], -1.0)}
    assert (model(batch).logits - model(none).logits).abs().max() > 1e-4


def test_there_is_no_pre_training_of_it():
    with pytest.raises(ValueError, match=r"need another model\.fusion, whose layers they train"):
        configuration("debug_cm_bert", head="pretraining", objectives={"mlm": {}})
