"""Response bodies of the status page, which only a key opens."""

from typing import Literal

from pydantic import Field

from service.responses import Answer, Body, Item, Version


class StatusVersion(Version):
    """A published version, with what is known of its build."""

    catalogue: str
    photographs: int
    duplicates: int
    skipped: int
    gate: dict[str, float] = Field(description="What was measured before it was published.")
    bundle: str | None = Field(description="Folder of its encoder, as its build has noted it.")
    build: str | None = Field(description="The note of its build; null where there is none.")


class StatusBuild(Body):
    """How a build went."""

    build: str = Field(description="Names its note.")
    begun: str
    outcome: Literal["running", "published", "refused", "interrupted"] = Field(
        description='"interrupted" where its process was ended or killed.'
    )
    took: float = Field(description="Seconds; 0 where its process was killed.")
    version: str | None
    since: str | None = Field(description="The version that was in use before.")
    catalogue: str
    problem: str = Field(description="Why nothing was published.")
    seconds: dict[str, float] = Field(description="Of each step.")
    counts: dict[str, int] = Field(description="Items in all, and new, changed, removed, skipped ones.")
    figures: dict[str, float] = Field(description="What the gate has measured.")
    failures: list[str] = Field(description="A line for each check that failed.")


class UsageOfPeriod(Body):
    """Searches of an hour, or of several."""

    at: int = Field(description="When it begins, in seconds since 1970.")
    searches: int
    answered: int
    refused: int = Field(description="Not answered, whatever the reason.")
    busy: int = Field(description="Not answered for want of capacity.")
    judged: int = Field(description="Answers to pictures.")
    loose: int = Field(description="Those of them that found nothing close.")
    p50_ms: float | None = Field(description="Median time to an answer; null where there was none.")
    p95_ms: float | None
    p99_ms: float | None


class UsageOfSpan(Body):
    """Searches of a day, or of a month: part by part, the oldest first, and all together."""

    parts: list[UsageOfPeriod]
    total: UsageOfPeriod


class LooseSearch(Body):
    """A query that found nothing close."""

    at: float = Field(description="Seconds since 1970.")
    kind: str
    category: str | None
    confidence: float | None
    percentile: float | None = Field(description="That of the first result.")
    image_url: str | None = Field(description="Its picture, where the operator lets pictures be kept.")


class GoldenQuery(Body):
    """A golden query of the last build."""

    golden: int
    name: str
    k: int
    item_ids: list[str] = Field(description="What must be among the first `k` results.")
    missing: list[str] = Field(description="What was not, in the last build.")
    image_url: str


class StatusAnswer(Answer):
    """What who runs the service wants to know."""

    now: float
    current: str | None = Field(description="The version that is current; null where there is none.")
    served: str | None = Field(
        description="The version that answers: another one where the current one can't be used."
    )
    encoder: str = Field(description="Fingerprint of the encoder that queries are embedded with.")
    items: int | None = Field(description="Items that can be found; null where no index is in use.")
    changes: int | None = Field(description="Items that have changed since the version was built.")
    versions: list[StatusVersion] = Field(description="Newest first.")
    damaged: list[str] = Field(description="Versions whose manifests can't be read.")
    builds: list[StatusBuild] = Field(description="Newest first.")
    day: UsageOfSpan | None = Field(description="Of 24 hours; null where figures can't be read.")
    month: UsageOfSpan | None = Field(description="Of 30 days; null where figures can't be read.")
    loose: list[LooseSearch] = Field(description="Newest first.")
    pictures_kept: bool = Field(description="Whether queries that found nothing close keep their pictures.")
    golden: list[GoldenQuery]


class ChangedItem(Body):
    """An item that a build has changed."""

    item_id: str
    image_url: str | None = Field(description="Its photograph, where a version is kept that has it.")


class SkippedItem(Body):
    """A photograph that a build has skipped, or an item."""

    item_id: str
    path: str
    reason: str
    image_url: str | None


class BuildAnswer(StatusBuild, Answer):
    """What a build has changed: the first items of each list."""

    new: list[ChangedItem]
    changed: list[ChangedItem]
    removed: list[ChangedItem]
    skipped: list[SkippedItem]


class ComparedHit(Item):
    """A result of one of two versions."""

    rank: int
    score: float
    percentile: float
    other_rank: int | None = Field(description="Its rank in the other version; null behind the first 100.")
    elsewhere: bool = Field(description="Whether the other version holds the item at all.")
    wanted: bool = Field(description="Whether the golden query asks for it.")


class ComparedVersion(Body):
    """What one of two versions finds."""

    version: str
    encoder: str
    category: str | None
    confidence: float | None
    results: list[ComparedHit]
    missing: list[str] = Field(description="What the golden query asks for and is not among its first `k`.")


class ComparisonAnswer(Answer):
    """What two versions find for one query; both as they were built, without changes made since."""

    before: ComparedVersion
    after: ComparedVersion
    came: int = Field(description="Results of `after` that are not among those of `before`.")
    went: int
    moved: int = Field(description="Results of both at different ranks.")
