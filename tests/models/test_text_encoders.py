"""Text encoders against transformers', and padding that changes nothing."""

import pytest
import torch
from transformers import AutoConfig

from spectrobert.models.text_encoder import TEXT_TYPES, TextEncoder, max_text_positions

from ..helpers.encoders import moved

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 60,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
}
DISTILBERT = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}


def encoder(kind: str) -> TextEncoder:
    torch.manual_seed(0)
    own = DISTILBERT if kind == "distilbert" else {}
    sizes = SIZES if not own else {n: SIZES[n] for n in ("vocab_size", "pad_token_id")}
    config = AutoConfig.for_model(kind, **sizes, **own)
    return moved(TextEncoder(config)).eval()


@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_states_are_transformers_and_padding_changes_nothing(kind):
    """Padded with 0, as batches are, whatever the encoder's own [PAD] is."""
    model = encoder(kind)
    ids = torch.randint(5, 60, (1, 7))
    padded = torch.cat([ids, torch.zeros(1, 4, dtype=torch.long)], dim=1)
    mask = torch.arange(11)[None] < 7
    with torch.no_grad():
        expected = model.model(ids).last_hidden_state
        alone = model(ids, torch.ones_like(ids, dtype=torch.bool))
        together = model(padded, mask)[:, :7]
    torch.testing.assert_close(alone, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_parts_are_all_of_it(kind):
    model = encoder(kind)
    listed = [p for part in model.parts().values() for module in part for p in module.parameters()]
    assert len({id(p) for p in listed}) == len(listed) == len(list(model.parameters()))
    assert "encoder.1" in model.parts()


def test_roberta_has_room_for_fewer_word_pieces_than_positions():
    assert max_text_positions(encoder("roberta").config) == 38  # they begin behind [PAD], 1
    assert max_text_positions(encoder("bert").config) == 40
