"""Generation by a composite model: its head, and the sequences that its decoder attends to."""

from typing import Any

from .batch import Batch
from .fusions.cross import cross_config
from .generation import GenerationHead, decoder_config
from .model import Output


def head(model: Any) -> GenerationHead:
    """The decoder of `model`, a Composite: as wide as its text stack, else as its speech encoder.

    It is tied to word vectors of its own width alone.
    """
    config, fusion = model.config, model.fusion
    widths = [width for width in (fusion.sound_width, fusion.word_width) if width]
    if config.reads:
        sizes = model.text_stack.config
    else:
        sizes = cross_config(config.of_speech, model.speech.width, 1)
    table = model.word_table
    is_tied = config.decoder["tie"] and table.shape[1:] == (sizes.hidden_size,)
    vocab_size = len(table) if is_tied else config.vocab_size
    own = decoder_config(config.decoder, sizes, vocab_size, config.initializer_range)
    return GenerationHead(own, widths, is_tied)


def output(model: Any, batch: Batch, decoder: GenerationHead) -> Output:
    """States that `model`, a Composite, has of a batch, and its scores of the captions.

    The decoder attends to frames and word pieces that have met, before they are pooled.
    """
    sound, words = model.fusion.mixed(model, batch)
    memory = decoder.remember([states for states in (sound, words) if states is not None])
    losses = model.fusion.losses(sound, words)
    return Output(*memory, losses=losses, **decoder(memory, batch, model.word_table))
