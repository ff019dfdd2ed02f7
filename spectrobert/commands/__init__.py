"""The verbs of `python -m spectrobert`, one file each; heavy libraries wait until a verb runs."""
