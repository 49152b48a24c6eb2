"""A sewing pattern: the pieces, seams and buttons of a garment, in centimetres, back to front."""

from dataclasses import dataclass, field
from typing import Literal

from training.drawing.curves import Curve, Point, mirrored

Cloth = Literal["main", "trim", "inside", "dark", "metal"]
Part = Literal["back", "body", "sleeve", "front"]


@dataclass(frozen=True)
class Piece:
    """A closed outline of one cloth; `axis` rotates its print (radians), `shade` darkens it."""

    outline: Curve
    cloth: Cloth = "main"
    axis: float = 0.0
    shade: float = 1.0
    part: Part = "body"


@dataclass(frozen=True)
class Seam:
    """A line on the cloth, darker than it by `strength` (lighter where negative)."""

    curve: Curve
    strength: float = 0.3
    part: Part = "body"


@dataclass(frozen=True)
class Sleeve:
    """The right sleeve as it was cut: its upper end, its directions, and its widths at both ends."""

    tip: Curve
    along: Curve
    across: Curve
    thick: float
    cuff: float
    length: float


@dataclass
class Pattern:
    """All pieces, seams and buttons; `hanger` is the line of the shoulders, `logo` the place for a logo.

    `part` is what the next pieces and seams belong to. `side` is the right outline from top to hem, `inseam`
    the inner outline of the right leg: a body that wears the garment widens it by them.
    """

    pieces: list[Piece] = field(default_factory=list)
    seams: list[Seam] = field(default_factory=list)
    buttons: list[Point] = field(default_factory=list)
    hanger: tuple[Point, Point] | None = None
    logo: tuple[Point, float] | None = None  # centre, half width
    drape: float = 0.5  # 0 stiff to 1 falling in folds
    part: Part = "body"
    side: Curve | None = None
    inseam: Curve | None = None
    sleeve: Sleeve | None = None

    def piece(self, outline: Curve, cloth: Cloth = "main", *, axis: float = 0.0, shade: float = 1.0) -> None:
        """Add a piece on top of the others."""
        self.pieces.append(Piece(outline, cloth, axis, shade, self.part))

    def pair(self, outline: Curve, cloth: Cloth = "main", *, axis: float = 0.0, shade: float = 1.0) -> None:
        """Add a piece and its mirror image."""
        self.piece(outline, cloth, axis=axis, shade=shade)
        self.piece(mirrored(outline), cloth, axis=-axis, shade=shade)

    def seam(self, curve: Curve, strength: float = 0.3) -> None:
        """Add a seam."""
        self.seams.append(Seam(curve, strength, self.part))

    def seam_pair(self, curve: Curve, strength: float = 0.3) -> None:
        """Add a seam and its mirror image."""
        self.seam(curve, strength)
        self.seam(mirrored(curve), strength)
