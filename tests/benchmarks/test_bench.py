"""`bench`, its arithmetic, the rival and gpu.py; nothing here judges a time."""

import json
import os
import re
import subprocess
import sys

import pytest
import torch
from transformers import ASTFeatureExtractor

from benchmarks import bench, builds, frozen, machine, memory, reading, rival, table
from benchmarks.builds import Sizes
from benchmarks.script import run
from benchmarks.timing import Bench, Row, compare, in_turn, seconds
from spectrobert.errors import UserError
from spectrobert.models.spectrobert import SpectroBert

from ..helpers.world import ROOT

TOY = Sizes(16, 1, 2, 32, 8)
TOY_BENCH = Bench(TOY, threads=1, repeats=2, is_quick=True)
ABSENT = [
    "hydra",
    "omegaconf",
    "datasets",
    "soundfile",
    "soxr",
    "torchaudio",
    "torchmetrics",
    "numba",
]


def test_both_sides_are_called_in_turn_and_compared_pair_by_pair():
    called = []
    pairs = in_turn(lambda: called.append("ours"), lambda: called.append("rival"), 3)
    assert called == ["ours", "rival"] * 3
    assert len(pairs) == 3
    in_turn(lambda: called.append("ours"), lambda: called.append("rival"), 1, (2, 1))
    assert called[6:] == ["ours", "ours", "rival"]
    ticks = iter((1.0, 7.0))
    assert seconds(lambda: None, 3, clock=lambda: next(ticks)) == 2.0  # per call
    row = compare("x", 8, "clips/s", 3.0, [(1.0, 2.0), (2.0, 12.0), (4.0, 16.0)])
    assert row.ratios == (2.0, 6.0, 4.0)
    assert (row.ours, row.rival) == (8 / 2.0, 8 / 12.0)  # medians
    assert row.is_met  # 4 is the median
    assert not compare("x", 8, "clips/s", 4.5, [(1.0, 4.0)]).is_met


def test_cells_of_the_table():
    pairs = [(1.0, 2.0), (1.0, 4.0), (1.0, 3.0)]
    row = compare("x", 6, "clips/s", 2.0, pairs, tokens_per_second=70.0, flops_per_second=4e8)
    assert [str(cell) for cell in table.cells(row, 1e9)] == [
        "x",
        "6 clips/s",
        "2 clips/s",
        "3.00x (2.00-4.00)",
        ">= 2x met",
        "70",
        "40%",
    ]
    # without a ratio the bar is a largest value
    assert Row("start", "s", 1.4, 1.5).is_met
    assert str(table.cells(Row("start", "s", 1.6, 1.5), 1e9)[4]) == "<= 1.5 s missed"


def test_operations_are_counted_product_by_product():
    weight, x = torch.randn(1024, 512), torch.randn(128, 512)
    assert machine.flops(lambda: machine.product(x, weight)) == 2 * 128 * 512 * 1024
    assert machine.flops(lambda: x @ weight.T) == 2 * 128 * 512 * 1024


def test_the_rival_is_the_obvious_model():
    model = builds.rival_model(TOY)
    batch = builds.batch(2, seconds=1.0)
    clips = [clip.numpy() for clip in batch["waveform"]]
    values = rival.features(ASTFeatureExtractor(), clips)
    assert values.shape == (2, 1024, 128)
    with torch.no_grad():
        hidden = model.encode(values, batch["input_ids"], batch["text_mask"])
    assert hidden.shape == (2, builds.WORD_PIECES + 1212, 16)
    assert model(values, batch["input_ids"], batch["text_mask"]).shape == (2, 8)
    assert model.bert.config._attn_implementation == "sdpa"
    layers = model.conv.conv_layers
    assert [layer.conv.kernel_size[0] for layer in layers] == [10, 3, 3, 3, 3, 2]


def test_padded_words_of_the_rival_are_not_heard():
    torch.manual_seed(0)
    model = builds.rival_model(TOY).eval()
    values, ids = torch.randn(1, 1024, 128), torch.tensor([[7, 8, 9]])
    mask = torch.tensor([[True, True, False]])
    with torch.no_grad():
        one = model(values, ids, mask)
        other = model(values, torch.tensor([[7, 8, 11]]), mask)
    torch.testing.assert_close(one, other)


def test_the_pretraining_rival_adds_up_both_losses():
    torch.manual_seed(0)
    model = builds.rival_model(TOY, "pretraining").eval()
    values, ids = torch.zeros(2, 1024, 128), torch.tensor([[5, 6], [7, 8]])
    batch = {
        "input_values": values,
        "input_ids": ids,
        "text_mask": torch.ones_like(ids, dtype=torch.bool),
        "mlm_labels": torch.tensor([[-100, 6], [-100, -100]]),
        "matched": torch.tensor([1, 0]),
    }
    with torch.no_grad():
        hidden = model.encode(values, ids, batch["text_mask"])
        word = torch.log_softmax(model.words(hidden[0, 1]), dim=-1)[6]
        match = torch.sigmoid(model.head(hidden[:, 0]).squeeze(-1))
        expected = -0.5 * word - 0.25 * (match[0].log() + (1 - match[1]).log())
        found = builds.rival_loss(model, batch)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("side", ["ours", "rival"])
def test_a_step_of_either_side_trains(side):
    torch.manual_seed(0)
    step = builds.step(side, TOY, 2)
    losses = [step().item() for _ in range(3)]
    assert losses[0] == pytest.approx(2.08, abs=0.7)  # log 8
    assert losses[2] != losses[0]


def test_memory_is_measured_in_a_process_of_its_own():
    found = memory.of_step("ours", vars(TOY), threads=1, batch_size=1, steps=1)
    assert 0.1 < found < 3.0  # the libraries
    with pytest.raises(UserError, match="memory of theirs failed: KeyError: 'theirs'"):
        memory.of_step("theirs", vars(TOY), threads=1, batch_size=1, steps=1)


@pytest.mark.parametrize(
    ("measure", "fills"), [(frozen.first_epoch, 1 + 1 + 2), (frozen.last_layer, 1)]
)
def test_only_the_first_epoch_computes_what_is_frozen(measure, fills, monkeypatch):
    compute, calls = SpectroBert.run_frozen, []
    monkeypatch.setattr(
        SpectroBert, "run_frozen", lambda *given: calls.append(1) or compute(*given)
    )
    row = measure(TOY_BENCH)
    assert len(calls) == fills  # once before, then warm-up and two repeats
    assert row.rival is not None
    assert len(row.ratios) == 2


def test_wait_for_data_counts_only_waiting(tmp_path):
    row = reading.wait_share(TOY_BENCH)
    assert 0.0 <= row.ours <= 100.0
    examples = reading.write_clips(tmp_path, 2)
    batch = next(iter(reading.loader(examples, 2, 0)))
    assert batch["waveform"].shape == (2, round(builds.CLIP_SECONDS * 16_000))  # from 48 kHz


def test_bench_prints_json_for_what_is_asked_in_any_folder(tmp_path):
    """The command of a user, with the checkout not on the path."""
    asked = ("--quick", "--only", "log-mel", "--only", "frozen-head", "--repeats", "2", "--json")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "bench.py"), *asked],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment | {"OMP_NUM_THREADS": "1"},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    row, frozen_head = found["rows"]
    assert row["what"].startswith("log-mel")
    assert len(row["ratios"]) == 2
    assert float(row["note"].split()[-1]) < 1e-3  # parity with ASTFeatureExtractor
    assert frozen_head["what"].startswith("bin-frz")
    assert found["peak_flops_per_second"] > 1e8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "lunch"), "error: --only lunch: there are step-memory, log-mel, conv-encoder"),
        (("--repeats", "1"), "error: --repeats 1: at least 2"),
        (("--threads", "-1"), "error: --threads -1: at least 0"),
        (("--threads", "two"), "error: argument --threads: invalid int value: 'two'"),
        (("--quik",), "error: unrecognized arguments: --quik"),
    ],
)
def test_a_wrong_flag_is_one_line(monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["bench.py", *arguments])
    with pytest.raises(SystemExit) as end:
        run(bench.main)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda p: p.stem)
def test_every_script_looks_for_modules_in_the_checkout_alone(path):
    text = path.read_text()
    if 'if __name__ == "__main__":\n    s' in text:
        first = re.search(r"\nfrom (benchmarks|spectrobert)", text).start()
        assert "    sys.path[0] = str(Path(__file__).resolve().parents[1])" in text[:first]


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
