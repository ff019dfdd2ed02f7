"""The networks. They know neither data, Lightning nor Hydra."""
