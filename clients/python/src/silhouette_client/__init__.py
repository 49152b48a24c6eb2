"""A client of Silhouette, the search for garments by their shape: `Client`, and `AsyncClient` for asyncio.

Numbers in a `box` are fractions of the picture: left, top, right, bottom. What requests take and answers hold
is in `silhouette_client.contract`.
"""

from silhouette_client.async_client import AsyncClient
from silhouette_client.client import Client
from silhouette_client.errors import ApiError
from silhouette_client.messages import Photo, put_line

__all__ = ["ApiError", "AsyncClient", "Client", "Photo", "put_line"]
