"""Why a result matched: the SVG of two garments that lie on each other, and a sentence of what agrees."""

from collections.abc import Iterable

import numpy as np
from skimage.measure import find_contours

from service.picture.outlines import outlines
from training.alignment.agreement import ROOM, Agreement
from training.alignment.differences import Difference

_LEADS = (
    (0.92, "Same outline"),
    (0.85, "Nearly the same outline"),
    (0.75, "Similar outline"),
    (0.0, "Different outline"),
)
"""What the least overlap of the masks is called."""

_ALIKE, _UNLIKE = 0.5, 0.1
"""Correlations of inner lines from which they agree, and below which they differ."""

_WORST_APART = 0.1
"""By how much the overlap of a part must be lower than that of all to be named."""

_WORDS: dict[Difference, str] = {
    "longer": "longer",
    "shorter": "shorter",
    "sleeves_longer": "sleeves longer",
    "sleeves_shorter": "sleeves shorter",
    "hem_wider": "hem wider",
    "hem_narrower": "hem narrower",
}
_PLACES = {
    "upper": "in the upper part",
    "middle": "in the middle",
    "lower": "in the lower part",
    "left": "on the left",
    "right": "on the right",
}

_HEAT_LEVELS = (0.15, 0.25, 0.35)
_FRAME = 4  # units around what is drawn

_DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="512" height="512" role="img">
<title>{sentence}</title>
<desc>The query's outline is solid, the result's broken. Grey is in both, blue in the query alone, \
orange in the result alone; violet is where inner lines agree.</desc>
<defs>
<pattern id="blue" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<path stroke="#2563eb" stroke-width="2.4" d="M0 0V4"/></pattern>
<pattern id="orange" width="3" height="3" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">\
<path stroke="#ea580c" stroke-width="3" d="M0 0V3"/></pattern>
<clipPath id="within"><path clip-rule="evenodd" d="{result}"/></clipPath>
</defs>
<path fill="url(#blue)" fill-rule="evenodd" d="{query}"/>
<path fill="url(#orange)" fill-rule="evenodd" d="{result}"/>
<path fill="#c8c8c8" fill-rule="evenodd" clip-path="url(#within)" d="{query}"/>
<g id="lines" fill="#5b21b6" fill-opacity="0.4" fill-rule="evenodd">{heat}</g>
<path id="query" fill="none" stroke="#2563eb" stroke-width="1.4" stroke-linejoin="round" d="{query}"/>
<path id="result" fill="none" stroke="#ea580c" stroke-width="1.4" stroke-linejoin="round" \
stroke-dasharray="3 1.6" d="{result}"/>
</svg>
"""


def sentence(found: Agreement) -> str:
    """Say in what a result agrees with the query and in what it does not, by what was measured alone."""
    said = [next(lead for least, lead in _LEADS if found.overlap >= least)]
    said += [_WORDS[name] for name in found.differences]
    worst = min(found.parts, key=lambda name: found.parts[name].overlap)
    if not found.differences and found.parts[worst].overlap < found.overlap - _WORST_APART:
        said.append(f"differs most {_PLACES[worst]}")
    if found.lines is not None and found.lines >= _ALIKE:
        said.append("inner lines agree")
    elif found.lines is not None and found.lines < _UNLIKE:
        said.append("inner lines differ")
    return "; ".join(said)


def _path(lines: Iterable[np.ndarray]) -> str:
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line[:-1].tolist()) + "Z" for line in lines)


def _heat(heat: np.ndarray) -> str:
    """Return filled contours, one over the other, of where inner lines agree."""
    levels = [_path(2 * line[:, ::-1] + 1 for line in find_contours(heat, level)) for level in _HEAT_LEVELS]
    return "".join(f'<path d="{path}"/>' for path in levels if path)


def draw(query: np.ndarray, result: np.ndarray, found: Agreement) -> str:
    """Return the SVG of two garments, the result laid on the query.

    Parameters
    ----------
    query, result : uint8 (128, 128)
        Masks of their cut-outs.
    found : Agreement
        Of these two.
    """
    ours = [line + ROOM for line in outlines(query)]
    theirs = [found.transform.of_places(line, len(result)) + ROOM for line in outlines(result)]
    side = len(query) + 2 * ROOM
    places = np.concatenate([*ours, *theirs, [(ROOM, ROOM), (side - ROOM, side - ROOM)]])
    left, top = np.floor(places.min(axis=0) - _FRAME)
    right, bottom = np.ceil(places.max(axis=0) + _FRAME)
    return _DRAWING.format(
        view=f"{left:g} {top:g} {right - left:g} {bottom - top:g}",
        sentence=sentence(found),
        query=_path(ours),
        result=_path(theirs),
        heat=_heat(found.heat),
    )
