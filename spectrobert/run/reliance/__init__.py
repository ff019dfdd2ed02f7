"""Reliance: what a trained model needs of the sound, and what of the words."""
