"""A synthetic voice without emotion says positive, neutral and negative words."""
