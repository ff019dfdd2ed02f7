"""A page on which visitors ask finished runs about sounds, and the same for programs."""
