"""A catalogue with the changes by hand applied, as a build takes it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from index.change import DELETE, FORGET, PUT, Change
from index.edits import patched_item
from training.catalogue.reader import Catalogue, Item, stored_items


def _replaced(item: Item, states: Mapping[str, Change]) -> Item | None:
    """Return what has become of an item of the catalogue; None where it was deleted."""
    change = states.get(item.item_id)
    if change is None or change.action == FORGET:
        return item
    return change.item if change.fields is None else patched_item(item, change.fields)


def fold(catalogue: Catalogue, states: Mapping[str, Change]) -> Catalogue:
    """Return a catalogue with the states of items applied, by their ids and in the order of the changes.

    Items of the catalogue keep their order, and those that were added follow. What was put or deleted is no
    bad item any more.
    """
    if not states:
        return catalogue

    def folded() -> Iterator[Item]:
        known = set()
        for item in catalogue.items:
            if item.item_id in states:
                known.add(item.item_id)
            if kept := _replaced(item, states):
                yield kept
        for item_id, change in states.items():
            if item_id not in known and change.item is not None:
                yield change.item

    decided = {item_id for item_id, change in states.items() if change.action in (PUT, DELETE)}
    return replace(
        catalogue,
        items=stored_items(folded(), catalogue.scratch),
        bad=tuple(bad for bad in catalogue.bad if bad.item_id not in decided),
        outdated=tuple(item for item in catalogue.outdated if item.item_id not in decided),
    )
