"""The embedders by name. Ray is imported only where it is asked for."""

from index.embedding.embedder import Embedder
from index.embedding.local import LocalEmbedder
from index.errors import EmbedderUnavailable

LOCAL, RAY = "local", "ray"
EMBEDDERS = (LOCAL, RAY)


def embedder_named(name: str, *, processes: int | None = None, address: str | None = None) -> Embedder:
    """Return the embedder of a name.

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
