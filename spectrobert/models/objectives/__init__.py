"""Objectives of pre-training, one per file; config/objectives.py lists them."""
