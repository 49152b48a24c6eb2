"""The engines by name. Ray is loaded where it is asked for, and needed by nobody else."""

from index.embedding.embedder import Engine
from index.embedding.local import LocalEngine
from index.errors import EngineUnavailable

LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)


def engine_named(name: str, *, processes: int | None = None, address: str | None = None) -> Engine:
    """Return the engine of a name.

    Parameters
    ----------
    name : str
        One of `ENGINES`.
    processes : int, optional
        How many work at a time; by default one a core, of all machines.
    address : str, optional
        Where the Ray cluster is, "auto" or HOST:PORT; without it Ray is started here, and ended.

    Raises
    ------
    EngineUnavailable
        Ray is not installed, or the address is not one that can be used.
    """
    if name == LOCAL:
        if address is not None:
            raise EngineUnavailable(
                f"The address {address!r} is for Ray, and the engine {LOCAL!r} has no use for it. "
                f"Add --engine {RAY}, or leave --address out."
            )
        return LocalEngine(processes)
    try:
        from index.embedding.ray_embedder import RayEngine
    except ImportError as error:
        raise EngineUnavailable(
            f"The engine {RAY!r} needs the package ray ({error}). Install it with `make scale`, which is "
            f"pip install -r requirements-scale.txt, or use --engine {LOCAL}."
        ) from error
    return RayEngine(processes=processes, address=address)
