"""What lies below the first trainable part, computed once and kept on disk.

depth.py    how far up the model is frozen, and when keeping it would change results
pairs.py    the distinct pairs of sound and words of a corpus, and the name an entry goes by
entry.py    an entry on disk: its files, its checks, the lock around it
filling.py  one pass over the pairs
reading.py  batches from an entry, in place of audio and word pieces
opening.py  all of it for a run
"""
