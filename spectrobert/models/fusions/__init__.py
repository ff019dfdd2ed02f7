"""Fusions of a composite model: how frames of speech and word pieces of text become one vector."""
