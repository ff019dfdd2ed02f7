"""Embeddings of clips, for users who only want features.

encoder.py  a model by the name of a file of conf/model, or a finished run
states.py   vectors of a batch: layers, pooled
clips.py    rows of a corpus, or sound files
parquet.py  the file of vectors
embed.py    all of it
"""
