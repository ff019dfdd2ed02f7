#!/usr/bin/env python
"""Train SpectroBERT: python train.py --task ser --dataset ravdess. `--help` lists the flags."""

import sys

from spectrobert.settings import composition


def run(config):
    """One run. Heavy libraries load after the checks that need none of them."""
    from spectrobert.run import admission

    with admission.admitted(config):
        from spectrobert.run.fit import fit
        from spectrobert.terminal import console

        return fit(config, console())


if __name__ == "__main__":
    sys.exit(composition.main(sys.argv[1:], run))
