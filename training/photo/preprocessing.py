"""The constants that determine the pixels an encoder sees, and the version derived from them.

Every constant of this module is part of the version: changing or adding one changes the version, and encoders
trained for another version are refused. A change of code that changes pixels must raise `CODE` by hand.
"""

import hashlib
import json

CODE = 8
"""Number of the code in `training.photo`; raised by hand whenever other pixels come out of it."""

WORKING_SIZE = 256
"""Longer side, in pixels, at which photographs are decoded for isolation."""

OVERSAMPLED = 1.5
"""How many times as large as wanted a JPEG is decoded, at least; there are halves, quarters and eighths."""

SEGMENTER_SIDE = 128
"""Side of the segmenter's input and output in pixels."""

MASK_THRESHOLD = 0.5
"""Probability above which a pixel belongs to the garment."""

CONNECTIVITY = 1
"""Pixels of one component of the mask share a side (1), or a side or a corner (2)."""

SMALLEST_PART = 0.15
"""Area of a component, as a share of the largest one's, below which it is dropped from the mask."""

MIN_AREA = 0.02
"""Area of the mask, as a share of the photograph's, below which the garment counts as not found."""

SMALLEST_WORN = 0.003
"""The same of shoes, bags and hats on a person; half of `MIN_AREA` holds for other garments there."""

WORN_SHARE = 0.06
"""Area of skin and hair, as a share of the garments', from which the garments are taken to be worn."""

PERSON_MARGIN, LAID_OUT_MARGIN = 0.2, 0.1
"""Margin on each side of a closer look, at a person or at what is laid out, as a share of its box."""

SURE_SPLIT = 0.55
"""Mean difference of two types' probabilities, as a share of their sum, from which a person wears both."""

MIN_CONFIDENCE = 0.5
"""Below this the garment counts as not found, and the whole photograph is taken."""

SURE_OF_TURN = 6.0
"""Log odds, of two looks together, from which a photograph is turned by quarters to stand upright."""

MASK_BLUR, MASK_BLUR_RADIUS = 0.7, 3
"""Standard deviation and radius, in pixels of the mask, of the Gaussian that softens its outline."""

SIDE = 128
"""Side of the cut-out in pixels."""

MARGIN = 0.06
"""Margin on each side of the cut-out, as a share of the garment's longer side."""

TILT_SIDE, TILT_STEP, TILT_MOST = 32, 4, 24
"""Side in pixels of the masks in which a garment's tilt is measured; angles that are tried, in degrees."""

TILT_COST, TILT_GAIN = 0.003, 0.03
"""By how much the intersection over union of a mask and its mirror image must rise for a degree of tilt, and
at least; else what is round or lopsided would lie any way."""

LUMINANCE = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue in luminance (ITU-R BT.709, as in scikit-image)."""

SKETCH_MIN_CONTRAST = 24.0
"""Levels of luminance between the strokes and the paper below which the paper counts as empty."""

SKETCH_SPECK = 6
"""Pixels up to which a spot on the paper is dirt."""

SKETCH_GAP_RADII = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20)
"""Half the widths, in pixels of `WORKING_SIZE`, of the gaps in an outline that are closed by trial."""

SKETCH_WIDEST_PEN = 6.0
"""Half the width, in pixels of `WORKING_SIZE`, above which a stroke is a painted area."""

SKETCH_ALL, SKETCH_MOST = 0.97, 0.7
"""Shares of the strokes that must lie on the area they enclose, at best and at least."""

SKETCH_BLUR = 0.8
"""Standard deviation, in pixels of the drawing, of the Gaussian that softens the outline's mask."""


def _digest() -> str:
    constants = {name: value for name, value in globals().items() if name.isupper() and name != "CODE"}
    return hashlib.sha256(json.dumps(constants, sort_keys=True).encode()).hexdigest()[:8]


def version(segmenter: str) -> str:
    """Return the version of the preprocessing, such as ``2-f91d4ca3-0a1b2c3d``.

    Parameters
    ----------
    segmenter : str
        Fingerprint of the segmenter that makes the masks.

    Returns
    -------
    str
        The number of the code, the segmenter's fingerprint and the digest of the constants, both shortened.
    """
    return f"{CODE}-{segmenter[:8]}-{_digest()}"
