"""Answers of a run along a long recording: windows, segments, and the files that show them."""
