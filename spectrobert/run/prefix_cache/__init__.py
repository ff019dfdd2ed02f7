"""Activations of frozen layers are computed once and cached on disk.

keys.py     the distinct pairs of sound and words of a corpus, and the key of a cache entry
plan.py     depth of the frozen layers, reasons against caching them, their entry
storage.py  an entry on disk: safetensors shards, the index over them, the lock around them
fill.py     one pass over the pairs that an entry lacks
dataset.py  batches from an entry, in place of audio and word pieces
open.py     all of it for a run
"""
