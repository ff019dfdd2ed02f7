"""The precision of a run, from the GPU that it is on."""

import pytest
import torch

from spectrobert.config import TrainerConfig
from spectrobert.errors import UserError
from spectrobert.run import build


@pytest.fixture
def gpu(monkeypatch):
    """A function that pretends a GPU of some compute capability."""

    def pretend(capability: tuple[int, int], count: int = 1) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Tesla V100-SXM2-32GB")
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return pretend


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((7, 0), "16-mixed"),
        ((7, 5), "16-mixed"),
        ((8, 0), "bf16-mixed"),
        ((9, 0), "bf16-mixed"),
        ((12, 0), "bf16-mixed"),
    ],
)
def test_precision_follows_the_compute_capability(gpu, capability, expected):
    gpu(capability)
    assert build.precision(TrainerConfig(accelerator="cuda")) == expected


@pytest.mark.parametrize("named", ["32-true", "16-mixed", "bf16-mixed"])
def test_a_named_precision_is_kept(gpu, named):
    gpu((8, 0))
    assert build.precision(TrainerConfig(accelerator="cuda", precision=named)) == named


def test_bf16_is_refused_on_a_v100(gpu):
    gpu((7, 0))
    with pytest.raises(UserError) as refusal:
        build.precision(TrainerConfig(accelerator="cuda", precision="bf16-mixed"))
    line = str(refusal.value)
    assert "\n" not in line
    for word in ("bf16-mixed", "V100", "7.0", "8.0", "16-mixed"):
        assert word in line


def test_more_devices_than_there_are_are_refused(gpu):
    gpu((8, 0), count=1)
    with pytest.raises(UserError, match=r"trainer\.devices=2: this machine has 1 usable GPU"):
        build.precision(TrainerConfig(accelerator="cuda", devices=2))


def test_without_a_gpu_cuda_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"--cuda: no usable GPU .*leave out --cuda") as refusal:
        build.precision(TrainerConfig(accelerator="cuda"))
    assert "\n" not in str(refusal.value)


def test_precision_on_a_cpu():
    assert build.precision(TrainerConfig()) == "32-true"
    assert build.precision(TrainerConfig(precision="bf16-mixed")) == "bf16-mixed"
    with pytest.raises(UserError, match="16-mixed needs --cuda"):
        build.precision(TrainerConfig(precision="16-mixed"))
