"""Response bodies as typed models, from which the contract at /openapi.json is generated."""

from typing import Any, Literal

from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.answer_warnings import AnswerWarning
from training.alignment.differences import Difference
from training.photo.garment_types import TYPES

Fractions = tuple[float, float, float, float]


class Body(BaseModel):
    """A body; fields that were not set are left out of the answer."""

    model_config = ConfigDict(extra="forbid")


class Answer(Body):
    """The field that every JSON response has."""

    request_id: str = Field(description="Also in the header X-Request-Id; name it in reports.")


class Problem(Body):
    """What went wrong, in the manner of RFC 9457."""

    type: str = Field(examples=["/errors/item_unknown"])
    title: str
    status: int
    code: str = Field(description="For programs; each has its own status.")
    detail: str = Field(description="What was received, what is accepted, and what to do.")
    param: str = Field(default="", description="The field at fault.")
    request_id: str


class Item(Body):
    """An item."""

    item_id: str
    image_url: str = Field(description="Where its first photograph is, on this service.")
    metadata: dict[str, Any]


class ItemAnswer(Item, Answer):
    """One item."""

    image_urls: list[str] = Field(description="Where all its photographs are, on this service.")


class StoredItem(ItemAnswer):
    """An item that was put."""

    box: Fractions = Field(description="Where its garment was found, in fractions of the first photograph.")
    warnings: list[AnswerWarning]
    change: int = Field(description="The number of the change; each has a higher one.")


class PatchedItem(ItemAnswer):
    """An item whose metadata was changed."""

    change: int = Field(description="The number of the change; each has a higher one.")


class ItemList(Answer):
    """A part of all items."""

    items: list[Item]
    total: int = Field(description="Items in all, of those that pass the filter.")
    next_after: str | None = Field(description="Where the next part begins; null after the last one.")


class Deletion(Answer):
    """An item that was deleted."""

    item_id: str
    change: int = Field(description="The number of the change; each has a higher one.")


class Hit(Body):
    """An item that was found."""

    rank: int
    score: float = Field(ge=-1, le=1, description="Cosine of the two embeddings.")
    percentile: float = Field(ge=0, le=100, description="Share of random pairs of the index that score less.")
    item_id: str
    photo: int = Field(description="Which of its photographs was found, by its number from 0.")
    image_url: str = Field(description="Where that photograph is, on this service.")
    metadata: dict[str, Any]
    box: Fractions | None = Field(
        default=None,
        description="Where the garment that was found lies in that photograph; left out where each item has "
        "one photograph and one garment of it is indexed.",
    )
    part_score: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How well the part that was asked for was found in it; left out without a part, and "
        "behind the ranking's first 1,000 items.",
    )
    part_box: Fractions | None = Field(
        default=None,
        description="Where that part was found in the photograph; left out where it is not known.",
    )
    explain_url: str | None = Field(
        default=None,
        description="Why it was found, drawn or as JSON; null where the picture could not be kept.",
    )


class IndexInUse(Body):
    """The version that answered."""

    version: str
    built_at: str
    encoder: str
    items: int = Field(description="With all changes made since.")


class FoundGarment(Body):
    """A garment that was found in a photograph."""

    type: str = Field(description=f"One of {', '.join(TYPES)}.")
    box: Fractions = Field(description="In fractions of the whole picture.")
    confidence: float = Field(ge=0, le=1, description="How much of the outline is expected to be right.")
    worn: bool = Field(description="Whether a person wears it.")
    outline: list[list[tuple[float, float]]] = Field(
        description="Polygons, one for each part and each hole: x and y in fractions of the whole picture."
    )


class Understood(Body):
    """What was understood of the query."""

    garment: int | None = Field(
        description="Which of the garments was searched with; null where none was found, and for a sketch."
    )
    box: Fractions | None = Field(
        description="Where the garment was found, in fractions of the whole picture."
    )
    category: str | None = Field(description="A guess, by a vote of the nearest items.")
    category_confidence: float | None
    garments: list[FoundGarment] = Field(
        description="The garments of the photograph, or of the `box` that was sent: first the one that a "
        "person would mean."
    )
    turned: int = Field(
        description="By how many degrees, 0, 90, 180 or 270, the picture, or the `box` of it, was turned "
        "clockwise to stand upright. Boxes and outlines are those of the picture as it was sent."
    )
    warnings: list[AnswerWarning]
    confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of the first eight items of the ranking expected to be right; left out where the "
        "encoder tells none, and where nothing was found.",
    )


class UnderstoodItem(Understood):
    """The item whose neighbours were asked for."""

    item_id: str


class Counted(Body):
    """How many items have a value."""

    value: bool | int | float | str
    items: int


class CountedFacet(Body):
    """The values of a field that was asked for, in the ranking's first 1,000 items."""

    field: str
    values: list[Counted] = Field(description="The most common first; at most 1,000.")
    missing: int = Field(description="Items without a value.")
    lowest: float | None = Field(default=None, description="Of the numbers among the values, if any.")
    highest: float | None = Field(default=None, description="Of the numbers among the values, if any.")


class SearchAnswer(Answer):
    """A page of a ranking."""

    query_id: str | None = Field(description="For further searches with the same picture, for a while.")
    index: IndexInUse
    query: Understood
    results: list[Hit]
    total: int = Field(description="Items in the whole ranking, or groups of duplicates.")
    next_offset: int | None = Field(description="Where the next page starts; null after the last one.")
    facets: list[CountedFacet] | None = Field(
        default=None, description="Of the `facets` that were asked for; left out where none were."
    )
    took_ms: dict[str, float]


class SimilarAnswer(SearchAnswer):
    """A page of the neighbours of an item."""

    query: UnderstoodItem


class AgreementOfPart(Body):
    """How a part of two garments agrees."""

    overlap: float = Field(ge=0, le=1, description="Intersection over union of the two outlines' areas.")
    difference: float = Field(
        ge=-1,
        le=1,
        description="What the result has there beyond the query, less what it lacks, as a share of both.",
    )


class Parts(Body):
    """The parts of two garments: thirds of their height, and halves of their width, as seen."""

    upper: AgreementOfPart
    middle: AgreementOfPart
    lower: AgreementOfPart
    left: AgreementOfPart
    right: AgreementOfPart


class ExplanationAnswer(Answer):
    """Why a result matched, as JSON or drawn: the result is laid on the query, then they are compared."""

    sentence: str = Field(
        description="What agrees and what does not.", examples=["Nearly the same outline; sleeves longer"]
    )
    overlap: float = Field(ge=0, le=1, description="Intersection over union of the two outlines' areas.")
    parts: Parts
    differences: list[Difference] = Field(
        description="What is surely different of the result, the largest difference first; lengths and hems "
        "are compared by the widths of the garments."
    )
    lines: float | None = Field(
        ge=-1, le=1, description="Correlation of the inner lines; null where a garment has next to none."
    )


class Failure(Body):
    """A search of a batch that failed."""

    error: Problem


class MadeChange(Body):
    """A change that was made."""

    item_id: str
    change: int = Field(description="Its number; each has a higher one.")


class BulkAnswer(RootModel[MadeChange | Failure]):
    """A line for each change, in their order: what was made, or why it was not."""


class BatchAnswer(Answer):
    """The answers to the searches of a batch, in their order."""

    answers: list[SearchAnswer | Failure]


class FacetValue(Body):
    """A value that items share."""

    value: str | bool
    items: int = Field(description="How many have it; in Milvus, in the version as it was built.")


class Facet(Body):
    """A field to filter by: one of few values, or a range of numbers."""

    field: str
    values: list[FacetValue] | None = Field(
        default=None, description="Null for numbers; the most common first."
    )
    lowest: float | None = Field(default=None, description="Of numbers.")
    highest: float | None = Field(default=None, description="Of numbers.")


class IndexAnswer(IndexInUse, Answer):
    """What is served."""

    changes: int = Field(description="Items that have changed since the version was built.")
    kind: str
    duplicates: int = Field(description="Items that repeat another, in the version as it was built.")
    filters: list[Facet] = Field(description="What a page can offer to filter by.")
    examples: list[Item] = Field(description="A few items to start from.")
    card_fields: dict[str, list[str]] = Field(
        description="Names under which metadata may hold a product's title, brand, price and so on, in lower "
        "case, of letters and digits alone; of these the first that fits an item counts."
    )


class Version(Body):
    """A version that can be activated."""

    version: str
    built_at: str
    encoder: str
    items: int
    kind: str
    current: bool
    usable: bool = Field(description="Whether it belongs to the encoder in use.")


class VersionsAnswer(Answer):
    """The published versions, newest first; damaged ones are left out."""

    versions: list[Version]


class VersionAnswer(Version, Answer):
    """The version that was activated."""


class Alive(Answer):
    """The process is alive."""

    status: Literal["alive"]


class Ready(Answer):
    """Searches can be answered."""

    status: Literal["ready"]
    index: IndexInUse


def reply(body: Body, status: int = 200) -> Response:
    """Return a body as JSON that must not be cached."""
    try:
        response = Response(f"{body.model_dump_json(exclude_unset=True)}\n", mimetype="application/json")
    except ValueError:  # pydantic writes no text that is no Unicode, such as the name of a file
        response = jsonify(body.model_dump(exclude_unset=True))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
