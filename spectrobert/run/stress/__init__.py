"""Stress: the score of a trained model under noise, rooms, codecs and other distortions."""
