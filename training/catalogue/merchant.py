"""Google Merchant Center's feeds: RSS 2.0 or Atom with `g:` elements, and tables with the same names."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from training.catalogue.packed import open_plain
from training.catalogue.product_fields import field_name, product_row
from training.errors import UnreadableCatalogue

COLUMNS = {"id", "image_link"}
"""What a table has that is such a feed."""

CHUNK = 65_536
LONGEST_PRODUCT = 1_000_000
"""Characters of a product; what follows is left out."""

_ROOTS = {"rss", "feed", "rdf"}
_PRODUCTS = {"item", "entry"}
_DEEPEST = 16
_EXPORT_AGAIN = "Export the feed again, whole."


class _Feed:
    """What Expat calls: collects the fields of the product under way; `products` are those completed."""

    def __init__(self, path: Path) -> None:
        self.products: list[dict[str, Any]] = []
        self._path = path
        self._rooted = False
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []  # name, children and texts of elements
        self._left = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.EntityDeclHandler = self._entity
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refusal(self, problem: str) -> UnreadableCatalogue:
        return UnreadableCatalogue(f"{self._path} line {self.parser.CurrentLineNumber} {problem}")

    def _entity(self, name: str, *_: Any) -> None:
        raise self._refusal(
            f"declares the entity {name[:60]!r}, which may be a trap and which feeds do not need. Write the "
            "text itself in its place, and leave out the DOCTYPE."
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = field_name(tag.rpartition(":")[2])
        if not self._rooted and name not in _ROOTS:
            raise self._refusal(
                f"begins with <{tag[:60]}>, which is no feed. Accepted: RSS 2.0 or Atom, a product to an "
                "<item> or <entry>."
            )
        self._rooted = True
        if self._open or name in _PRODUCTS:
            if len(self._open) > _DEEPEST:
                raise self._refusal(f"nests elements more than {_DEEPEST} deep. {_EXPORT_AGAIN}")
            self._left = self._left if self._open else LONGEST_PRODUCT
            shown = attributes.get("rel", "alternate") == "alternate"
            self._open.append((name, {}, [attributes["href"]] if shown and "href" in attributes else []))

    def _text(self, text: str) -> None:
        if self._open and self._left:
            kept = text[: self._left]
            self._left -= len(kept)
            self._open[-1][2].append(kept)

    def _end(self, _: str) -> None:
        if not self._open:
            return
        name, children, texts = self._open.pop()
        if not self._open:
            self.products.append(children)
        elif value := "".join(texts).strip() or children:
            fields = self._open[-1][1]
            known = fields.setdefault(name, value)
            if known is not value:
                fields[name] = [*known, value] if isinstance(known, list) else [known, value]


def read_xml(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the products of a feed in XML, one after the other, in constant memory.

    Raises
    ------
    UnreadableCatalogue
        It is not well-formed, declares entities, is of another encoding than it says, or is no feed.
    """
    feed = _Feed(path)
    try:
        with open_plain(path) as file:
            while chunk := file.read(CHUNK):
                feed.parser.Parse(chunk, False)
                yield from map(product_row, feed.products)
                feed.products.clear()
        feed.parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two of an unknown encoding
        line = getattr(error, "lineno", feed.parser.CurrentLineNumber)
        reason = expat.ErrorString(error.code) if isinstance(error, expat.ExpatError) else error
        raise UnreadableCatalogue(
            f"{path} line {line} is not valid XML: {reason}. {_EXPORT_AGAIN}"
        ) from error


def read_rows(rows: Iterable[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """Yield the products of a table's rows, whose columns are named as in the feed."""
    return map(product_row, rows)
