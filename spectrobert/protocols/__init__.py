"""Public protocols, and anybody's predictions scored by them: no torch, no audio."""
