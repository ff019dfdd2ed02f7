"""Texts from states: a causal decoder of BERT layers that attends to a stack.

The thesis names sequence-to-sequence tasks as future work: "an extra layer designed for generating
sequences", "a decoder that puts out one piece of the sequence at a time" (2.4.5). It gives no
sizes; layers as wide as the stack with cross-attention (BERT2BERT, Rothe et al. 2020), [CLS] as the
first piece and [SEP] as the last are our reading. The search is transformers' `generate`.

Shapes: B batch, M states that are attended to, W their widths, D width of the decoder, C word
pieces of a text, V vocabulary, R texts of a clip.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertModel, GenerationConfig, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput
from transformers.models.bert.modeling_bert import BertPredictionHeadTransform

from .batch import IGNORED, Batch

CACHES = ("cache", "past_key_values")  # names of a cache in versions of transformers
SIZES = (
    *("hidden_size", "num_attention_heads", "intermediate_size", "hidden_act"),
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "layer_norm_eps", "initializer_range"),
)


class WordScores(nn.Module):
    """BERT's head of masked language modelling: (B, C, D) -> (B, C, V), tied to a word table."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, hidden: Tensor, words: Tensor) -> Tensor:
        return F.linear(self.transform(hidden), words, self.bias)


class GenerationHead(nn.Module):
    """A decoder, and the scores of the next word piece.

    States of another width than the decoder's pass a Linear first.

    Args:
        config: of the decoder (`decoder_config`).
        widths: W of each sequence of states that is attended to.
        is_tied: word pieces have the vectors of the stack, which are given in each call; else of a
            table of the decoder's own.
    """

    reads_one_token: ClassVar[bool] = False

    def __init__(self, config: BertConfig, widths: Sequence[int], is_tied: bool):
        super().__init__()
        size = config.hidden_size
        same = (nn.Identity() if width == size else nn.Linear(width, size) for width in widths)
        self.memory = nn.ModuleList(same)
        self.decoder = BertModel(config, add_pooling_layer=False)
        self.is_tied = is_tied
        if is_tied:
            del self.decoder.embeddings.word_embeddings
        self.scores = WordScores(config)

    def parts(self) -> dict[str, list[nn.Module]]:
        """`decoder.embeddings`, `decoder.<n>`, and `head`: the scores of word pieces."""
        layers = enumerate(self.decoder.encoder.layer)
        return {
            "decoder.embeddings": [self.memory, self.decoder.embeddings],
            **{f"decoder.{number}": [layer] for number, layer in layers},
            "head": [self.scores],
        }

    def table(self, words: Tensor) -> Tensor:
        """Vectors of word pieces (V, D): the stack's if the head is tied to it, else its own."""
        return words if self.is_tied else self.decoder.embeddings.word_embeddings.weight

    def remember(self, states: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Sequences of states (B, M, W) and their masks (B, M), one behind the other: (B, M, D)."""
        hidden = [to(one) for to, (one, _) in zip(self.memory, states, strict=True)]
        return torch.cat(hidden, dim=1), torch.cat([mask.bool() for _, mask in states], dim=1)

    def forward(self, memory: tuple[Tensor, Tensor], batch: Batch, words: Tensor) -> dict:
        """Teacher forcing: `logits` (B, C - 1, V) of each piece of `caption` behind the first.

        Empty if the batch has no captions. Padding needs no mask: a piece looks back alone.
        """
        if "caption" not in batch:
            return {}
        given = batch["caption"][:, :-1].clamp(min=0)
        return {"logits": self.next_pieces(given, memory, words)[0]}

    def next_pieces(
        self, ids: Tensor, memory: tuple[Tensor, Tensor], words: Tensor, **options: Any
    ) -> tuple[Tensor, Any]:
        """Scores (B, C, V) of the piece behind each of `ids` (B, C), and transformers' output.

        Args:
            words: the stack's word table (V, D), read if the head is tied to it.
            options: the cache, and whether there is to be one.
        """
        table = self.table(words)
        states = self.decoder(
            inputs_embeds=F.embedding(ids, table),
            encoder_hidden_states=memory[0],
            encoder_attention_mask=memory[1],
            **({"use_cache": False} | options),
        )
        return self.scores(states.last_hidden_state, table), states


def decoder_config(options: Any, sizes: Any, vocab_size: int, spread: float) -> BertConfig:
    """BERT's configuration of a decoder.

    Args:
        options: fields of DecoderConfig by name.
        sizes: the configuration whose width, heads and dropout it has.
        spread: deviation of random weights.
    """
    own = {name: getattr(sizes, name) for name in SIZES if hasattr(sizes, name)}
    config = BertConfig(
        **own | {"initializer_range": spread},
        vocab_size=vocab_size,
        num_hidden_layers=options["layers"],
        max_position_embeddings=options["positions"],
        is_decoder=True,
        add_cross_attention=True,
    )
    config._attn_implementation = "sdpa"  # which a whole model of transformers would choose itself
    return config


class Search(NamedTuple):
    """Options of writing a text."""

    beams: int = 1
    max_length: int = 32  # word pieces, both ends included
    length_penalty: float = 1.0
    no_repeat_ngram: int = 0
    texts: int = 1  # of a clip, the best ones of the beams


class Pieces(NamedTuple):
    """Numbers of the word pieces that frame a text, and of those that no text holds."""

    start: int
    end: int
    padding: int
    banned: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: Any, vocab_size: int) -> "Pieces":
        """Those of a tokenizer, [CLS] and [SEP] or their like, for a table of so many vectors."""
        start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
        beyond = range(len(tokenizer), vocab_size)
        banned = sorted({*tokenizer.all_special_ids, *beyond} - {end})
        return cls(start, end, tokenizer.pad_token_id or 0, tuple(banned))


class Written(NamedTuple):
    """Texts of clips, the likeliest beam first."""

    ids: Tensor  # (B, R, C) from the start to the end, padding behind it
    log_probability: Tensor  # (B, R) of all pieces behind the start, the end included


class EncoderDecoder(PreTrainedModel, GenerationMixin):
    """A head with its states, in the form that transformers' `generate` takes.

    Made for one call: it owns no weights that are saved.
    """

    config_class = BertConfig
    base_model_prefix = "decoder"
    main_input_name = "input_ids"
    _supports_sdpa = True

    def __init__(self, head: GenerationHead, words: Tensor):
        config = BertConfig(**head.decoder.config.to_dict() | {"is_encoder_decoder": True})
        config._attn_implementation = "sdpa"
        super().__init__(config)
        self.head, self.words = head, words

    @property
    def device(self) -> torch.device:
        return self.words.device

    def get_encoder(self, *_: Any, **__: Any) -> nn.Module:
        """Nothing: the states are given."""
        return nn.Identity()

    def forward(
        self,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: BaseModelOutput | None = None,
        attention_mask: Tensor | None = None,
        use_cache: bool | None = None,
        **options: Any,
    ) -> Seq2SeqLMOutput:
        assert decoder_input_ids is not None
        assert encoder_outputs is not None
        cache = {name: options[name] for name in CACHES if options.get(name) is not None}
        memory: Any = (encoder_outputs.last_hidden_state, attention_mask)
        logits, states = self.head.next_pieces(
            decoder_input_ids, memory, self.words, use_cache=bool(use_cache), **cache
        )
        kept = next((name for name in CACHES if name in states), "")
        return Seq2SeqLMOutput(logits=logits, **({kept: states[kept]} if kept else {}))


@torch.no_grad()
def write(
    head: GenerationHead,
    memory: tuple[Tensor, Tensor],
    words: Tensor,
    search: Search,
    pieces: Pieces,
    use_cache: bool = True,
) -> Written:
    """Write texts about clips: greedy, or by beam search; at least one piece behind the start.

    Args:
        memory: states (B, M, D) and their mask (B, M), as `GenerationHead.remember` gives them.
        words: the stack's word table (V, D).
    """
    options = GenerationConfig(
        num_beams=search.beams,
        num_return_sequences=search.texts,
        max_length=search.max_length,
        min_new_tokens=2,  # a word and the end
        length_penalty=search.length_penalty,
        no_repeat_ngram_size=search.no_repeat_ngram,
        suppress_tokens=list(pieces.banned),
        decoder_start_token_id=pieces.start,
        bos_token_id=pieces.start,
        eos_token_id=pieces.end,
        pad_token_id=pieces.padding,
        do_sample=False,
        use_cache=use_cache,
    )
    model = EncoderDecoder(head, words).eval()
    ids: Any = model.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=memory[0]),
        attention_mask=memory[1].long(),
        generation_config=options,
    )
    ids = F.pad(ids, (0, search.max_length - ids.shape[1]), value=pieces.padding)
    memory = tuple(one.repeat_interleave(search.texts, dim=0) for one in memory)  # type: ignore
    sums = log_probability(head, memory, words, framed(ids, pieces))
    shape = (-1, search.texts)
    return Written(ids.unflatten(0, shape), sums.unflatten(0, shape))


def packed(model: Any, search: Search, tokenizer: Any, output: Any) -> Tensor:
    """Log probability and word pieces of the texts of a batch, in one tensor: (B, R, 1 + C).

    Args:
        model: with a generation head.
        output: of the model.
    """
    words = model.word_table
    pieces = Pieces.of(tokenizer, len(model.head.table(words)))
    found = write(model.head, (output.hidden, output.mask), words, search, pieces)
    return torch.cat([found.log_probability[..., None].double(), found.ids.double()], dim=-1)


def framed(ids: Tensor, pieces: Pieces) -> Tensor:
    """Texts (B, C) with IGNORED behind their ends, as `caption` of a batch."""
    behind = (ids[:, 1:] == pieces.end).cumsum(dim=1)[:, :-1] > 0
    return ids.masked_fill(F.pad(behind, (2, 0)), IGNORED)


def log_probability(
    head: GenerationHead, memory: tuple[Tensor, Tensor], words: Tensor, caption: Tensor
) -> Tensor:
    """(B,) sums over the pieces of each text (B, C), the first excepted, by teacher forcing."""
    given: Batch = {"caption": caption}
    logits = head(memory, given, words)["logits"]
    return -piece_losses(logits, caption).sum(dim=1)


def piece_losses(logits: Tensor, caption: Tensor, smoothing: float = 0.0) -> Tensor:
    """(B, C - 1) cross entropies of the pieces of `caption` (B, C) behind the first; 0 if padded.

    Args:
        smoothing: share of a target that is spread evenly over all pieces.
    """
    return F.cross_entropy(
        logits.float().transpose(1, 2),
        caption[:, 1:],
        reduction="none",
        ignore_index=IGNORED,
        label_smoothing=smoothing,
    )
