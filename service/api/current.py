"""The parts of the running application, as `create_app` has put them together; for views only."""

from typing import cast

from flask import current_app

from index.stores.store import Store
from service.config import Config
from service.live_index import Engine
from service.picture.recent_uploads import RecentQueries


def config() -> Config:
    """Return the settings."""
    return cast(Config, current_app.extensions["silhouette.config"])


def engine() -> Engine:
    """Return what holds the encoder and the index in use."""
    return cast(Engine, current_app.extensions["silhouette.engine"])


def queries() -> RecentQueries:
    """Return the photographs of recent searches."""
    return cast(RecentQueries, current_app.extensions["silhouette.queries"])


def store() -> Store:
    """Return where versions are listed, and items put and deleted."""
    return cast(Store, current_app.extensions["silhouette.store"])
