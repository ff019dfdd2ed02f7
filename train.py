#!/usr/bin/env python
"""Train SpectroBERT: python train.py --task ser --dataset ravdess. `--help` lists the flags."""

import sys

from spectrobert import cli


def run(config):
    """One run; imported late, so that --help and a wrong flag answer at once."""
    from spectrobert.terminal import console
    from spectrobert.training import fit

    return fit(config, console())


if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:], run))
