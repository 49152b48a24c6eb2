"""The folders whose pictures may be served: the catalogue's own, and those that were allowed on purpose."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from training.catalogue.reader import BadItem, Catalogue, Item, stored_items

_FOLDERS = 4096  # whose real places are remembered


def _is_below(real: str, roots: Iterable[str]) -> bool:
    return any(real == root or real.startswith(os.path.join(root, "")) for root in roots)


def served_file(path: Path, roots: Iterable[str | Path]) -> Path | None:
    """Return where a file really lies, all links followed; None where that is in none of the folders.

    The folders' own links are followed, too, at each call: a catalogue may be a link that is switched.
    """
    real = os.path.realpath(path)
    return Path(real) if _is_below(real, map(os.path.realpath, roots)) else None


def within(catalogue: Catalogue, allowed: Iterable[Path]) -> Catalogue:
    """Return a catalogue whose photographs outside of its folder and of those allowed are among the bad.

    What was fetched from an address lies in the cache, and is public or allowed already.
    """
    if catalogue.root is None:
        return catalogue
    fetched = () if catalogue.fetched is None else (catalogue.fetched,)
    roots = {os.path.realpath(root) for root in (catalogue.root, *fetched, *allowed)}
    folder_of = lru_cache(_FOLDERS)(os.path.realpath)

    def real_of(path: str) -> str:
        folder, name = os.path.split(path)
        return os.path.realpath(path) if os.path.islink(path) else os.path.join(folder_of(folder), name)

    def outside(path: str) -> str | None:
        real = real_of(path)
        if _is_below(real, roots):
            return None
        return (
            f"it lies at {real}, outside of the catalogue's folder {catalogue.root}; to serve pictures from "
            f"there, build with --allow-root {os.path.dirname(real)}"
        )

    bad = [
        BadItem(item.item_id, path, reason)
        for item in catalogue.items
        for path in item.file_names
        if (reason := outside(path))
    ]
    if not bad:
        return catalogue
    refused = {path.path for path in bad}

    def inside() -> Iterator[Item]:
        for item in catalogue.items:
            shown = [path for path in item.photographs if str(path) not in refused]
            if shown:
                yield item.showing(shown) if len(shown) < len(item.photographs) else item

    items = stored_items(inside(), catalogue.scratch)
    return replace(catalogue, items=items, bad=(*catalogue.bad, *bad))
