"""SpectroBERT: one BERT stack over spectrogram patches and word pieces."""

__version__ = "0.1.0"
