"""Comet: its logger, the scores of a finished run, and what is found later."""
