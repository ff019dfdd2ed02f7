"""What training costs, beside the obvious build from Hugging Face parts (benchmarks/rival.py)."""
