"""The shape of a drawn garment: its type and the parameters, mostly in [0, 1], of its pattern."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from numpy.random import Generator

Range = tuple[float, float]

TOP: dict[str, Range] = {
    "neckline_depth": (0.0, 1.0),
    "neck_width": (0.0, 1.0),
    "sleeve_width": (0.0, 1.0),
    "width": (0.0, 1.0),
    "waist": (0.0, 0.6),
    "hem_curve": (0.0, 0.5),
}
RANGES: dict[str, dict[str, Range]] = {
    "t-shirt": TOP | {"sleeve_length": (0.14, 0.4), "body_length": (0.1, 0.36)},
    "longsleeve": TOP | {"sleeve_length": (0.75, 1.0), "body_length": (0.14, 0.4)},
    "shirt": TOP | {"sleeve_length": (0.3, 1.0), "body_length": (0.22, 0.42), "hem_curve": (0.2, 1.0)},
    "outwear": TOP | {"sleeve_length": (0.85, 1.0), "body_length": (0.18, 0.75), "flare": (0.0, 0.35)},
    "dress": TOP
    | {"sleeve_length": (0.0, 1.0), "body_length": (0.4, 1.0), "waist": (0.3, 1.0), "flare": (0.0, 1.0)},
    "skirt": {"body_length": (0.0, 0.7), "width": (0.0, 1.0), "flare": (0.0, 1.0), "hem_curve": (0.0, 1.0)},
    "pants": {"body_length": (0.68, 1.0), "width": (0.0, 1.0), "leg_width": (0.0, 1.0), "flare": (0.0, 0.6)},
    "shorts": {
        "body_length": (0.08, 0.34),
        "width": (0.0, 1.0),
        "leg_width": (0.2, 1.0),
        "flare": (0.0, 0.4),
    },
    "hat": {"crown": (0.0, 1.0), "brim": (0.0, 1.0), "width": (0.0, 1.0)},
    "shoes": {"shaft": (0.0, 1.0), "heel": (0.0, 1.0), "toe": (0.0, 1.0)},
}
NECKLINES: dict[str, tuple[str, ...]] = {
    "t-shirt": ("round", "v", "boat"),
    "longsleeve": ("round", "v", "high"),
    "shirt": ("collar",),
    "outwear": ("hood", "lapels", "stand"),
    "dress": ("round", "v", "boat", "square"),
}
TYPES = tuple(RANGES)
SLEEVELESS_DRESSES = 0.4  # share


@dataclass(frozen=True)
class Shape:
    """How a garment is cut; a parameter that its type does not have is 0, or '' for the neckline.

    All numbers are in [0, 1] and mean the same for every type: a ``sleeve_length`` of 0.5 ends at
    the elbow of a t-shirt and of a dress.
    """

    type: str
    neckline: str = ""
    neckline_depth: float = 0.0
    neck_width: float = 0.0
    sleeve_length: float = 0.0
    sleeve_width: float = 0.0
    body_length: float = 0.0
    width: float = 0.0
    waist: float = 0.0
    flare: float = 0.0
    hem_curve: float = 0.0
    leg_width: float = 0.0
    crown: float = 0.0
    brim: float = 0.0
    shaft: float = 0.0
    heel: float = 0.0
    toe: float = 0.0


def parameters(garment_type: str) -> frozenset[str]:
    """Return the names of the parameters of garments of this type, without the type itself."""
    return frozenset(RANGES[garment_type]) | ({"neckline"} if garment_type in NECKLINES else set())


def describe(shape: Shape) -> dict[str, Any]:
    """Return the type and the parameters it has, so that ``Shape(**describe(shape)) == shape``."""
    names = parameters(shape.type) | {"type"}
    return {name: value for name, value in asdict(shape).items() if name in names}


def sample_shape(rng: Generator, garment_type: str = "") -> Shape:
    """Sample a shape: its type, unless given, then each parameter, uniformly over the range of the type."""
    garment_type = garment_type or TYPES[rng.integers(len(TYPES))]
    values: dict[str, Any] = {
        name: round(float(rng.uniform(*bounds)), 3) for name, bounds in RANGES[garment_type].items()
    }
    if garment_type == "dress" and rng.random() < SLEEVELESS_DRESSES:
        values["sleeve_length"] = 0.0
    if garment_type in NECKLINES:
        necklines = NECKLINES[garment_type]
        values["neckline"] = necklines[rng.integers(len(necklines))]
    return Shape(garment_type, **values)


def _difference(first: Any, second: Any) -> float:
    return abs(first - second) if isinstance(first, float) else float(first != second)


def _differences(first: Shape, second: Shape, names: Collection[str]) -> float:
    return sum(_difference(getattr(first, name), getattr(second, name)) for name in sorted(names))


def parameter_distance(first: Shape, second: Shape, names: Collection[str]) -> float:
    """Return the mean difference of the named parameters, in [0, 1]; another neckline counts as 1."""
    return _differences(first, second, names) / len(names)


def shape_distance(first: Shape, second: Shape) -> float:
    """Return the true distance of two shapes, by which a search by shape should rank.

    For shapes of the same type, the mean difference of the parameters, in [0, 1] (another neckline counts as
    1). Otherwise 1 plus the sum of the differences of the parameters that both types have, divided by the
    number of all parameters, in [1, 2]: any garment of the same type is at least as near as any of another.
    It is symmetric, zero for equal shapes, and satisfies the triangle inequality.
    """
    common = parameters(first.type) & parameters(second.type)
    total = _differences(first, second, common)
    if first.type == second.type:
        return total / len(common)
    return 1 + total / (len(Shape.__dataclass_fields__) - 1)
