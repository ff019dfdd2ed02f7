#!/usr/bin/env python
"""Train SpectroBERT: python train.py --task ser --dataset ravdess. `--help` lists the flags."""

import sys

from spectrobert import cli


def run(config):
    """One run. Heavy libraries load after the checks that need none of them."""
    from spectrobert import admission

    with admission.admitted(config):
        from spectrobert.terminal import console
        from spectrobert.training import fit

        return fit(config, console())


if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:], run))
