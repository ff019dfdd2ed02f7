"""k-means on frames of a corpus' training rows, as HuBERT fits it.

Shapes: F frames, D values of a frame, K clusters.
"""

import numpy as np
import torch

from ...errors import UserError

# fairseq's learn_kmeans.py
OPTIONS = {"init": "k-means++", "max_iter": 100, "batch_size": 10_000, "tol": 0.0}
MORE = {"max_no_improvement": 100, "n_init": 20, "reassignment_ratio": 0.0}


def fit(frames: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Centres (K, D) of frames (F, D). Raises UserError if they are fewer than the clusters."""
    from sklearn.cluster import MiniBatchKMeans

    distinct = len(np.unique(frames, axis=0))
    if distinct < clusters:
        raise UserError(
            f"--clusters {clusters}: the training rows have {distinct} different frames; as many as"
            " clusters are needed at least"
        )
    means = MiniBatchKMeans(clusters, random_state=seed, **OPTIONS, **MORE)
    return means.fit(frames).cluster_centers_.astype(np.float32)


def nearest(frames: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The cluster of each frame: (F, D), (K, D) -> (F,) uint16."""
    distances = torch.cdist(torch.from_numpy(frames)[None], torch.from_numpy(centres)[None])[0]
    return distances.argmin(dim=1).numpy().astype(np.uint16)
