"""The only decoder: the bytes of an image become upright RGB, uint8 (h, w, 3), on white."""

import io
from collections.abc import Callable
from functools import cache
from math import ceil
from pathlib import Path

import numpy as np
from PIL import AvifImagePlugin, Image, ImageOps

from training.errors import FileTooLarge, ImageTooLarge, UnreadableImage, UnsupportedImageType
from training.photo import media_types
from training.photo.decode_cost import check_decode_cost
from training.photo.preprocessing import OVERSAMPLED
from training.photo.structure import check_structure

MAX_BYTES = 32 * 2**20
MAX_PIXELS = 64_000_000
MAX_MS = 30_000
MIN_SIDE = 16
"""Pixels that each side of a picture, or of the part that is looked at, has at least, as it was sent."""

Image.MAX_IMAGE_PIXELS = None
"""Pillow's own ceiling is off: `decode` checks every picture against its caller's, and names both numbers."""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a picture is one of several that are decoded at the same time


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a file's bytes, one more than `max_bytes` at most; raises `UnreadableImage`."""
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise UnreadableImage(f"The file can't be read ({error.strerror}). Check that it exists.") from error


@cache
def _register_heif() -> None:
    import pillow_heif  # 4 MB of libraries, where a HEIC comes

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def _open(data: bytes, form: str) -> Image.Image:
    check_structure(data, form)
    if form == "HEIF":
        _register_heif()
    try:
        return Image.open(io.BytesIO(data), formats=[form])
    except Exception as error:  # on hostile bytes Pillow's readers raise almost anything
        raise UnreadableImage("The image's header is damaged. Export it again and retry.") from error


def _form(data: bytes) -> str:
    found = media_types.detect(data[: media_types.HEAD])
    if found is None:
        kind = media_types.describe(data[:1000])
        named = f", but {kind}" if kind else ""
        what = f"not an image of a supported type{named}" if data else "an empty file"
        detail = f"This is {what}. Supported: {media_types.names()}. Convert the file and retry."
        raise UnsupportedImageType(detail)
    return found.pillow_format


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The image has {width} x {height} pixels; at most {max_pixels:,} pixels in all are accepted. "
            "Send a smaller picture."
        )
    if min(width, height) < MIN_SIDE:
        raise UnreadableImage(
            f"The image has {width} x {height} pixels; each side needs at least {MIN_SIDE}. "
            "Send a larger picture."
        )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF says nothing of the pixels: take them as they lie
        return image


def _key_as_alpha(image: Image.Image, data: bytes, form: str) -> Image.Image:
    """Turn a colour that stands for transparency into an alpha channel, before it is averaged with others."""
    key = image.info.get("transparency")
    if key is None or image.mode not in ("1", "L", "RGB"):
        return image
    depth = data[24] if form == "PNG" else 8  # Pillow leaves the key in the depth of the file
    if image.mode == "L":
        most = 2**depth - 1
        image.info["transparency"] = (key & most) * 255 // most
    elif image.mode == "RGB" and depth == 16:
        image.info["transparency"] = tuple(value >> 8 for value in key)
    return image.convert("RGBA")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey
        grey = np.asarray(image)
        high = np.where(grey == image.info.get("transparency", -1), 255, grey >> 8)
        return Image.fromarray(np.clip(high, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def _draft(image: Image.Image, size: int) -> None:
    """Have a JPEG decoded at a scale; Pillow finds the right one for a size of the picture's proportions."""
    scale = OVERSAMPLED * size / max(image.size)
    if scale < 1:
        image.draft(None, (ceil(scale * image.width), ceil(scale * image.height)))


def _reduced(image: Image.Image, size: int) -> Image.Image:
    """Average blocks of pixels while twice `size` is left, before a conversion copies all of them."""
    factor = max(image.size) // (2 * size)
    if factor < 2 or image.mode.startswith("I;16"):  # which Pillow can not average
        return image
    if image.mode in ("1", "P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.reduce(factor)


def shrink(photo: np.ndarray, *, size: int) -> np.ndarray:
    """Scale a picture, uint8 (h, w, 3), so that its longer side is at most `size` pixels."""
    image = Image.fromarray(photo)
    image.thumbnail((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.asarray(image)


def decode(
    source: bytes | Path,
    *,
    size: int | None = None,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    max_ms: int = MAX_MS,
    admit: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Decode one picture, upright by its EXIF orientation, transparency laid on white.

    Parameters
    ----------
    source : bytes or Path
        The encoded file, or where it lies.
    size : int, optional
        The longer side of the result is at most this many pixels; JPEGs are then decoded at the
        nearest scale above `OVERSAMPLED` times that, which is several times faster. Without it: full size.
    max_bytes, max_pixels, max_ms : int
        Ceilings that keep one picture from taking all memory or time; pixels and the decode cost (see
        `training.photo.decode_cost`) are checked before decoding.
    admit : callable, optional
        Called with width and height before the pixels are decoded; it may wait until there is room.

    Returns
    -------
    rgb : uint8 (h, w, 3)

    Raises
    ------
    FileTooLarge, ImageTooLarge, ImageTooComplex, UnsupportedImageType, UnreadableImage
        Saying what was received and what is accepted.
    """
    data = source if isinstance(source, bytes) else read_bytes(source, max_bytes=max_bytes)
    if len(data) > max_bytes:
        raise FileTooLarge(f"The file has more than {max_bytes:,} bytes. Send a smaller one.")
    form = _form(data)
    image = _open(data, form)
    _check_size(image, max_pixels)
    check_decode_cost(image, data, form, most_ms=max_ms)
    if admit is not None:
        admit(*image.size)
    try:
        image = _key_as_alpha(image, data, form)
        if size is not None:
            _draft(image, size)
        if size is not None and image.mode in ("RGB", "L", "CMYK"):
            image.thumbnail((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
        elif size is not None:
            image = _reduced(image, size)
        rgb = _to_rgb(_upright(image))
        if size is not None:
            rgb.thumbnail((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
        return np.asarray(rgb)
    except Exception as error:
        detail = "The image is damaged or incomplete. Send the whole file, or export it again."
        raise UnreadableImage(detail) from error
