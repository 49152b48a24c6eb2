"""Requests and answers of the API, made from the contract of the service: do not edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Required, TypedDict


@dataclass(frozen=True, kw_only=True)
class SearchAnswer:
    """A page of a ranking."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    query_id: str | None
    """For further searches with the same picture, for a while."""
    index: IndexInUse
    query: Understood
    results: list[Hit]
    total: int
    """Items in the whole ranking, or groups of duplicates."""
    next_offset: int | None
    """Where the next page starts; null after the last one."""
    facets: list[CountedFacet] | None = None
    """Of the `facets` that were asked for; left out where none were."""
    took_ms: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong, in the manner of RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    """For programs; each has its own status."""
    detail: str
    """What was received, what is accepted, and what to do."""
    param: str | None = None
    """The field at fault."""
    request_id: str


@dataclass(frozen=True, kw_only=True)
class BatchAnswer:
    """The answers to the searches of a batch, in their order."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    answers: list[SearchAnswer | Failure]


@dataclass(frozen=True, kw_only=True)
class ExplanationAnswer:
    """Why a result matched, as JSON or drawn: the result is laid on the query, then they are compared."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    sentence: str
    """What agrees and what does not."""
    overlap: float
    """Intersection over union of the two outlines' areas."""
    parts: Parts
    differences: list[
        Literal["longer", "shorter", "sleeves_longer", "sleeves_shorter", "hem_wider", "hem_narrower"]
    ]
    """
    What is surely different of the result, the largest difference first; lengths and hems are
    compared by the widths of the garments.
    """
    lines: float | None
    """Correlation of the inner lines; null where a garment has next to none."""


@dataclass(frozen=True, kw_only=True)
class ItemList:
    """A part of all items."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    items: list[Item]
    total: int
    """Items in all, of those that pass the filter."""
    next_after: str | None
    """Where the next part begins; null after the last one."""


@dataclass(frozen=True, kw_only=True)
class ItemAnswer:
    """One item."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    item_id: str
    image_url: str
    """Where its first photograph is, on this service."""
    metadata: dict[str, Any]
    image_urls: list[str]
    """Where all its photographs are, on this service."""


@dataclass(frozen=True, kw_only=True)
class StoredItem:
    """An item that was put."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    item_id: str
    image_url: str
    """Where its first photograph is, on this service."""
    metadata: dict[str, Any]
    image_urls: list[str]
    """Where all its photographs are, on this service."""
    box: tuple[float, float, float, float]
    """Where its garment was found, in fractions of the first photograph."""
    warnings: list[
        Literal[
            "garment_not_found",
            "several_garments",
            "cutout_uncertain",
            "nothing_close",
            "filter_field_unknown",
        ]
    ]
    change: int
    """The number of the change; each has a higher one."""


@dataclass(frozen=True, kw_only=True)
class PatchedItem:
    """An item whose metadata was changed."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    item_id: str
    image_url: str
    """Where its first photograph is, on this service."""
    metadata: dict[str, Any]
    image_urls: list[str]
    """Where all its photographs are, on this service."""
    change: int
    """The number of the change; each has a higher one."""


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """An item that was deleted."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    item_id: str
    change: int
    """The number of the change; each has a higher one."""


@dataclass(frozen=True, kw_only=True)
class SimilarAnswer:
    """A page of the neighbours of an item."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    query_id: str | None
    """For further searches with the same picture, for a while."""
    index: IndexInUse
    query: UnderstoodItem
    results: list[Hit]
    total: int
    """Items in the whole ranking, or groups of duplicates."""
    next_offset: int | None
    """Where the next page starts; null after the last one."""
    facets: list[CountedFacet] | None = None
    """Of the `facets` that were asked for; left out where none were."""
    took_ms: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class IndexAnswer:
    """What is served."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    version: str
    built_at: str
    encoder: str
    items: int
    """With all changes made since."""
    changes: int
    """Items that have changed since the version was built."""
    kind: str
    duplicates: int
    """Items that repeat another, in the version as it was built."""
    filters: list[Facet]
    """What a page can offer to filter by."""
    examples: list[Item]
    """A few items to start from."""
    card_fields: dict[str, list[str]]
    """
    Names under which metadata may hold a product's title, brand, price and so on, in lower case, of
    letters and digits alone; of these the first that fits an item counts.
    """


@dataclass(frozen=True, kw_only=True)
class VersionAnswer:
    """The version that was activated."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    version: str
    built_at: str
    encoder: str
    items: int
    kind: str
    current: bool
    usable: bool
    """Whether it belongs to the encoder in use."""


@dataclass(frozen=True, kw_only=True)
class VersionsAnswer:
    """The published versions, newest first; damaged ones are left out."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    versions: list[Version]


@dataclass(frozen=True, kw_only=True)
class StatusAnswer:
    """What who runs the service wants to know."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    now: float
    current: str | None
    """The version that is current; null where there is none."""
    served: str | None
    """The version that answers: another one where the current one can't be used."""
    encoder: str
    """Fingerprint of the encoder that queries are embedded with."""
    items: int | None
    """Items that can be found; null where no index is in use."""
    changes: int | None
    """Items that have changed since the version was built."""
    versions: list[StatusVersion]
    """Newest first."""
    damaged: list[str]
    """Versions whose manifests can't be read."""
    builds: list[StatusBuild]
    """Newest first."""
    day: UsageOfSpan | None
    """Of 24 hours; null where figures can't be read."""
    month: UsageOfSpan | None
    """Of 30 days; null where figures can't be read."""
    loose: list[LooseSearch]
    """Newest first."""
    pictures_kept: bool
    """Whether queries that found nothing close keep their pictures."""
    golden: list[GoldenQuery]


@dataclass(frozen=True, kw_only=True)
class BuildAnswer:
    """What a build has changed: the first items of each list."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    build: str
    """Names its note."""
    begun: str
    outcome: Literal["running", "published", "refused", "interrupted"]
    """"interrupted" where its process was ended or killed."""
    took: float
    """Seconds; 0 where its process was killed."""
    version: str | None
    since: str | None
    """The version that was in use before."""
    catalogue: str
    problem: str
    """Why nothing was published."""
    seconds: dict[str, float]
    """Of each step."""
    counts: dict[str, int]
    """Items in all, and new, changed, removed, skipped ones."""
    figures: dict[str, float]
    """What the gate has measured."""
    failures: list[str]
    """A line for each check that failed."""
    new: list[ChangedItem]
    changed: list[ChangedItem]
    removed: list[ChangedItem]
    skipped: list[SkippedItem]


@dataclass(frozen=True, kw_only=True)
class ComparisonAnswer:
    """What two versions find for one query; both as they were built, without changes made since."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    before: ComparedVersion
    after: ComparedVersion
    came: int
    """Results of `after` that are not among those of `before`."""
    went: int
    moved: int
    """Results of both at different ranks."""


@dataclass(frozen=True, kw_only=True)
class Alive:
    """The process is alive."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    status: Literal["alive"]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """Searches can be answered."""

    request_id: str
    """Also in the header X-Request-Id; name it in reports."""
    status: Literal["ready"]
    index: IndexInUse


@dataclass(frozen=True, kw_only=True)
class IndexInUse:
    """The version that answered."""

    version: str
    built_at: str
    encoder: str
    items: int
    """With all changes made since."""


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What was understood of the query."""

    garment: int | None
    """Which of the garments was searched with; null where none was found, and for a sketch."""
    box: tuple[float, float, float, float] | None
    """Where the garment was found, in fractions of the whole picture."""
    category: str | None
    """A guess, by a vote of the nearest items."""
    category_confidence: float | None
    garments: list[FoundGarment]
    """
    The garments of the photograph, or of the `box` that was sent: first the one that a person would
    mean.
    """
    turned: int
    """
    By how many degrees, 0, 90, 180 or 270, the picture, or the `box` of it, was turned clockwise to
    stand upright. Boxes and outlines are those of the picture as it was sent.
    """
    warnings: list[
        Literal[
            "garment_not_found",
            "several_garments",
            "cutout_uncertain",
            "nothing_close",
            "filter_field_unknown",
        ]
    ]
    confidence: float | None = None
    """
    Share of the first eight items of the ranking expected to be right; left out where the encoder
    tells none, and where nothing was found.
    """


@dataclass(frozen=True, kw_only=True)
class Hit:
    """An item that was found."""

    rank: int
    score: float
    """Cosine of the two embeddings."""
    percentile: float
    """Share of random pairs of the index that score less."""
    item_id: str
    photo: int
    """Which of its photographs was found, by its number from 0."""
    image_url: str
    """Where that photograph is, on this service."""
    metadata: dict[str, Any]
    box: tuple[float, float, float, float] | None = None
    """
    Where the garment that was found lies in that photograph; left out where each item has one
    photograph and one garment of it is indexed.
    """
    part_score: float | None = None
    """
    How well the part that was asked for was found in it; left out without a part, and behind the
    ranking's first 1,000 items.
    """
    part_box: tuple[float, float, float, float] | None = None
    """Where that part was found in the photograph; left out where it is not known."""
    explain_url: str | None = None
    """Why it was found, drawn or as JSON; null where the picture could not be kept."""


@dataclass(frozen=True, kw_only=True)
class CountedFacet:
    """The values of a field that was asked for, in the ranking's first 1,000 items."""

    field: str
    values: list[Counted]
    """The most common first; at most 1,000."""
    missing: int
    """Items without a value."""
    lowest: float | None = None
    """Of the numbers among the values, if any."""
    highest: float | None = None
    """Of the numbers among the values, if any."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A search of a batch that failed."""

    error: Problem


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of two garments: thirds of their height, and halves of their width, as seen."""

    upper: AgreementOfPart
    middle: AgreementOfPart
    lower: AgreementOfPart
    left: AgreementOfPart
    right: AgreementOfPart


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item."""

    item_id: str
    image_url: str
    """Where its first photograph is, on this service."""
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class UnderstoodItem:
    """The item whose neighbours were asked for."""

    garment: int | None
    """Which of the garments was searched with; null where none was found, and for a sketch."""
    box: tuple[float, float, float, float] | None
    """Where the garment was found, in fractions of the whole picture."""
    category: str | None
    """A guess, by a vote of the nearest items."""
    category_confidence: float | None
    garments: list[FoundGarment]
    """
    The garments of the photograph, or of the `box` that was sent: first the one that a person would
    mean.
    """
    turned: int
    """
    By how many degrees, 0, 90, 180 or 270, the picture, or the `box` of it, was turned clockwise to
    stand upright. Boxes and outlines are those of the picture as it was sent.
    """
    warnings: list[
        Literal[
            "garment_not_found",
            "several_garments",
            "cutout_uncertain",
            "nothing_close",
            "filter_field_unknown",
        ]
    ]
    confidence: float | None = None
    """
    Share of the first eight items of the ranking expected to be right; left out where the encoder
    tells none, and where nothing was found.
    """
    item_id: str


@dataclass(frozen=True, kw_only=True)
class MadeChange:
    """A change that was made."""

    item_id: str
    change: int
    """Its number; each has a higher one."""


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A field to filter by: one of few values, or a range of numbers."""

    field: str
    values: list[FacetValue] | None = None
    """Null for numbers; the most common first."""
    lowest: float | None = None
    """Of numbers."""
    highest: float | None = None
    """Of numbers."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version that can be activated."""

    version: str
    built_at: str
    encoder: str
    items: int
    kind: str
    current: bool
    usable: bool
    """Whether it belongs to the encoder in use."""


@dataclass(frozen=True, kw_only=True)
class StatusVersion:
    """A published version, with what is known of its build."""

    version: str
    built_at: str
    encoder: str
    items: int
    kind: str
    current: bool
    usable: bool
    """Whether it belongs to the encoder in use."""
    catalogue: str
    photographs: int
    duplicates: int
    skipped: int
    gate: dict[str, float]
    """What was measured before it was published."""
    bundle: str | None
    """Folder of its encoder, as its build has noted it."""
    build: str | None
    """The note of its build; null where there is none."""


@dataclass(frozen=True, kw_only=True)
class StatusBuild:
    """How a build went."""

    build: str
    """Names its note."""
    begun: str
    outcome: Literal["running", "published", "refused", "interrupted"]
    """"interrupted" where its process was ended or killed."""
    took: float
    """Seconds; 0 where its process was killed."""
    version: str | None
    since: str | None
    """The version that was in use before."""
    catalogue: str
    problem: str
    """Why nothing was published."""
    seconds: dict[str, float]
    """Of each step."""
    counts: dict[str, int]
    """Items in all, and new, changed, removed, skipped ones."""
    figures: dict[str, float]
    """What the gate has measured."""
    failures: list[str]
    """A line for each check that failed."""


@dataclass(frozen=True, kw_only=True)
class UsageOfSpan:
    """Searches of a day, or of a month: part by part, the oldest first, and all together."""

    parts: list[UsageOfPeriod]
    total: UsageOfPeriod


@dataclass(frozen=True, kw_only=True)
class LooseSearch:
    """A query that found nothing close."""

    at: float
    """Seconds since 1970."""
    kind: str
    category: str | None
    confidence: float | None
    percentile: float | None
    """That of the first result."""
    image_url: str | None
    """Its picture, where the operator lets pictures be kept."""


@dataclass(frozen=True, kw_only=True)
class GoldenQuery:
    """A golden query of the last build."""

    golden: int
    name: str
    k: int
    item_ids: list[str]
    """What must be among the first `k` results."""
    missing: list[str]
    """What was not, in the last build."""
    image_url: str


@dataclass(frozen=True, kw_only=True)
class ChangedItem:
    """An item that a build has changed."""

    item_id: str
    image_url: str | None
    """Its photograph, where a version is kept that has it."""


@dataclass(frozen=True, kw_only=True)
class SkippedItem:
    """A photograph that a build has skipped, or an item."""

    item_id: str
    path: str
    reason: str
    image_url: str | None


@dataclass(frozen=True, kw_only=True)
class ComparedVersion:
    """What one of two versions finds."""

    version: str
    encoder: str
    category: str | None
    confidence: float | None
    results: list[ComparedHit]
    missing: list[str]
    """What the golden query asks for and is not among its first `k`."""


@dataclass(frozen=True, kw_only=True)
class FoundGarment:
    """A garment that was found in a photograph."""

    type: str
    """One of upper, outer, dress, trousers, skirt, shoes, bag, hat."""
    box: tuple[float, float, float, float]
    """In fractions of the whole picture."""
    confidence: float
    """How much of the outline is expected to be right."""
    worn: bool
    """Whether a person wears it."""
    outline: list[list[tuple[float, float]]]
    """Polygons, one for each part and each hole: x and y in fractions of the whole picture."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How many items have a value."""

    value: bool | int | float | str
    items: int


@dataclass(frozen=True, kw_only=True)
class AgreementOfPart:
    """How a part of two garments agrees."""

    overlap: float
    """Intersection over union of the two outlines' areas."""
    difference: float
    """What the result has there beyond the query, less what it lacks, as a share of both."""


@dataclass(frozen=True, kw_only=True)
class FacetValue:
    """A value that items share."""

    value: str | bool
    items: int
    """How many have it; in Milvus, in the version as it was built."""


@dataclass(frozen=True, kw_only=True)
class UsageOfPeriod:
    """Searches of an hour, or of several."""

    at: int
    """When it begins, in seconds since 1970."""
    searches: int
    answered: int
    refused: int
    """Not answered, whatever the reason."""
    busy: int
    """Not answered for want of capacity."""
    judged: int
    """Answers to pictures."""
    loose: int
    """Those of them that found nothing close."""
    p50_ms: float | None
    """Median time to an answer; null where there was none."""
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, kw_only=True)
class ComparedHit:
    """A result of one of two versions."""

    item_id: str
    image_url: str
    """Where its first photograph is, on this service."""
    metadata: dict[str, Any]
    rank: int
    score: float
    percentile: float
    other_rank: int | None
    """Its rank in the other version; null behind the first 100."""
    elsewhere: bool
    """Whether the other version holds the item at all."""
    wanted: bool
    """Whether the golden query asks for it."""


BulkAnswer = MadeChange | Failure


class SearchBody(TypedDict, total=False):
    """A search in JSON: exactly one picture, uploaded or referred to."""

    kind: Literal["photo", "sketch"]
    """What the picture is; a sketch is dark strokes on light. Accepted: "photo", "sketch"."""
    box: Sequence[float] | None
    """
    The part of the picture to search with. Accepted: four fractions of the picture, left, top,
    right, bottom, from 0 to 1 with left < right and top < bottom, at least 0.02 apart, such as
    [0.1, 0.2, 0.9, 0.95].
    """
    garment: int | None
    """
    Which garment of the photograph to search with, by its position among `query.garments` of an
    answer without a box; a `box` overrules it. Accepted: a whole number from 0, below the number of
    garments found.
    """
    limit: int
    """Results on a page. Accepted: a whole number from 1 to 100."""
    offset: int
    """Results of the ranking to leave out before the page. Accepted: a whole number from 0 to 100,000."""
    min_score: float
    """Items that score less are not listed. Accepted: a number from -1 to 1."""
    filter: dict[str, Any] | None
    """
    Only items whose metadata passes are listed. Accepted: an object of fields and the values, lists
    of values, or bounds (gte, gt, lte, lt, eq, ne, in) they must have.
    """
    collapse_duplicates: bool
    """List of equal pictures only the best. Accepted: true or false."""
    explain: bool
    """Give each result the address of why it was found. Accepted: true or false."""
    boost: list[BoostBy]
    """
    Of the ranking's first 1,000 items, those whose metadata passes a `filter` count as if they
    scored `add` more. Accepted: a list of up to 16 objects with a `filter` and `add`, a number from
    -2 to 2.
    """
    sort: SortBy | None
    """
    Orders the ranking's first 1,000 items by a field of their metadata, those without one last.
    Accepted: an object with `field` and `order`, "asc" or "desc".
    """
    facets: list[str]
    """
    Fields whose values are counted in the ranking's first 1,000 items. Accepted: a list of up to 16
    different names of fields.
    """
    fields: list[str] | None
    """
    Fields of the metadata that results have; all where it is left out. Accepted: a list of up to
    100 different names of fields.
    """
    part: Sequence[float] | None
    """
    A part of the garment by which the ranking's first 1,000 items are ranked anew, wherever it lies
    in them. Accepted: [left, top, right, bottom] in fractions of the garment's box, at least 0.02
    wide and high.
    """
    weight: float
    """
    With `part`, how much it counts; the whole garment counts the rest, up to a score of 0.6.
    Accepted: a number from 0 to 1.
    """
    image_base64: str | None
    """The picture's file. Accepted: base64 with padding, without line breaks."""
    item_id: str | None
    """An item, whose picture is searched with. Accepted: a text that is not empty."""
    query_id: str | None
    """The picture of a search shortly before. Accepted: a text that is not empty."""
    image_url: str | None
    """
    Where a picture lies; only where the operator has allowed it. Accepted: a public address over
    http or https.
    """


class Batch(TypedDict, total=False):
    """Several searches, each checked and answered on its own."""

    searches: Required[list[dict[str, Any]]]
    """The searches. Accepted: a list of 1 to 16 searches in JSON."""


class ItemBody(TypedDict, total=False):
    """An item in JSON: its photographs, uploaded or by their addresses."""

    metadata: dict[str, Any]
    """
    What to keep with the item; `category` is used for guesses, and NaN, infinity and an empty
    category become null. Accepted: an object of up to 32,768 bytes in JSON, nested up to 16 deep.
    """
    image_base64: str | list[str] | None
    """
    The file of its photograph, or a list of several. Accepted: base64 with padding, without line
    breaks, or a list of up to 20 of them.
    """
    image_urls: list[str] | None
    """
    Where its photographs lie; only where the operator has allowed it. Accepted: a list of up to 20
    public addresses over http or https.
    """


class ItemPatch(TypedDict, total=False):
    """Metadata to be changed."""

    metadata: Required[dict[str, Any]]
    """
    The fields to set; null removes one, and all others stay. Accepted: an object of up to 32,768
    bytes in JSON, nested up to 16 deep.
    """


class BulkLine(TypedDict, total=False):
    """A line of changes: exactly one of them."""

    put: PutLine
    """An item to add or to replace. Accepted: an object."""
    patch: PatchLine
    """Metadata to set. Accepted: an object."""
    delete: DeleteLine
    """An item to delete. Accepted: an object."""


class Activation(TypedDict, total=False):
    """Which version to switch to."""

    version: Required[str]
    """A version's name. Accepted: one of those that /v1/index/versions lists."""


class Comparison(TypedDict, total=False):
    """A query to be searched with in two versions: a picture, or a golden query."""

    before: Required[str]
    """One version. Accepted: the name of a version."""
    after: Required[str]
    """The other version. Accepted: the name of a version."""
    image_base64: str | None
    """The picture's file. Accepted: base64 with padding, without line breaks."""
    golden: int | None
    """Which golden query. Accepted: a whole number from 0."""
    limit: int
    """Results of each version. Accepted: a whole number from 1 to 50."""


class BoostBy(TypedDict, total=False):
    """Which items count as if they scored more, or less, and by how much."""

    filter: Required[dict[str, Any]]
    add: Required[float]


class SortBy(TypedDict, total=False):
    """The field of the metadata that the head of a ranking is sorted by."""

    field: Required[str]
    order: Literal["asc", "desc"]


class PutLine(TypedDict, total=False):
    """An item to add, or to replace the one with that id."""

    metadata: dict[str, Any]
    """
    What to keep with the item; `category` is used for guesses, and NaN, infinity and an empty
    category become null. Accepted: an object of up to 32,768 bytes in JSON, nested up to 16 deep.
    """
    image_base64: str | list[str] | None
    """
    The file of its photograph, or a list of several. Accepted: base64 with padding, without line
    breaks, or a list of up to 20 of them.
    """
    image_urls: list[str] | None
    """
    Where its photographs lie; only where the operator has allowed it. Accepted: a list of up to 20
    public addresses over http or https.
    """
    item_id: Required[str]
    """Its id. Accepted: a text that is not empty."""


class PatchLine(TypedDict, total=False):
    """An item whose metadata changes."""

    metadata: Required[dict[str, Any]]
    """
    The fields to set; null removes one, and all others stay. Accepted: an object of up to 32,768
    bytes in JSON, nested up to 16 deep.
    """
    item_id: Required[str]
    """Its id. Accepted: a text that is not empty."""


class DeleteLine(TypedDict, total=False):
    """An item to delete."""

    item_id: Required[str]
    """Its id. Accepted: a text that is not empty."""


class SearchExplainQuery(TypedDict, total=False):
    """The fields in the address of `search_explain`."""

    photo: int
    """
    Which photograph, as results number them. Accepted: a whole number from 0, below the number of
    the item's photographs.
    """
    kind: Literal["photo", "sketch"]
    """What the picture is; a sketch is dark strokes on light. Accepted: "photo", "sketch"."""
    box: Sequence[float] | None
    """
    The part of the picture to search with. Accepted: four fractions of the picture, left, top,
    right, bottom, from 0 to 1 with left < right and top < bottom, at least 0.02 apart, such as
    [0.1, 0.2, 0.9, 0.95].
    """
    garment: int
    """
    Which garment of the photograph to search with, by its position among `query.garments` of an
    answer without a box; a `box` overrules it. Accepted: a whole number from 0, below the number of
    garments found.
    """
    item_id: Required[str]
    """The result. Accepted: a text that is not empty."""
    query_id: str
    """The search, if it was by a picture that was sent. Accepted: a text that is not empty."""
    query_item: str
    """The item searched with, if it was by one. Accepted: a text that is not empty."""


class ItemsItemsQuery(TypedDict, total=False):
    """The fields in the address of `items_items`."""

    after: str
    """Where to go on: `next_after` of the part before. Accepted: a text that is not empty."""
    limit: int
    """Items in an answer. Accepted: a whole number from 1 to 100."""
    filter: dict[str, Any] | None
    """
    Only items whose metadata passes are listed. Accepted: an object of fields and the values, lists
    of values, or bounds (gte, gt, lte, lt, eq, ne, in) they must have.
    """


class ItemsImageQuery(TypedDict, total=False):
    """The fields in the address of `items_image`."""

    photo: int
    """
    Which photograph, as results number them. Accepted: a whole number from 0, below the number of
    the item's photographs.
    """
    width: Literal[160, 320, 640, 1280]
    """
    The width in pixels of a thumbnail, upright, in WebP or JPEG; none is wider than its picture.
    Without it the file itself is sent. Accepted: 160, 320, 640, 1280.
    """
    v: str
    """
    What `image_url` carries; while it is that of the picture, the answer may be kept for ever.
    Accepted: a text that is not empty.
    """


class ItemsSimilarQuery(TypedDict, total=False):
    """The fields in the address of `items_similar`."""

    limit: int
    """Results on a page. Accepted: a whole number from 1 to 100."""
    offset: int
    """Results of the ranking to leave out before the page. Accepted: a whole number from 0 to 100,000."""
    min_score: float
    """Items that score less are not listed. Accepted: a number from -1 to 1."""
    filter: dict[str, Any] | None
    """
    Only items whose metadata passes are listed. Accepted: an object of fields and the values, lists
    of values, or bounds (gte, gt, lte, lt, eq, ne, in) they must have.
    """
    collapse_duplicates: bool
    """List of equal pictures only the best. Accepted: true or false."""
    explain: bool
    """Give each result the address of why it was found. Accepted: true or false."""
    boost: list[BoostBy]
    """
    Of the ranking's first 1,000 items, those whose metadata passes a `filter` count as if they
    scored `add` more. Accepted: a list of up to 16 objects with a `filter` and `add`, a number from
    -2 to 2.
    """
    sort: SortBy | None
    """
    Orders the ranking's first 1,000 items by a field of their metadata, those without one last.
    Accepted: an object with `field` and `order`, "asc" or "desc".
    """
    facets: list[str]
    """
    Fields whose values are counted in the ranking's first 1,000 items. Accepted: a list of up to 16
    different names of fields.
    """
    fields: list[str] | None
    """
    Fields of the metadata that results have; all where it is left out. Accepted: a list of up to
    100 different names of fields.
    """


class StatusImageQuery(TypedDict, total=False):
    """The fields in the address of `status_image`."""

    version: str
    """The version of `item_id`. Accepted: the name of a version."""
    item_id: str
    """An item of `version`. Accepted: a text that is not empty."""
    build: str
    """The build of `skipped`. Accepted: the name of a build that is listed."""
    skipped: int
    """Which of the photographs that `build` has skipped. Accepted: a whole number from 0."""
    golden: int
    """Which golden query. Accepted: a whole number from 0."""
    loose: int
    """Which query that found nothing close. Accepted: a whole number from 0."""
    width: Literal[160, 320, 640, 1280]
    """Its width in pixels. Accepted: 160, 320, 640, 1280."""
