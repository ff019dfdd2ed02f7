"""One sequence from two modalities (thesis 2.2.4): [CLS] text [SEP] + audio tokens.

Shapes: B batch, L word pieces, N audio tokens, D width.
"""

import torch
from torch import Tensor, nn

from .configuration import SpectroBertConfig

TEXT, AUDIO = 0, 1  # rows of the token type table: the modality


class JointEmbeddings(nn.Module):
    """Adds positions and modality to both kinds of token; one LayerNorm and dropout over all.

    The text half carries BertEmbeddings' names, so that BERT's weights load into it; audio has its
    own time and frequency tables, because 1212 patches do not fit BERT's 512 positions (VisualBERT
    gives them all position 0).
    """

    def __init__(self, config: SpectroBertConfig):
        super().__init__()
        width = config.hidden_size
        self.word_embeddings = nn.Embedding(config.vocab_size, width, padding_idx=0)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, width)
        self.has_audio_positions = config.audio_positions == "learned"
        if self.has_audio_positions:
            self.audio_time_embeddings = nn.Embedding(config.max_audio_positions, width)
            self.audio_frequency_embeddings = nn.Embedding(config.frequency_patches, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: Tensor, audio: Tensor) -> Tensor:
        """(B, L) word pieces and (B, time, frequency, D) audio tokens -> (B, L + N, D)."""
        modality = self.token_type_embeddings.weight
        text = (
            self.word_embeddings(input_ids) + self.position_embeddings.weight[: input_ids.shape[1]]
        )
        text = text + modality[TEXT]  # (B, L, D)
        audio = audio + modality[AUDIO]
        if self.has_audio_positions:
            time = self.audio_time_embeddings.weight[: audio.shape[1], None]  # (time, 1, D)
            audio = audio + time + self.audio_frequency_embeddings.weight
        joint = torch.cat([text, audio.flatten(1, 2)], dim=1)
        return self.dropout(self.LayerNorm(joint))
