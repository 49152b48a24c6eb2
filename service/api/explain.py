"""Explanations of results: the URL of a drawing of both outlines."""

from dataclasses import dataclass
from typing import Any

from flask import url_for

from service.requests.parameters import Look


@dataclass(frozen=True)
class Explained:
    """The query of an explanation: which picture, read in which way.

    Parameters
    ----------
    query_id, query_item : str or None
        The picture that was sent, or the item that was searched with.
    """

    look: Look
    query_id: str | None = None
    query_item: str | None = None

    def address(self, item_id: str) -> str | None:
        """Return where the explanation of a result is; None where the query's picture was not kept."""
        if self.query_id is None and self.query_item is None:
            return None
        box = None if self.look.box is None else ",".join(f"{corner:.6g}" for corner in self.look.box)
        kind = None if self.look.kind == "photo" else self.look.kind
        query = {"query_id": self.query_id, "query_item": self.query_item, "box": box, "kind": kind}
        given: dict[str, Any] = {name: text for name, text in query.items() if text}
        return url_for("search.explain", item_id=item_id, **given)
