"""The frozen prefix: kept where it changes nothing, the same numbers with it and without."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from spectrobert import build, curves, freezing, runs, training
from spectrobert.config import Config
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.prefix_cache import entry, opening, pairs
from spectrobert.prefix_cache.depth import compute, frozen_depth
from spectrobert.prefix_cache.reading import padded

from .models.test_parity import TOY, padded_batch
from .world import configure, data_dir, train_py
