"""Scores of a finished run by sex, speaker, length and the like: for whom does it fail?"""
