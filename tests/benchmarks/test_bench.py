"""`bench`, its arithmetic, the rival and gpu.py; nothing here judges a time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from benchmarks.measure import Row, compare, in_turn
from transformers import ASTFeatureExtractor, BertConfig

from benchmarks import builds, comparison, compute, data_path, frozen, machine, memory
from benchmarks.builds import Sizes
from spectrobert.errors import UserError

from ..helpers.world import ROOT, verb

TOY = Sizes(16, 1, 2, 32, 8)
TOY_BENCH = compute.Bench(TOY, threads=1, repeats=2, is_quick=True)
ABSENT = (
    "hydra",
    "omegaconf",
    "datasets",
    "soundfile",
    "soxr",
    "torchaudio",
    "torchmetrics",
    "numba",
)


def test_both_sides_are_called_in_turn_and_compared_pair_by_pair():
    called = []
    pairs = in_turn(lambda: called.append("ours"), lambda: called.append("rival"), 3)
    assert called == ["ours", "rival"] * 3
    assert len(pairs) == 3
    row = compare("x", 8, "clips/s", 3.0, [(1.0, 2.0), (2.0, 12.0), (4.0, 16.0)])
    assert row.ratios == (2.0, 6.0, 4.0)
    assert (row.ours, row.rival) == (8 / 2.0, 8 / 12.0)  # medians
    assert row.is_met  # 4 is the median
    assert not compare("x", 8, "clips/s", 4.5, [(1.0, 4.0)]).is_met


def test_a_bar_without_a_ratio_is_a_largest_value():
    assert Row("start", "s", 1.4, 1.5).is_met
    assert not Row("start", "s", 1.6, 1.5).is_met
    assert str(comparison.cells(Row("start", "s", 1.6, 1.5), 1e9)[4]) == "<= 1.5 s missed"


def test_cells_of_a_comparison():
    pairs = [(1.0, 2.0), (1.0, 4.0), (1.0, 3.0)]
    row = compare("x", 6, "clips/s", 2.0, pairs, tokens_per_second=70.0, flops_per_second=4e8)
    assert [str(cell) for cell in comparison.cells(row, 1e9)] == [
        "x",
        "6 clips/s",
        "2 clips/s",
        "3.00x (2.00-4.00)",
        ">= 2x met",
        "70",
        "40%",
    ]


def test_operations_are_counted_product_by_product():
    weight, x = torch.randn(1024, 512), torch.randn(128, 512)
    assert machine.flops(lambda: machine.product(x, weight)) == 2 * 128 * 512 * 1024
    assert machine.flops(lambda: x @ weight.T) == 2 * 128 * 512 * 1024


def test_the_rival_is_the_model_of_the_issue():
    rival = builds.rival_model(TOY)
    given = builds.batch(2, seconds=1.0)
    clips = [clip.numpy() for clip in given["waveform"]]
    values = builds.rival().features(ASTFeatureExtractor(), clips)
    assert values.shape == (2, 1024, 128)
    with torch.no_grad():
        hidden = rival.encode(values, given["input_ids"], given["text_mask"])
    assert hidden.shape == (2, builds.WORD_PIECES + 1212, 16)
    assert rival(values, given["input_ids"], given["text_mask"]).shape == (2, 8)
    assert rival.bert.config._attn_implementation == "sdpa"
    layers = rival.conv.conv_layers
    assert [layer.conv.kernel_size[0] for layer in layers] == [10, 3, 3, 3, 3, 2]


def test_padded_words_of_the_rival_are_not_heard():
    torch.manual_seed(0)
    rival = builds.rival_model(TOY).eval()
    values, ids = torch.randn(1, 1024, 128), torch.tensor([[7, 8, 9]])
    mask = torch.tensor([[True, True, False]])
    with torch.no_grad():
        one = rival(values, ids, mask)
        other = rival(values, torch.tensor([[7, 8, 11]]), mask)
    torch.testing.assert_close(one, other)


def test_the_pretraining_rival_adds_up_both_losses():
    torch.manual_seed(0)
    bert = BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    rival = builds.rival().PretrainingRival(bert, channels=8).eval()
    values, ids = torch.zeros(2, 1024, 128), torch.tensor([[5, 6], [7, 8]])
    labels, matched = torch.tensor([[-100, 6], [-100, -100]]), torch.tensor([1, 0])
    with torch.no_grad():
        hidden = rival.encode(values, ids, torch.ones_like(ids, dtype=torch.bool))
        word = torch.log_softmax(rival.words(hidden[0, 1]), dim=-1)[6]
        match = torch.sigmoid(rival.head(hidden[:, 0]).squeeze(-1))
        expected = -0.5 * word - 0.25 * (match[0].log() + (1 - match[1]).log())
        found = rival.loss(values, ids, torch.ones_like(ids, dtype=torch.bool), labels, matched)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("side", ["ours", "rival"])
def test_a_step_of_either_side_trains(side):
    torch.manual_seed(0)
    step = builds.step(side, TOY, 2)
    first = step()
    for _ in range(2):
        last = step()
    assert first == pytest.approx(2.08, abs=0.7)  # log 8
    assert last != first


def test_memory_is_measured_in_a_process_of_its_own():
    found = memory.of_step("ours", vars(TOY), threads=1, batch_size=1, steps=1)
    assert 0.1 < found < 3.0  # the libraries
    with pytest.raises(UserError, match="memory of theirs failed: KeyError: 'theirs'"):
        memory.of_step("theirs", vars(TOY), threads=1, batch_size=1, steps=1)


@pytest.mark.parametrize(
    ("measure", "fills"), [(frozen.first_epoch, 1 + 1 + 2), (frozen.last_layer, 1)]
)
def test_only_the_first_epoch_computes_what_is_frozen(measure, fills, monkeypatch):
    compute_prefix, calls = frozen.depth.compute, []
    monkeypatch.setattr(
        frozen.depth, "compute", lambda *given: calls.append(1) or compute_prefix(*given)
    )
    row = measure(TOY_BENCH)
    assert len(calls) == fills  # once before, then warm-up and two repeats
    assert row.rival is not None
    assert len(row.ratios) == 2


def test_wait_for_data_counts_only_waiting(tmp_path):
    row = data_path.wait_share(TOY_BENCH)
    assert 0.0 <= row.ours <= 100.0
    examples = data_path.write_clips(tmp_path, 2)
    batch = next(iter(data_path.loader(examples, 2, 0)))
    assert batch["waveform"].shape == (2, round(builds.CLIP_SECONDS * 16_000))  # from 48 kHz


def test_bench_prints_json_for_what_is_asked():
    done = verb("bench", "--quick", "--only", "log-mel", "--repeats", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (row,) = found["rows"]
    assert row["what"].startswith("log-mel")
    assert len(row["ratios"]) == 2
    assert float(row["note"].split()[-1]) < 1e-3  # parity with ASTFeatureExtractor
    assert found["peak_flops_per_second"] > 1e8


def test_an_unknown_measurement_is_one_line():
    done = verb("bench", "--only", "lunch")
    assert done.returncode == 2
    assert done.stderr.strip().startswith(
        "error: --only lunch: there are step-memory, log-mel, conv-encoder"
    )
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_a_checkout_the_missing_rival_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(builds, "RIVAL", tmp_path / "benchmarks" / "rival.py")
    with pytest.raises(UserError, match=r"rival is missing \(.*rival.py\); run it in a checkout"):
        comparison.plan((), quick=True, threads=0, repeats=2)


def test_gpu_script_runs_where_only_torch_and_transformers_are():
    code = (
        f"import runpy, sys\nsys.modules.update(dict.fromkeys({ABSENT!r}))\n"  # None: not there
        "sys.argv = ['gpu.py', '--dry']\n"
        "runpy.run_path('benchmarks/gpu.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=600
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    compared, stable = found["rows"][:-1], found["rows"][-1]
    assert [(row["task"], row["precision"]) for row in compared] == [
        ("pre-training", "16-mixed"),
        ("fine-tuning", "16-mixed"),
        ("pre-training", "bf16-mixed"),
        ("fine-tuning", "bf16-mixed"),
    ]
    assert all(row["ratio"] > 0 for row in compared)
    assert stable["all_finite"]
