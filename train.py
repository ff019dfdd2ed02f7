#!/usr/bin/env python
"""Train SpectroBERT: python train.py --task ser --dataset ravdess. `--help` lists the flags."""

import sys

from spectrobert.commands.train import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
