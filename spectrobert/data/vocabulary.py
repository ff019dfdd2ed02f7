"""Tokenizers: a pre-trained one, or a WordPiece vocabulary trained on the corpus."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import (
    BertWordPieceTokenizer,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
ALWAYS = "abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"()-&"  # so that a later task can ask


def train(
    texts: Iterable[str], size: int, lowercase: bool = True, strip_accents: bool = False
) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer of about `size` pieces, with BERT's special tokens, [PAD] 0.

    The same texts always give the same pieces. The trainer numbers characters in the order of a
    randomly seeded hash table and breaks ties by number, so it is given them in order.

    Args:
        lowercase: "Dog" is "dog".
        strip_accents: BERT's way for uncased text: "żółw" is "zołw", and a syllable of Hangul falls
            into its letters. Otherwise letters are composed (NFC): one character each.
    """
    texts = list(texts)
    own = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    composed = [] if strip_accents else [normalizers.NFC()]
    normalizer = normalizers.Sequence([*composed, own])
    normalize = normalizer.normalize_str
    letters = sorted(
        {c for text in texts for c in normalize(text) if not c.isspace()} | set(ALWAYS)
    )
    in_order = [*SPECIAL.values(), *letters, *(f"##{letter}" for letter in letters)]
    trained = BertWordPieceTokenizer()
    trained.normalizer = normalizer
    trained.train_from_iterator(
        texts,
        vocab_size=max(size, len(in_order)),
        min_frequency=1,
        special_tokens=in_order,
        show_progress=False,
    )
    pieces = BertWordPieceTokenizer(vocab=trained.get_vocab())
    pieces.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **SPECIAL)


def characters(texts: Iterable[str], lowercase: bool = True) -> PreTrainedTokenizerFast:
    """A tokenizer of single characters, spaces included, with BERT's special tokens, [PAD] 0.

    It knows those of ALWAYS, the space, and the most frequent others of `texts` up to CHARACTERS
    in all, as many as SpeechT5 has; the rest is [UNK].

    Args:
        lowercase: "Dog" is "dog".
    """
    steps = [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    normalizer = normalizers.Sequence([*steps, *([normalizers.Lowercase()] if lowercase else [])])
    counts = Counter(c for text in texts for c in normalizer.normalize_str(text))
    known = [*SPECIAL.values(), " ", *sorted(ALWAYS)]
    others = sorted(counts.keys() - set(known), key=lambda c: (-counts[c], c))
    known += others[: max(0, CHARACTERS - len(known))]
    ids = {piece: number for number, piece in enumerate(known)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=SPECIAL["unk_token"]))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    ends = [(name, ids[name]) for name in (SPECIAL["sep_token"], SPECIAL["cls_token"])]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL)


CHARACTERS = 81  # of SpeechT5


def load(folder: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder or a Hub name; code that comes with it is never run."""
    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
