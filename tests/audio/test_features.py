"""Log-mel and patches against torchaudio, transformers and torch's own unfold."""

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from torch import nn

from spectrobert.audio import features, io
from spectrobert.kernels import adopt
from spectrobert.models.configuration import SpectroBertConfig

AST_MEAN, AST_STD = SpectroBertConfig().audio_mean, SpectroBertConfig().audio_std


def kaldi(wave: torch.Tensor) -> torch.Tensor:
    """torchaudio's fbank with AST's settings: (T,) -> (F, 128)."""
    compliance = pytest.importorskip("torchaudio.compliance.kaldi")
    return compliance.fbank(
        wave[None],
        sample_frequency=16_000,
        window_type="hanning",
        num_mel_bins=128,
        htk_compat=True,
        use_energy=False,
        dither=0.0,
    )


def ours(waves: list[torch.Tensor], kernels: str = "auto") -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(w) for w in waves])
    batch = nn.utils.rnn.pad_sequence(waves, batch_first=True)
    return front_end(kernels)(batch, lengths)


def front_end(kernels: str = "auto", mean: float = AST_MEAN, std: float = AST_STD):
    return adopt(features.LogMel(128, mean, std), kernels)


# Loops as on a CPU, or torch's operators as on a GPU
both = pytest.mark.parametrize("kernels", ["auto", "off"])


@both
def test_equals_kaldi_in_a_padded_batch(kernels):
    generator = torch.Generator().manual_seed(0)
    waves = [0.1 * torch.randn(n, generator=generator) for n in (16_000, 40_321, 400)]
    mels, lengths = ours(waves, kernels)
    for wave, mel, length in zip(waves, mels, lengths):
        expected = (kaldi(wave) - AST_MEAN) / (2 * AST_STD)
        assert len(expected) == length
        torch.testing.assert_close(mel[:length], expected, rtol=0, atol=1e-3)
        assert torch.all(mel[length:] == -AST_MEAN / (2 * AST_STD))


@both
def test_equals_transformers_and_kaldi_on_real_clips(real_data, kernels):
    from transformers import ASTFeatureExtractor

    extractor = ASTFeatureExtractor()
    clips = sorted((real_data / "ravdess" / "Actor_01").glob("*.flac"))[:3]
    clips += sorted((real_data / "esc10").rglob("*.flac"))[:3]
    waves = [torch.from_numpy(io.read(str(clip))) for clip in clips]
    mels, lengths = ours(waves, kernels)
    for wave, mel, length in zip(waves, mels, lengths):
        theirs = extractor(wave.numpy(), sampling_rate=16_000, return_tensors="pt")
        for expected in (
            theirs["input_values"][0, :length],
            (kaldi(wave) - AST_MEAN) / (2 * AST_STD),
        ):
            torch.testing.assert_close(mel[:length], expected, rtol=0, atol=1e-3)


@both
def test_what_is_not_a_number_stays_so(kernels):
    wave = torch.zeros(2, 16_000)
    wave[1, 8_000] = torch.nan
    mels, _ = front_end(kernels)(wave, torch.tensor([16_000, 16_000]))
    frames = mels.isnan().any(dim=-1)
    assert not frames[0].any()
    assert frames[1].nonzero()[:, 0].tolist() == [48, 49, 50]  # 160 f <= 8000 < 160 f + 400


@pytest.mark.parametrize("threads", [1, 2, 200])
def test_any_number_of_threads_hears_the_same(threads):
    before = torch.get_num_threads()
    wave = 0.1 * torch.randn(3, 20_000, generator=torch.Generator().manual_seed(0))
    expected, _ = ours(list(wave))
    torch.set_num_threads(threads)
    try:
        torch.testing.assert_close(ours(list(wave))[0], expected, rtol=0, atol=1e-5)
    finally:
        torch.set_num_threads(before)


def _hear(wave: torch.Tensor) -> float:
    torch.set_num_threads(1)  # as in a data loader's workers
    return ours([wave])[0].mean().item()


def test_a_forked_child_hears_the_same():
    """The loops' threads are not there, and numba would end the child."""
    wave = 0.1 * torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    expected = ours([wave])[0].mean().item()
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert pool.submit(_hear, wave).result(timeout=60) == pytest.approx(expected, rel=1e-5)


def printed(code: str, **environment: str) -> str:
    """Output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_torch_keeps_its_number_of_threads():
    code = (
        "import torch; torch.set_num_threads(1); from spectrobert.kernels import loops;"
        "print(torch.get_num_threads(), loops.MOST_THREADS)"
    )
    assert printed(code, NUMBA_NUM_THREADS="2") == "1 2"


def test_loops_need_no_folder_for_their_cache():
    """numba refuses to cache if no folder can be written to."""
    code = (
        "def refuse(*_): raise RuntimeError('cannot cache function')\n"
        "from numba.core import caching; caching.Cache.__init__ = refuse;"
        "from spectrobert.kernels import loops; import numpy as np; power = np.zeros((1, 2), 'f4');"
        "loops.square(np.array([[1, 2, 3, 4]], 'f4'), power); print(power.tolist())"
    )
    assert printed(code) == "[[5.0, 25.0]]"


def test_ten_seconds_are_998_frames_and_1188_patches():
    assert features.num_frames(torch.tensor([160_000])).item() == 998
    frames = torch.tensor([998])
    assert features.num_patches(frames, 16, 10).item() * 12 == 1188


@pytest.mark.parametrize(
    ("size", "stride"), [((16, 16), (10, 10)), ((128, 16), (128, 16)), ((16, 16), (16, 16))]
)
def test_patches_equal_unfold(size, stride):
    mels = torch.randn(2, 100, 128)
    columns, real = features.columns(mels, torch.tensor([100, 57]), size, stride)
    values = columns.unfold(2, size[0] * size[1], stride[0] * size[1])  # as the audio encoder does
    # torch's unfold works on (mel, frame) pictures and lists positions frequency by frequency
    picture = mels.transpose(1, 2)[:, None]
    expected = nn.functional.unfold(picture, size, stride=stride)  # (B, P, frequency * time)
    rows = (128 - size[0]) // stride[0] + 1
    expected = expected.unflatten(2, (rows, -1)).permute(0, 3, 2, 1)  # (B, time, frequency, P)
    torch.testing.assert_close(values, expected, rtol=0, atol=0)
    whole = (57 - size[1]) // stride[1] + 1
    assert real.sum(dim=1).tolist() == [values.shape[1], whole]


def test_louder_is_higher_by_the_logarithm():
    wave = 0.01 * torch.from_numpy(np.random.default_rng(0).standard_normal(8000)).float()
    log_mel = front_end(mean=0.0, std=0.5)
    quiet, _ = log_mel(wave[None], torch.tensor([8000]))
    loud, _ = log_mel(10 * wave[None], torch.tensor([8000]))
    # a few of the 128 filters hold no FFT bin and stay at the floor
    heard = quiet > np.log(features.FLOOR) + 0.1
    assert heard.float().mean() > 0.98
    difference = (loud - quiet)[heard]
    torch.testing.assert_close(
        difference, torch.full_like(difference, np.log(100.0)), rtol=0, atol=1e-3
    )
