"""Pictures by URL: the address in a request, the file's bytes out."""

from service.config import Config
from service.errors import RefusedRequest, refusing
from training.addresses.download import read_address
from training.addresses.public_hosts import Hosts


def fetch(url: str, settings: Config) -> bytes:
    """Fetch a picture from the public internet, or from a host that the settings allow.

    Raises
    ------
    RefusedRequest
        With code `url_not_allowed`, `image_url_unreachable` or `upload_too_large`.
    """
    if not settings.image_urls:
        detail = "This service fetches no images. Download the picture and send its bytes."
        raise RefusedRequest("url_not_allowed", detail, param="image_url")
    with refusing("image_url"):
        return read_address(
            url,
            Hosts(settings.allowed_hosts),
            max_bytes=settings.max_upload_bytes,
            seconds=settings.image_url_seconds,
        )
