"""The last layer of an encoder trained with categories: features float32 (n, m) to embeddings (n, d).

Some linear discriminants separate the categories, the others single garments, whatever the disturbance.
Both are computed in closed form once the network is trained.
"""

import keras
import numpy as np

from training.model.autoencoder import Autoencoder

VIEWS = 4
LIMIT = 8_000
SHRINKAGE = 0.03

_BATCH = 128


def _features(model: Autoencoder, views: np.ndarray) -> np.ndarray:
    """Return the features of all views, disturbed ones where there is one: float64 (k, n, m)."""
    disturbed = VIEWS if views.shape[1] == 1 else 0
    parts = []
    for at in range(0, len(views), _BATCH):
        batch = [keras.ops.convert_to_tensor(view) for view in views[at : at + _BATCH].swapaxes(0, 1)]
        edges = [
            *(model.clean_edges(view) for view in batch),
            *(model.view(batch[0]) for _ in range(disturbed)),
        ]
        parts.append(np.stack([keras.ops.convert_to_numpy(model.features(seen)) for seen in edges]))
    return np.concatenate(parts, axis=1).astype(np.float64)


def _scatter(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean outer product of the rows (k, n, m) or (n, m), each of n weighted: (m, m)."""
    weighted = rows * np.sqrt(weights)[..., None]
    flat = weighted.reshape(-1, rows.shape[-1])
    return flat.T @ flat / len(flat)


def _discriminants(between: np.ndarray, within: np.ndarray, count: int) -> np.ndarray:
    """Return the `count` directions, (m, count), of the largest ratio of scatter between groups to within."""
    floor = SHRINKAGE * np.trace(within) / len(within) + 1e-9  # all views may be equal
    values, vectors = np.linalg.eigh(within + floor * np.eye(len(within)))
    white = vectors / np.sqrt(values)
    return white @ np.linalg.eigh(white.T @ between @ white)[1][:, ::-1][:, :count]


def _mean_norm(rows: np.ndarray, weights: np.ndarray) -> float:
    """Mean norm of the rows (k, n, m), each of n weighted."""
    return float(np.average(np.linalg.norm(rows, axis=-1).mean(axis=0), weights=weights))


def directions(
    features: np.ndarray,
    categories: np.ndarray,
    *,
    dimension: int,
    garment_norm: float,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the linear map whose components separate categories and garments.

    Parameters
    ----------
    features : float64 (v, n, m)
        Of v views of each garment, at least 2.
    categories : int (n,)
        At least two different ones, which all weigh the same.
    dimension : int
        Components of the embedding, at most m. One fewer than the number of categories separate these, the
        others separate garments.
    garment_norm : float
        Mean norm of the latter as a share of the former's.
    weights : float (n,), optional
        How much each garment counts; by default all count the same.

    Returns
    -------
    kernel : float32 (m, dimension)
    bias : float32 (dimension,)

    References
    ----------
    C. R. Rao, "The utilization of multiple measurements in problems of biological classification", 1948;
    scatter within groups shrunk towards a multiple of the identity as by J. Friedman, "Regularized
    discriminant analysis", 1989.
    """
    names, numbers = np.unique(categories, return_inverse=True)
    each = np.ones(len(categories)) if weights is None else weights / weights.mean()
    alike = len(each) / len(names) * each / np.bincount(numbers, each)[numbers]  # also of a rare category
    clean = features.mean(axis=0)
    mean = np.average(clean, axis=0, weights=alike)
    centred, garments = features - mean, clean - mean
    of = [numbers == number for number in range(len(names))]
    means = np.stack([np.average(garments[rows], axis=0, weights=each[rows]) for rows in of])
    separating = _discriminants(
        _scatter(means[numbers], alike),
        _scatter(centred - means[numbers], alike),
        min(len(names) - 1, dimension),
    )
    rest = _discriminants(
        _scatter(garments, each), _scatter(centred - garments, each), dimension - separating.shape[1]
    )
    if rest.size:
        rest *= garment_norm * _mean_norm(centred @ separating, each) / _mean_norm(centred @ rest, each)
    kernel = np.hstack([separating, rest])
    return kernel.astype(np.float32), (-mean @ kernel).astype(np.float32)


def learn_head(
    model: Autoencoder, views: np.ndarray, categories: np.ndarray, weights: np.ndarray | None = None
) -> None:
    """Set the last layer of a trained model, which separates the categories of its garments.

    Parameters
    ----------
    model : Autoencoder
        Keeps its bottleneck, which the decoder needs. With fewer than two categories nothing changes.
    views : uint8 (n, 1 + v, 128, 128, 4)
        Each garment as it is and in other views; where there are none, it is disturbed. A random sample of
        `LIMIT` garments is used where there are more.
    categories : int (n,)
        Negative where a garment has none; such garments are ignored.
    weights : float (n,), optional
        How much each garment counts; by default all count the same.
    """
    known = np.flatnonzero(categories >= 0)
    if len(np.unique(categories[known])) < 2:
        return
    if len(known) > LIMIT:
        known = np.sort(np.random.default_rng(model.config.seed).choice(known, LIMIT, replace=False))
    features = _features(model, views[known])
    config = model.config
    model.head = directions(
        features,
        categories[known],
        dimension=config.dimension,
        garment_norm=config.garment_norm,
        weights=None if weights is None else weights[known],
    )
