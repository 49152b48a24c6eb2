"""Overlay of two garments: masks uint8 (128, 128) of cut-outs in, an SVG of both outlines out.

Cut-outs are centred and of one size, which is how the encoder sees them: the masks lie as they are compared.
"""

import numpy as np
from skimage.measure import find_contours

_LEVEL = 127.5
_TOLERANCE = 0.4
_SMALLEST = 12  # points; what has fewer is a speck

_DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" \
width="512" height="512" role="img">
<title>Both outlines: the query's with a solid line, the result's with a broken one</title>
<path id="query" fill="#2563eb" fill-opacity="0.18" fill-rule="evenodd" stroke="#2563eb" stroke-width="1.2" \
stroke-linejoin="round" d="{query}"/>
<path id="result" fill="#ea580c" fill-opacity="0.18" fill-rule="evenodd" stroke="#ea580c" stroke-width="1.2" \
stroke-linejoin="round" stroke-dasharray="3 1.6" d="{result}"/>
</svg>
"""


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return how far points, float (n, 2), are from the straight line between two others."""
    along = end - start
    share = np.clip((points - start) @ along / max(along @ along, 1e-12), 0, 1)
    return np.linalg.norm(points - start - share[:, None] * along, axis=1)


def _simplified(line: np.ndarray) -> np.ndarray:
    """Leave out the points of a line, float (n, 2), that lie within `_TOLERANCE` of what is left.

    `skimage.measure.approximate_polygon` does the same, and brings scipy.signal and 25 MB into every worker.

    References
    ----------
    D. Douglas, T. Peucker, "Algorithms for the reduction of the number of points required to represent a
    digitized line or its caricature", 1973.
    """
    kept, parts = {0, len(line) - 1}, [(0, len(line) - 1)]
    while parts:
        first, last = parts.pop()
        distances = _distances(line[first + 1 : last], line[first], line[last])
        if len(distances) and distances.max() > _TOLERANCE:
            farthest = first + 1 + int(distances.argmax())
            kept.add(farthest)
            parts += [(first, farthest), (farthest, last)]
    return line[sorted(kept)]


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """Trace where a mask crosses one half.

    Parameters
    ----------
    mask : uint8 (h, w)

    Returns
    -------
    list of float (n, 2)
        Closed lines of x and y, in pixels from the upper left corner of the mask.
    """
    padded = np.pad(mask, 1)  # so that a garment at the border has a closed outline, too
    lines = [line for line in find_contours(padded, _LEVEL) if len(line) >= _SMALLEST]
    return [_simplified(line)[:, ::-1] - 0.5 for line in lines]


def _path(mask: np.ndarray) -> str:
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line[:-1].tolist()) + "Z" for line in outlines(mask)
    )


def draw(query: np.ndarray, result: np.ndarray) -> str:
    """Return the SVG of two masks, uint8 (h, w) of one shape."""
    return _DRAWING.format(side=query.shape[0], query=_path(query), result=_path(result))
