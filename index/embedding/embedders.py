"""The embedders by name, and the one for this machine; Ray is imported only where it is asked for."""

from collections.abc import Sequence
from contextlib import closing
from functools import partial

from index.embedding.embedder import Embedder, ItemPhoto, Photo, Results, embed_photo
from index.errors import EmbedderUnavailable
from training.parallel import cpu_count, in_order, in_threads
from training.photo.encoder import Encoder

FEW = 250
"""Photographs that threads have embedded before other processes would have started, and done their part."""

_encoder: Encoder  # of a worker process, which gets it once, at its start


def _take_up(encoder: Encoder) -> None:
    global _encoder
    _encoder = encoder


def _embed(photo: ItemPhoto) -> Photo:
    return embed_photo(photo, _encoder)


class LocalEmbedder:
    """Worker processes, each with an encoder of its own; LiteRT and BLAS keep to one thread in each.

    A few photographs are embedded by as many threads of this process, unless others have been started.

    Parameters
    ----------
    processes : int, optional
        By default one a core. With 1 nothing is started.
    """

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes
        self._starts: dict[str, partial[None]] = {}

    @property
    def processes(self) -> int:
        """How many processes there are at most."""
        return self._processes or cpu_count()

    def expect_more(self, encoder: Encoder) -> None:
        """Have processes started also for a few photographs, because many are still to come."""
        self._starts.setdefault(encoder.fingerprint, partial(_take_up, encoder))

    def embed(self, photos: Sequence[ItemPhoto], encoder: Encoder) -> Results:
        """Yield the outcomes in the order of the photographs."""
        processes = min(self.processes, len(photos))
        here = partial(embed_photo, encoder=encoder)
        if processes < 2:
            outcomes = in_order(here, photos, processes=1)
        elif len(photos) <= FEW and encoder.fingerprint not in self._starts:
            outcomes = in_threads(here, photos, threads=processes)
        else:  # with the same `start`, joblib takes the processes that it has
            self.expect_more(encoder)
            start = self._starts[encoder.fingerprint]
            outcomes = in_order(_embed, photos, processes=processes, start=start)
        with closing(outcomes):
            yield from enumerate(outcomes)


LOCAL, RAY = "local", "ray"
EMBEDDERS = (LOCAL, RAY)


def embedder_named(name: str, *, processes: int | None = None, address: str | None = None) -> Embedder:
    """Return the embedder with that name.

    Parameters
    ----------
    name : str
        One of `EMBEDDERS`.
    processes : int, optional
        How many work at a time; by default one a core, of all machines.
    address : str, optional
        Where the Ray cluster is, "auto" or HOST:PORT; without it Ray is started here, and ended.

    Raises
    ------
    EmbedderUnavailable
        Ray is not installed, or the address is not one that can be used.
    """
    if name == LOCAL:
        if address is not None:
            raise EmbedderUnavailable(
                f"The address {address!r} is for Ray; the embedder {LOCAL!r} does not use it. "
                f"Add --embedder {RAY}, or leave --address out."
            )
        return LocalEmbedder(processes)
    try:
        from index.embedding.ray_embedder import RayEmbedder
    except ImportError as error:
        raise EmbedderUnavailable(
            f"The embedder {RAY!r} needs the package ray ({error}). Install it with `make scale`, which is "
            f"pip install -r requirements-scale.txt, or use --embedder {LOCAL}."
        ) from error
    return RayEmbedder(processes=processes, address=address)
