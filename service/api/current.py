"""The components of the running application, as `create_app` assembled them; for views only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from flask import current_app

from index.photographs import PHOTOGRAPHS
from index.stores.store import OpenIndex, Store
from index.thumbnails import Thumbnails
from service.api.examples import Examples
from service.config import Config
from service.http.keys import Keyring
from service.http.metrics import Metrics
from service.http.usage import Usage
from service.live_index import LiveIndex
from service.picture.recent_uploads import RecentQueries
from service.picture.stages import Stages


def config() -> Config:
    """Return the settings."""
    return cast(Config, current_app.extensions["silhouette.config"])


def live_index() -> LiveIndex:
    """Return the index in use and its encoder."""
    return cast(LiveIndex, current_app.extensions["silhouette.live_index"])


def served_roots(searcher: OpenIndex) -> tuple[str, ...] | None:
    """Return the folders whose pictures may be served: the version's, and that of what was put."""
    roots = searcher.manifest.roots
    return None if roots is None else (*roots, str(config().indexes / PHOTOGRAPHS))


def queries() -> RecentQueries:
    """Return the recent uploads."""
    return cast(RecentQueries, current_app.extensions["silhouette.queries"])


def examples() -> Examples:
    """Return what chooses the items to start from."""
    return cast(Examples, current_app.extensions["silhouette.examples"])


def thumbnails() -> Thumbnails:
    """Return the thumbnails made so far."""
    return cast(Thumbnails, current_app.extensions["silhouette.thumbnails"])


def store() -> Store:
    """Return the store."""
    return cast(Store, current_app.extensions["silhouette.store"])


def metrics() -> Metrics:
    """Return the metrics of this process."""
    return cast(Metrics, current_app.extensions["silhouette.metrics"])


def usage() -> Usage:
    """Return the counts that the status page shows."""
    return cast(Usage, current_app.extensions["silhouette.usage"])


def keyring() -> Keyring:
    """Return the keys."""
    return cast(Keyring, current_app.extensions["silhouette.keys"])


@contextmanager
def counted_stages() -> Iterator[Stages]:
    """Time the stages of an answer; at the end they count in the metrics, also where the answer failed."""
    stages = Stages()
    try:
        yield stages
    finally:
        metrics().observe_stages(stages.took_ms)
