"""The batch that loaders build, and that models, losses and metrics read.

Shapes: B batch, L word pieces or letters, T samples, N audio tokens, D width, C targets.
"""

from typing import Any, TypedDict

from torch import Tensor

IGNORED = -100  # in `mlm_labels`: a word piece that the MLM loss does not read


class Batch(TypedDict, total=False):
    """Clips that could be read, padded. In every mask True means a real token."""

    index: Tensor  # (B,) row of the split
    input_ids: Tensor  # (B, L) word pieces; [PAD] is 0
    text_mask: Tensor  # (B, L)
    waveform: Tensor  # (B, T) float in [-1, 1] at 16 kHz, zero beyond `num_samples`
    num_samples: Tensor  # (B,)
    unread: list[Any]  # data.checks.Skipped; with none of the other fields if no clip was read

    # seconds of the stretch that is heard, of models that align words with the audio; -1: no time
    piece_times: Tensor  # (B, L, 2) start and end of each word piece's word
    word_times: Tensor  # (B, K, 2) of each word that is said

    # of models that see or read phones, if a clip of the batch has some (data/streams.py)
    video: Tensor  # (B, F, S, S) grey, 0 to 255, at 25 frames per second, 0 beyond `num_frames`
    num_frames: Tensor  # (B,) 0 for a clip without video
    phones: Tensor  # (B, P) numbers at 100 per second, 0 beyond `num_phones`
    num_phones: Tensor  # (B,)

    # augmentation of a training batch (data/augmentation.py)
    masks: Tensor  # (B, K, 4) of the spectrogram: from, to in seconds; from, to in shares of bins
    mel_gains: Tensor  # (B, K) at equally distant mel bins, first and last included
    mix_with: Tensor  # (B,) row of the batch that a clip is mixed with
    mix_weight: Tensor  # (B,) share of the clip itself

    speaker: Tensor  # (B,) number, if pooled vectors are normalised by speaker
    # statistics of each clip's speaker, if spectrograms are normalised by speaker
    mel_mean: Tensor  # (B, M)
    mel_std: Tensor  # (B, M)

    # one of these is learnt
    label: Tensor  # (B,) class; with task.soft_labels together with
    votes: Tensor  # (B, C) annotators who chose each class, all 0 if unknown
    targets: Tensor  # (B, C) numbers, or 1 and 0
    caption: Tensor  # (B, C) word pieces of a text to be written, IGNORED beyond it
    mlm_labels: Tensor  # (B, L) masked word pieces, IGNORED elsewhere; together with
    matched: Tensor  # (B,) 1 if the audio belongs to the text, else 0
    draw: Tensor  # (B,) numbers that all that objectives draw of a row begins from
    letters: Tensor  # (B, L) of the text, 0 beyond it (data/letters.py)
    swapped: Tensor  # (B, N) True at frames that become the embeddings of their units
    unit_mask: Tensor  # (B, N) True at units that are masked
    units: Tensor  # (B, U) of a clip, IGNORED beyond it; then (B, N), one per audio token
    negatives: Tensor  # (B, N, M) masked audio tokens that a masked one is compared with
    shown: Tensor  # (B, N) tokens that are seen at masked places; -1: the vector of masked tokens
    masked: Tensor  # (B, N) True at audio tokens that are masked, never at padding
    audio_sources: Tensor  # (B, N) the step that each step of audio is taken from (AV-HuBERT)
    video_sources: Tensor  # (B, N) the same of video

    # activations of frozen layers in place of `input_ids` and `waveform` (run/prefix_cache); of a
    # joint stack in one sequence, else apart
    hidden: Tensor  # (B, L + N, D); after all layers h_[CLS] alone, (B, 1, D)
    word_states: Tensor  # (B, L, D of the text encoder)
    sound_states: Tensor  # (B, N, D of the speech encoder)
    audio_mask: Tensor  # (B, N)
    depth: int  # layers that they have passed
