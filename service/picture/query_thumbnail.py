"""The thumbnail of an upload, for as long as the upload is kept."""

import logging

from index.thumbnails import encode, scaled
from service.config import Config
from service.errors import RefusedRequest
from service.picture.cut_out import TIMES_THE_LIMIT
from service.picture.decoders import decode_apart
from service.picture.recent_uploads import RecentQueries

WIDTH = 320
MEDIA_TYPE = "image/webp"

_log = logging.getLogger(__name__)


class QueryThumbnails:
    """Makes thumbnails of recent uploads, one at a time."""

    def __init__(self, queries: RecentQueries, config: Config) -> None:
        self._queries = queries
        self._seconds = TIMES_THE_LIMIT * config.decode_ms / 1000

    def is_held(self, query_id: str) -> bool:
        """Return whether an upload is still kept."""
        try:
            self._queries.get(query_id)
        except (RefusedRequest, OSError):
            return False
        return True

    def make(self, query_id: str) -> bytes | None:
        """Return the thumbnail of an upload in WebP; None where it has gone, or can't be read."""
        try:
            photo = self._queries.get(query_id)
            rgb = scaled(lambda size: decode_apart(photo, size=size, seconds=self._seconds), WIDTH)
        except RefusedRequest:
            return None
        except Exception:  # of decoders that were killed, too: whatever it is, only a picture is missing
            _log.exception("A query that found nothing close is kept without its picture")
            return None
        return encode(rgb, MEDIA_TYPE)
