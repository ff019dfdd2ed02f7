"""Comet: its logger, and the scores of a finished run."""
