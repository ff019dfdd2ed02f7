"""AV-HuBERT's filterbanks against a computation by their definition, number by number."""

import numpy as np
import torch

from spectrobert.audio.log_filterbank import log_filterbanks, num_steps, steps


def by_definition(samples: np.ndarray) -> np.ndarray:
    """(F, 26) of samples (T,) of 16 bits."""
    emphasised = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    number = 1 + max(0, int(np.ceil((len(samples) - 400) / 160)))
    padded = np.append(emphasised, np.zeros(400 + 160 * number))
    top = 2595 * np.log10(1 + 8000 / 700)
    hertz = [700 * (10 ** (m / 2595) - 1) for m in np.linspace(0, top, 28)]
    edges = [int(513 * h // 16000) for h in hertz]
    rows = []
    for frame in range(number):
        power = np.abs(np.fft.rfft(padded[160 * frame :][:400], 512)) ** 2 / 512
        energies = []
        for low, middle, high in zip(edges, edges[1:], edges[2:]):
            energy = sum(power[i] * (i - low) / (middle - low) for i in range(low, middle))
            energy += sum(power[i] * (high - i) / (high - middle) for i in range(middle, high))
            energies.append(np.log(energy if energy else np.finfo(float).eps))
        rows.append(energies)
    return np.array(rows)


def test_they_are_those_of_the_definition_alone_and_padded():
    clips = [np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32) for n in (1700, 960, 90)]
    lengths = torch.tensor([len(clip) for clip in clips])
    waves = torch.nn.utils.rnn.pad_sequence(list(map(torch.from_numpy, clips)), batch_first=True)
    found = log_filterbanks(waves, lengths)
    for clip, row in zip(clips, found):
        wanted = by_definition(clip.astype(np.float64) * 32768)
        np.testing.assert_allclose(row[: len(wanted)], wanted, atol=2e-4)
        assert not row[len(wanted) :].any()
    assert num_steps(lengths).tolist() == [3, 2, 1]
    assert num_steps(torch.tensor([16000])).tolist() == [25]


def test_a_step_is_four_frames_of_mean_0_and_variance_1():
    wave, lengths = torch.randn(1, 1200) * 0.1, torch.tensor([1200])
    logs, found = log_filterbanks(wave, lengths)[0], steps(wave, lengths)[0]  # 6 frames
    assert found.shape == (2, 104)
    first = logs[:4].flatten()
    torch.testing.assert_close(
        found[0], (first - first.mean()) / (first.var(correction=0) + 1e-5) ** 0.5
    )
    torch.testing.assert_close(found.mean(dim=1), torch.zeros(2), atol=1e-5, rtol=0)


def test_silence_is_the_epsilon_and_then_nothing():
    silence, lengths = torch.zeros(1, 1200), torch.tensor([1200])
    assert log_filterbanks(silence, lengths).unique().item() == np.float32(np.log(2.0**-52))
    assert not steps(silence, lengths)[0, 0].any()
