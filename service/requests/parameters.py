"""The fields of requests: typed models that check them; a refusal names the field and what is accepted.

The contract at /openapi.json is generated from the same models. Each description ends with what is accepted,
and that is what a refusal says, too.
"""

import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SkipValidation,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from index.arrangement import LENGTH, Arrangement, Boost, Sort
from index.errors import InvalidFilter
from index.filters.parse import parse_filter
from index.filters.predicates import Filter
from index.pages import SearchOptions
from index.thumbnails import WIDTHS, Width
from service.config import Config
from service.errors import RefusedRequest
from training.catalogue.item_rules import ACCEPTED_METADATA, MOST_PHOTOGRAPHS, checked_metadata, is_unicode
from training.catalogue.json_text import RepeatedKey, parse_json
from training.errors import InvalidItem
from training.parts.part_matching import ALIKE, WEIGHT
from training.photo.boxes import Box

SMALLEST_BOX = 0.02
MOST_BOOSTS, MOST_FACETS, MOST_NAMED = 16, 16, 100

_ACCEPTED = "Accepted: "
_TEXTS = frozenset(
    {
        "after",
        "build",
        "image_base64",
        "image_url",
        "item_id",
        "kind",
        "query_id",
        "query_item",
        "v",
        "version",
    }
)
_FILTER = {
    "anyOf": [{"type": "object"}, {"type": "null"}],
    "examples": [{"category": ["dress", "skirt"], "price": {"gte": 10, "lte": 90}}],
}


def _whole(value: Any) -> Any:
    """Accept 5.0 for 5, as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _spread(box: Box) -> Box:
    left, top, right, bottom = box
    if min(right - left, bottom - top) < SMALLEST_BOX:
        raise ValueError("too small")
    return box


def _where(fields: Any) -> Filter | None:
    return None if fields is None else parse_filter(fields)


def _boosted(fields: Any) -> Filter:
    try:
        return parse_filter(fields)
    except InvalidFilter as error:
        raise RefusedRequest("invalid_filter", str(error), param="boost") from error


def _field_name(name: str) -> str:
    if not name or not is_unicode(name):
        raise ValueError("not the name of a field")
    return name


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a name is given twice")
    return names


def _stored_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        return checked_metadata(metadata)
    except InvalidItem as error:
        raise ValueError(str(error)) from error


Fraction = Annotated[float, Field(ge=0, le=1)]
Whole = Annotated[int, BeforeValidator(_whole)]
Text = Annotated[str, StringConstraints(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=MOST_PHOTOGRAPHS)]
BoxField = Annotated[
    tuple[Fraction, Fraction, Fraction, Fraction], BeforeValidator(_listed), AfterValidator(_spread)
]
Metadata = Annotated[dict[str, Any], AfterValidator(_stored_metadata)]
Where = Annotated[Filter | None, PlainValidator(_where), WithJsonSchema(_FILTER)]
FieldName = Annotated[str, StringConstraints(min_length=1), AfterValidator(_field_name)]
FieldNames = Annotated[
    tuple[FieldName, ...],
    BeforeValidator(_listed),
    AfterValidator(_different),
    Field(json_schema_extra={"uniqueItems": True}),
]


class Fields(BaseModel):
    """Fields of a request; none is ignored, and none is guessed from a value of another type."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )


class SortBy(Fields):
    """The field of the metadata that the head of a ranking is sorted by."""

    field: FieldName
    order: Literal["asc", "desc"] = "asc"


class BoostBy(Fields):
    """Which items count as if they scored more, or less, and by how much."""

    filter: Annotated[Filter, PlainValidator(_boosted), WithJsonSchema({"type": "object"})]
    add: float = Field(ge=-2, le=2)


class Ranked(Fields):
    """The page of a ranking that is requested."""

    limit: Whole = Field(default=20, ge=1, description="Results on a page.")
    offset: Whole = Field(default=0, ge=0, description="Results of the ranking to leave out before the page.")
    min_score: float = Field(
        default=-1.0,
        ge=-1,
        le=1,
        description="Items that score less are not listed. Accepted: a number from -1 to 1.",
    )
    filter: Where = Field(
        default=None,
        description="Only items whose metadata passes are listed. Accepted: an object of fields and the "
        "values, lists of values, or bounds (gte, gt, lte, lt, eq, ne, in) they must have.",
    )
    collapse_duplicates: bool = Field(
        default=False, description="List of equal pictures only the best. Accepted: true or false."
    )
    explain: bool = Field(
        default=False,
        description="Give each result the address of why it was found. Accepted: true or false.",
    )
    boost: Annotated[tuple[BoostBy, ...], BeforeValidator(_listed)] = Field(
        default=(),
        max_length=MOST_BOOSTS,
        description=f"Of the ranking's first {LENGTH:,} items, those whose metadata passes a `filter` count "
        f"as if they scored `add` more. Accepted: a list of up to {MOST_BOOSTS} objects with a `filter` and "
        "`add`, a number from -2 to 2.",
    )
    sort: SortBy | None = Field(
        default=None,
        description=f"Orders the ranking's first {LENGTH:,} items by a field of their metadata, those "
        'without one last. Accepted: an object with `field` and `order`, "asc" or "desc".',
    )
    facets: FieldNames = Field(
        default=(),
        max_length=MOST_FACETS,
        description=f"Fields whose values are counted in the ranking's first {LENGTH:,} items. "
        f"Accepted: a list of up to {MOST_FACETS} different names of fields.",
    )
    fields: FieldNames | None = Field(
        default=None,
        max_length=MOST_NAMED,
        description="Fields of the metadata that results have; all where it is left out. "
        f"Accepted: a list of up to {MOST_NAMED} different names of fields.",
    )

    @property
    def options(self) -> SearchOptions:
        """What is asked of the index."""
        sort = None if self.sort is None else Sort(self.sort.field, self.sort.order == "desc")
        boosts = tuple(Boost(boost.filter, boost.add) for boost in self.boost)
        return SearchOptions(
            limit=self.limit,
            offset=self.offset,
            min_score=self.min_score,
            where=self.filter,
            collapse=self.collapse_duplicates,
            arrangement=Arrangement(boosts, sort, self.facets),
        )


class Listed(Fields):
    """The part of all items that is requested."""

    after: Text | None = Field(
        default=None,
        description="Where to go on: `next_after` of the part before. Accepted: a text that is not empty.",
    )
    limit: Whole = Field(default=20, ge=1, description="Items in an answer.")
    filter: Where = Field(default=None, description=Ranked.model_fields["filter"].description)


class Look(Fields):
    """How a picture is read: as a photograph or a sketch, which part of it, and which of its garments."""

    kind: Literal["photo", "sketch"] = Field(
        default="photo",
        description='What the picture is; a sketch is dark strokes on light. Accepted: "photo", "sketch".',
    )
    box: BoxField | None = Field(
        default=None,
        description="The part of the picture to search with. Accepted: four fractions of the picture, "
        "left, top, right, bottom, from 0 to 1 with left < right and top < bottom, "
        f"at least {SMALLEST_BOX} apart, such as [0.1, 0.2, 0.9, 0.95].",
    )
    garment: Whole | None = Field(
        default=None,
        ge=0,
        description="Which garment of the photograph to search with, by its position among `query.garments` "
        "of an answer without a box; a `box` overrules it. Accepted: a whole number from 0, below the number "
        "of garments found.",
    )


class Search(Ranked, Look):
    """The fields of a search beside its picture."""

    part: BoxField | None = Field(
        default=None,
        description=f"A part of the garment by which the ranking's first {LENGTH:,} items are ranked anew, "
        "wherever it lies in them. Accepted: [left, top, right, bottom] in fractions of the garment's box, "
        f"at least {SMALLEST_BOX} wide and high.",
    )
    weight: float = Field(
        default=WEIGHT,
        ge=0,
        le=1,
        description="With `part`, how much it counts; the whole garment counts the rest, up to a score of "
        f"{ALIKE}. "
        "Accepted: a number from 0 to 1.",
    )


class SearchBody(Search):
    """A search in JSON: exactly one picture, uploaded or referred to."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"type": "string"}}}
                for name in ("image_base64", "item_id", "query_id", "image_url")
            ]
        }
    )

    image_base64: Text | None = Field(
        default=None, description="The picture's file. Accepted: base64 with padding, without line breaks."
    )
    item_id: Text | None = Field(
        default=None,
        description="An item, whose picture is searched with. Accepted: a text that is not empty.",
    )
    query_id: Text | None = Field(
        default=None,
        description="The picture of a search shortly before. Accepted: a text that is not empty.",
    )
    image_url: Text | None = Field(
        default=None,
        description="Where a picture lies; only where the operator has allowed it. "
        "Accepted: a public address over http or https.",
    )


class Batch(Fields):
    """Several searches, each checked and answered on its own."""

    searches: list[SearchBody]


class ItemPicture(Fields):
    """Which picture of an item is meant."""

    photo: Whole = Field(
        default=0,
        ge=0,
        description="Which photograph, as results number them. Accepted: a whole number from 0, below the "
        "number of the item's photographs.",
    )


class ItemCopy(ItemPicture):
    """Which copy of which picture is sent."""

    width: Width | None = Field(
        default=None,
        description="The width in pixels of a thumbnail, upright, in WebP or JPEG; none is wider than its "
        f"picture. Without it the file itself is sent. Accepted: {', '.join(map(str, WIDTHS))}.",
    )
    v: Text | None = Field(
        default=None,
        description="What `image_url` carries; while it is that of the picture, the answer may be kept for "
        "ever. Accepted: a text that is not empty.",
    )


class Explanation(Look, ItemPicture):
    """A search and one of its results."""

    item_id: Text = Field(description="The result. Accepted: a text that is not empty.")
    query_id: Text | None = Field(
        default=None,
        description="The search, if it was by a picture that was sent. Accepted: a text that is not empty.",
    )
    query_item: Text | None = Field(
        default=None,
        description="The item searched with, if it was by one. Accepted: a text that is not empty.",
    )


class ItemFields(Fields):
    """The fields of an item beside its photographs."""

    metadata: Metadata = Field(
        default_factory=dict,
        description="What to keep with the item; `category` is used for guesses, and NaN, infinity and an "
        f"empty category become null. {ACCEPTED_METADATA}",
    )


class ItemBody(ItemFields):
    """An item in JSON: its photographs, uploaded or by their addresses."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["image_base64"], "properties": {"image_base64": {"type": ["string", "array"]}}},
                {"required": ["image_urls"], "properties": {"image_urls": {"type": "array"}}},
            ]
        }
    )

    image_base64: Text | Texts | None = Field(
        default=None,
        description="The file of its photograph, or a list of several. Accepted: base64 with padding, "
        f"without line breaks, or a list of up to {MOST_PHOTOGRAPHS} of them.",
    )
    image_urls: Texts | None = Field(
        default=None,
        description="Where its photographs lie; only where the operator has allowed it. Accepted: a list of "
        f"up to {MOST_PHOTOGRAPHS} public addresses over http or https.",
    )


class ItemPatch(Fields):
    """Metadata to be changed."""

    metadata: Metadata = Field(
        description=f"The fields to set; null removes one, and all others stay. {ACCEPTED_METADATA}"
    )


class PutLine(ItemBody):
    """An item to add, or to replace the one with that id."""

    item_id: Text = Field(description="Its id. Accepted: a text that is not empty.")


class PatchLine(ItemPatch):
    """An item whose metadata changes."""

    item_id: Text = Field(description="Its id. Accepted: a text that is not empty.")


class DeleteLine(Fields):
    """An item to delete."""

    item_id: Text = Field(description="Its id. Accepted: a text that is not empty.")


class BulkLine(Fields):
    """A line of changes: exactly one of them."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    put: PutLine = Field(default=None, description="An item to add or to replace. Accepted: an object.")  # type: ignore[assignment]
    patch: PatchLine = Field(default=None, description="Metadata to set. Accepted: an object.")  # type: ignore[assignment]
    delete: DeleteLine = Field(default=None, description="An item to delete. Accepted: an object.")  # type: ignore[assignment]


class Activation(Fields):
    """Which version to switch to."""

    version: Text = Field(
        description="A version's name. Accepted: one of those that /v1/index/versions lists."
    )


class StatusPicture(Fields):
    """A picture of the status page: exactly one of an item, a skipped photograph, or a query."""

    version: Text | None = Field(
        default=None, description="The version of `item_id`. Accepted: the name of a version."
    )
    item_id: Text | None = Field(
        default=None, description="An item of `version`. Accepted: a text that is not empty."
    )
    build: Text | None = Field(
        default=None, description="The build of `skipped`. Accepted: the name of a build that is listed."
    )
    skipped: Whole | None = Field(
        default=None,
        ge=0,
        description="Which of the photographs that `build` has skipped. Accepted: a whole number from 0.",
    )
    golden: Whole | None = Field(
        default=None, ge=0, description="Which golden query. Accepted: a whole number from 0."
    )
    loose: Whole | None = Field(
        default=None,
        ge=0,
        description="Which query that found nothing close. Accepted: a whole number from 0.",
    )
    width: Width = Field(
        default=160, description=f"Its width in pixels. Accepted: {', '.join(map(str, WIDTHS))}."
    )


class Comparison(Fields):
    """A query to be searched with in two versions: a picture, or a golden query."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["image_base64"], "properties": {"image_base64": {"type": "string"}}},
                {"required": ["golden"], "properties": {"golden": {"type": "integer"}}},
            ]
        }
    )

    before: Text = Field(description="One version. Accepted: the name of a version.")
    after: Text = Field(description="The other version. Accepted: the name of a version.")
    image_base64: Text | None = Field(
        default=None, description="The picture's file. Accepted: base64 with padding, without line breaks."
    )
    golden: Whole | None = Field(
        default=None, ge=0, description="Which golden query. Accepted: a whole number from 0."
    )
    limit: Whole = Field(
        default=10,
        ge=1,
        le=50,
        description="Results of each version. Accepted: a whole number from 1 to 50.",
    )


M = TypeVar("M", bound=Fields)


def _bounded(about: str, default: int, least: int, most: int) -> Any:
    accepted = f"{_ACCEPTED}a whole number from {least:,} to {most:,}."
    return Whole, Field(default=default, ge=least, le=most, description=f"{about} {accepted}")


@lru_cache(maxsize=64)
def bounded(model: type[M], config: Config) -> type[M]:
    """Return a model with the bounds that the settings give its fields."""
    fields = model.model_fields
    limits: dict[str, Any] = {}
    if issubclass(model, Ranked | Listed):
        about = str(fields["limit"].description)
        limits["limit"] = _bounded(about, config.default_limit, 1, config.max_limit)
    if issubclass(model, Ranked):
        limits["offset"] = _bounded(str(fields["offset"].description), 0, 0, config.max_offset)
    if issubclass(model, Batch):
        most = config.batch_searches
        accepted = f"{_ACCEPTED}a list of 1 to {most} searches in JSON."
        each: Any = list[SkipValidation[bounded(SearchBody, config)]]  # type: ignore[misc]
        limits["searches"] = (
            each,
            Field(min_length=1, max_length=most, description=f"The searches. {accepted}"),
        )
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **limits) if limits else model


def _shown(value: Any) -> str:
    shown = json.dumps(value, default=str)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _refusal(model: type[Fields], fields: Mapping[str, Any], name: str) -> RefusedRequest:
    description = str(model.model_fields[name].description)
    accepted = description[description.index(_ACCEPTED) :]
    received = f"is {_shown(fields[name])}" if name in fields else "is missing"
    return RefusedRequest("invalid_parameter", f"`{name}` {received}. {accepted}", param=name)


def refuse_unknown(fields: Collection[str], *, accepted: Collection[str]) -> None:
    """Raise `RefusedRequest` for the first field that is not accepted, naming those that are."""
    for name in fields:
        if name not in accepted:
            listed = ", ".join(sorted(accepted)) or "none"
            detail = f"The field `{name[:60]}` is not accepted here. Accepted: {listed}. Leave it out."
            raise RefusedRequest("invalid_parameter", detail, param=name[:60])


def given_twice(name: str) -> RefusedRequest:
    """Return the refusal of a field, or a key of an object, that is given twice."""
    return RefusedRequest("invalid_parameter", f"`{name[:60]}` is given twice.", param=name[:60])


def check(model: type[M], fields: Mapping[str, Any]) -> M:
    """Return the fields as a model of that type.

    Raises
    ------
    RefusedRequest
        With code `invalid_parameter`, the field in `param`.
    InvalidFilter
        The filter is not valid.
    """
    refuse_unknown(fields, accepted=model.model_fields)
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        raise _refusal(model, fields, str(error.errors(include_url=False)[0]["loc"][0])) from error


def from_text(name: str, text: str) -> Any:
    """Parse the value of a form or query-string field: JSON, except for text fields.

    A text that is no JSON stays as it is, and is refused where the field takes none.
    """
    if name in _TEXTS:
        return text
    listed = text.strip().startswith("[")
    if name in ("facets", "fields") and not listed:
        return [part.strip() for part in text.split(",")] if text else []
    if name in ("box", "part") and not listed:
        text = f"[{text}]"
    try:
        return parse_json(text)
    except RepeatedKey as error:
        raise given_twice(error.key) from error
    except (ValueError, RecursionError):
        return text
