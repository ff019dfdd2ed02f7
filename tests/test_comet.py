"""Comet offline: the archive holds what was logged; Lightning's own offline logger writes none."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from rich.console import Console

from spectrobert import runs
from spectrobert.comet import KEY
from spectrobert.errors import UserError
from spectrobert.training import fit

from .world import configure


def test_the_offline_archive_holds_curves_and_parameters(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    config = configure(tmp_path, "ser", "logger=comet", "trainer.epochs=1")
    fit(config, Console(file=io.StringIO()))
    (archive,) = (runs.run_folder(config) / "comet").glob("*.zip")
    with zipfile.ZipFile(archive) as opened:
        lines = opened.read("messages.json").decode().splitlines()
    messages = [json.loads(line) for line in lines]
    metrics = {m["payload"]["metric"]["metricName"] for m in messages if m["type"] == "metric_msg"}
    assert {"train/loss", "val/unweighted_accuracy"} <= metrics
    payloads = [m["payload"] for m in messages if m["type"] == "parameter_msg"]
    parameters = [payload["param"] for payload in payloads if "param" in payload]
    assert {
        p["paramName"]: float(p["paramValue"]) for p in parameters if p["paramName"] == "optim|lr"
    } == {"optim|lr": 0.001}


def test_online_without_a_key_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    config = configure(tmp_path, "ser", "logger=comet", "logger.mode=online", "trainer.epochs=1")
    with pytest.raises(UserError, match="COMET_API_KEY is not set"):
        fit(config, Console(file=io.StringIO()))
    assert not (tmp_path / "runs").exists()
