"""Photographs embedded by processes of this machine: each reads, cuts out and encodes."""

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from joblib import cpu_count

from index.embedding.embedder import Photo, Results, embed_photo
from training.photo.encoder import Encoder
from training.photo.parallel import in_order

_encoder: Encoder  # of a worker process, which gets it once, at its start


def _take_up(encoder: Encoder) -> None:
    global _encoder
    _encoder = encoder


def _embed(path: Path) -> Photo:
    return embed_photo(path, _encoder)


class LocalEmbedder:
    """Worker processes, each with an encoder of its own; LiteRT and BLAS keep to one thread in each.

    Parameters
    ----------
    processes : int, optional
        By default one a core. With 1 nothing is started.
    """

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or cpu_count()

    def embed(self, paths: Sequence[Path], encoder: Encoder) -> Results:
        """Yield the outcomes in the order of their paths."""
        processes = min(self._processes, len(paths))
        if processes < 2:
            outcomes = in_order(partial(embed_photo, encoder=encoder), paths, processes=1)
        else:
            outcomes = in_order(_embed, paths, processes=processes, start=partial(_take_up, encoder))
        with closing(outcomes):
            yield from enumerate(outcomes)
