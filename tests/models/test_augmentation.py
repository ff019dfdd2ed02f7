"""Masks and mixtures of a batch: numbers by hand, and models that hear them."""

import pytest
import torch

from spectrobert.models.augmentation import augment_waveform, filtered, masked, mix
from spectrobert.models.normalisation import normalise, statistics

from ..helpers.toy import classifier, padded_batch


def mixture(weights: list[float]) -> dict[str, torch.Tensor]:
    rows = len(weights)
    return {"mix_weight": torch.tensor(weights), "mix_with": torch.arange(1, rows + 1) % rows}


def test_a_mixture_by_hand():
    values = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 0.0]])
    mixed = mix(values, torch.tensor([3, 2]), mixture([0.75, 0.5]))
    # nothing is mixed behind the second frame, where the second clip has ended
    torch.testing.assert_close(mixed, torch.tensor([[3.25, 6.5, 3.0], [5.5, 11.0, 0.0]]))
    frames = mix(values[..., None], torch.tensor([3, 2]), mixture([0.75, 0.5]))
    torch.testing.assert_close(frames[..., 0], mixed)


def test_masks_by_hand():
    masks = torch.tensor([[[0.01, 0.03, 0.0, 1.0], [0.0, 9.0, 0.5, 0.75]]])
    hidden = masked(torch.ones(1, 4, 4), masks, frame_seconds=0.01)[0]
    assert hidden.tolist() == [
        [False, False, True, False],
        [True, True, True, True],
        [True, True, True, True],
        [False, False, True, False],
    ]


def test_a_filter_by_hand():
    """Gains at the first bin, the middle and the last one, lines between; padding stays."""
    gains = torch.tensor([[0.0, 1.0, -1.0]])
    changed = filtered(torch.full((1, 3, 5), 2.0), torch.tensor([2]), gains)[0]
    torch.testing.assert_close(changed[0], torch.tensor([2.0, 2.5, 3.0, 2.0, 1.0]))
    torch.testing.assert_close(changed[1], changed[0])
    assert changed[2].tolist() == [2.0] * 5


def test_waveforms_are_silent_under_masks_of_time_alone():
    batch = {
        "waveform": torch.ones(1, 8),
        "num_samples": torch.tensor([8]),
        "masks": torch.tensor([[[2.0, 4.0, 0.0, 1.0], [0.0, 8.0, 0.2, 0.3]]]),
    }
    assert augment_waveform(batch, sample_rate=1)[0].tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("options", [{}, {"pad_to_max": True}])
def test_spectrobert_hears_masks_and_mixtures(options):
    model, batch = classifier(**options), padded_batch(60)
    masks = torch.tensor([[[0.2, 0.5, 0.0, 1.0]]]).repeat(2, 1, 1)
    with torch.no_grad():
        mels, _ = model.spectrogram(batch)
        hidden, _ = model.spectrogram(batch | {"masks": masks})
        mixed, _ = model.spectrogram(batch | mixture([0.6, 1.0]))
        gains = {"mel_gains": torch.full((2, 4), 0.5)}
        louder, _ = model.spectrogram(batch | gains)
        drawn = ({}, {"masks": masks}, mixture([0.6, 1]), gains)
        logits = [model(batch | more).logits for more in drawn]
    assert hidden[:, 20:50].abs().max() == 0
    torch.testing.assert_close(hidden[:, 50:], mels[:, 50:])
    torch.testing.assert_close(mixed[0, :50], 0.6 * mels[0, :50] + 0.4 * mels[1, :50])
    torch.testing.assert_close(mixed[1], mels[1])
    torch.testing.assert_close(louder[0, :50], mels[0, :50] + 0.5)
    for other in logits[1:]:
        assert (other - logits[0]).abs().max() > 1e-6


class TestNormalisation:
    def test_of_each_clip(self):
        """Mean 0 in each bin of a clip, whatever its gain; the deviation is the one given."""
        std = torch.linspace(1, 3, 128)
        model = classifier(normalization="clip", mel_std=std.tolist())
        raw, lengths = classifier(audio_mean=0.0, audio_std=0.5).spectrogram(padded_batch(60))
        mels, _ = model.spectrogram(padded_batch(60))
        for own, whole, length in zip(mels, raw, lengths):
            wanted = (whole[:length] - whole[:length].mean(dim=0)) / std
            torch.testing.assert_close(own[:length], wanted, rtol=1e-4, atol=1e-4)
            assert not own[length:].any()
        batch = padded_batch(60)
        louder, _ = model.spectrogram(batch | {"waveform": 3 * batch["waveform"]})
        assert (louder - mels).abs().mean() < 0.01  # but for Kaldi's floor in the narrowest bins

    def test_of_a_corpus_and_of_speakers(self):
        """(x - mean) / std by the numbers given, for all clips or for each of them."""
        bins = 128
        batch, plain = padded_batch(60), classifier(audio_mean=0.0, audio_std=0.5)
        raw, lengths = plain.spectrogram(batch)
        mean, std = torch.linspace(-9, -5, bins), torch.linspace(1, 3, bins)
        of_corpus = classifier(normalization="corpus", mel_mean=mean.tolist(), mel_std=std.tolist())
        mels, _ = of_corpus.spectrogram(batch)
        real = torch.arange(raw.shape[1]) < lengths[:, None]
        torch.testing.assert_close(mels[real], ((raw - mean) / std)[real], rtol=1e-4, atol=1e-4)
        known = {"mel_mean": torch.stack([mean, mean + 2]), "mel_std": torch.stack([std, 2 * std])}
        by_speaker, _ = classifier(normalization="speaker").spectrogram(batch | known)
        torch.testing.assert_close(by_speaker[0], mels[0])
        wanted = (raw[1] - mean - 2) / (2 * std)
        torch.testing.assert_close(by_speaker[1][real[1]], wanted[real[1]], rtol=1e-4, atol=1e-4)

    def test_an_unknown_speaker_is_the_clip_itself(self):
        """Mean 0 and deviation 1 in each bin of a clip."""
        mels, lengths = classifier(normalization="speaker").spectrogram(padded_batch(60))
        real = torch.arange(mels.shape[1]) < lengths[:, None]
        mean, std = statistics(mels, real)
        torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
        varied = std > 0  # Kaldi's fourth of 128 filters meets no FFT bin
        assert varied.sum() >= 2 * 127
        torch.testing.assert_close(std[varied], torch.ones(int(varied.sum())), rtol=0, atol=1e-3)

    def test_digital_silence_is_not_blown_up(self):
        config = classifier(normalization="speaker").config
        flat = torch.full((1, 5, 128), -15.9)
        assert normalise(flat, torch.tensor([5]), config, {}).abs().max() < 1e-3


class TestStochasticDepth:
    def test_a_layer_is_skipped_in_training_alone(self):
        model, batch = classifier(stochastic_depth=0.999), padded_batch(60)
        plain = classifier()
        plain.load_state_dict(model.state_dict())
        with torch.no_grad():
            torch.testing.assert_close(model(batch).logits, plain(batch).logits)
            model.train()
            for module in model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
            before = model.start(batch).hidden
            skipped = model.keep(1, torch.zeros_like(before), before)
        torch.testing.assert_close(skipped, before)

    def test_deeper_layers_are_skipped_more_often(self):
        model = classifier(stochastic_depth=0.5).train()
        before, output = torch.zeros(4000, 1, 1), torch.ones(4000, 1, 1)
        kept = [model.keep(number, output, before).mean().item() for number in range(2)]
        assert kept[0] == pytest.approx(0.75, abs=0.04)
        assert kept[1] == pytest.approx(0.5, abs=0.04)

    def test_frozen_layers_are_never_skipped(self):
        model = classifier(stochastic_depth=0.9).train()
        model.encoder.layer[1].eval()
        output = torch.ones(50, 1, 1)
        assert model.keep(1, output, torch.zeros(50, 1, 1)).min() == 1


class TestPooling:
    def test_the_head_reads_the_real_audio_tokens(self):
        """Logits are the head's of mean and deviation over real audio tokens, by hand."""
        model, batch = classifier(pooling="statistics"), padded_batch(60)
        with torch.no_grad():
            output = model(batch)
            hidden, mask = model.encode(batch)
            words = batch["input_ids"].shape[1]
            for row in range(2):
                tokens = hidden[row, words:][mask[row, words:]]
                both = torch.cat([tokens.mean(dim=0), tokens.std(dim=0, correction=0)])
                torch.testing.assert_close(output.hidden[row, 0], both, rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(output.logits[row], model.head.linear(both))

    def test_a_padded_clip_is_as_one_alone(self):
        model, batch = classifier(pooling="mean"), padded_batch(60)
        alone = {
            "waveform": batch["waveform"][1:, :9000],
            "num_samples": batch["num_samples"][1:],
            "input_ids": batch["input_ids"][1:, :5],
            "text_mask": batch["text_mask"][1:, :5],
        }
        with torch.no_grad():
            together, by_itself = model(batch).logits[1:], model(alone).logits
        torch.testing.assert_close(together, by_itself, rtol=0, atol=1e-5)
