"""A sewing pattern: the pieces, seams and buttons of a garment, in centimetres, back to front."""

from dataclasses import dataclass, field
from typing import Literal

from training.drawing.curves import Curve, Point, mirrored

Cloth = Literal["main", "trim", "inside", "dark", "metal"]


@dataclass(frozen=True)
class Piece:
    """A closed outline of one cloth; `axis` rotates its print (radians), `shade` darkens it."""

    outline: Curve
    cloth: Cloth = "main"
    axis: float = 0.0
    shade: float = 1.0


@dataclass(frozen=True)
class Seam:
    """A line on the cloth, darker than it by `strength` (lighter where negative)."""

    curve: Curve
    strength: float = 0.3


@dataclass
class Pattern:
    """All pieces, seams and buttons; `hanger` is the line of the shoulders, `logo` the place for a logo."""

    pieces: list[Piece] = field(default_factory=list)
    seams: list[Seam] = field(default_factory=list)
    buttons: list[Point] = field(default_factory=list)
    hanger: tuple[Point, Point] | None = None
    logo: tuple[Point, float] | None = None  # centre, half width
    drape: float = 0.5  # 0 stiff to 1 falling in folds

    def piece(self, outline: Curve, cloth: Cloth = "main", *, axis: float = 0.0, shade: float = 1.0) -> None:
        """Add a piece on top of the others."""
        self.pieces.append(Piece(outline, cloth, axis, shade))

    def pair(self, outline: Curve, cloth: Cloth = "main", *, axis: float = 0.0, shade: float = 1.0) -> None:
        """Add a piece and its mirror image."""
        self.piece(outline, cloth, axis=axis, shade=shade)
        self.piece(mirrored(outline), cloth, axis=-axis, shade=shade)

    def seam(self, curve: Curve, strength: float = 0.3) -> None:
        """Add a seam."""
        self.seams.append(Seam(curve, strength))

    def seam_pair(self, curve: Curve, strength: float = 0.3) -> None:
        """Add a seam and its mirror image."""
        self.seam(curve, strength)
        self.seam(mirrored(curve), strength)
