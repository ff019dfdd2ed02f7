"""Units of a corpus, as targets of pre-training.

features.py  frames of a recording: MFCC, or a layer of an encoder
clusters.py  k-means on frames of training rows
make.py      all of it, resumable
"""
