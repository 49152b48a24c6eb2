"""One photograph on its way through the encoder: a figure of each step, to see how it works."""

from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from training.alignment.correlation import best_shift, cross_correlation, normalised_correlation
from training.alignment.edge_maps import edge_maps_of, gradients
from training.alignment.registration import smaller
from training.config import from_dict
from training.figures import sheet
from training.figures.layers import Activations, feature_maps, kernels
from training.figures.mask_sheet import Outlined
from training.figures.part_sheet import FRAMES, marked_in, part_sheet
from training.figures.result_sheet import Answered, Shown, result_sheet
from training.figures.walk_sheets import (
    Correlated,
    Parsed,
    bottleneck_sheet,
    correlation_sheet,
    edge_sheet,
    found_sheet,
)
from training.fit.dataset import Dataset
from training.model import bundle
from training.model.autoencoder import Autoencoder
from training.parts.part_maps import as_garment
from training.photo.encoder import Encoder
from training.photo.garment import Garment, cut_out, encoder_input, locate, mask_in_photo
from training.photo.garment_types import type_of
from training.photo.images import decode
from training.photo.preprocessing import MASK_THRESHOLD
from training.photo.segmenter import Segmenter, turn

OF_PHOTO = ("found", "edges", "kernels", "feature_maps", "bottleneck")
OF_GALLERY = ("correlation", "neighbours", *FRAMES)
"""Names of the figures: those of a photograph alone, and those for which others are searched."""

ANSWERS = 10
_PART_QUERIES = {"neckline": 4, "sleeve": 3, "hem": 3}
_COARSE = 64
"""Side of the edge maps that are correlated: lines of two garments never lie on each other to the pixel."""


def _classes(photo: np.ndarray, segmenter: Segmenter) -> np.ndarray:
    """Return the class of each place of a photograph, uint8 (128, 128)."""
    parse = segmenter.parse(photo)
    types = np.repeat(np.repeat(parse.types.argmax(axis=2), 2, axis=0), 2, axis=1)
    dressed = parse.garment > MASK_THRESHOLD
    return np.where(dressed, types + 2, parse.person > MASK_THRESHOLD).astype(np.uint8)


def _parsed(photo: np.ndarray, segmenter: Segmenter) -> tuple[Parsed, Garment]:
    """Find the garments of a photograph; return also the main one."""
    regions, turned = locate(photo, segmenter)
    garments = [cut_out(photo, region, turned) for region in regions]
    height, width = photo.shape[:2]
    masks = tuple(mask_in_photo(garment, height=height, width=width) > 0.5 for garment in garments)
    main = garments[0] if garments else cut_out(photo, None)
    classes = turn(_classes(turn(photo, turned), segmenter), -turned)
    types = tuple(garment.type for garment in garments)
    return Parsed(Outlined(photo, masks), types, classes, main.cutout), main


def _sobel(cutout: np.ndarray, edges: np.ndarray) -> Figure:
    """Draw the steps from a cut-out, uint8 (128, 128, 4), to its edges, float32 (2, 128, 128)."""
    luminance, mask = np.moveaxis(encoder_input(cutout[None])[0], -1, 0).astype(np.float32) / 255
    impulse = np.zeros((3, 3), np.float32)
    impulse[1, 1] = 1
    kernel = [response[::-1, ::-1] for response in gradients(impulse)]  # what a correlation makes of a point
    derivatives = np.stack(gradients(np.stack([mask, luminance])), axis=1)
    derivatives[1] *= mask
    return edge_sheet(np.stack([mask, luminance]), kernel, derivatives, edges)


def activations(model: Autoencoder, edges: np.ndarray) -> list[Activations]:
    """Return what each resolution of the trunk ends with for edges, float32 (128, 128, 2)."""
    last, sees, step = {}, 1, 1
    for layer in model.trunk.layers:
        if isinstance(layer, keras.layers.Conv2D):
            sees += (layer.kernel_size[0] - 1) * step
            step *= layer.strides[0]
        elif isinstance(layer, keras.layers.ReLU):
            last[step] = layer.output, sees
    outputs = keras.Model(model.trunk.input, [output for output, _ in last.values()])(edges[None])
    return [
        Activations(np.asarray(maps)[0], sees) for maps, (_, sees) in zip(outputs, last.values(), strict=True)
    ]


def _through(model: Autoencoder, cutout: np.ndarray) -> dict[str, Figure]:
    """Draw what the layers make of a cut-out, uint8 (128, 128, 4), down to the bottleneck and back."""
    edges = np.asarray(model.clean_edges(cutout[None]))
    seen = model(cutout[None], training=False)
    bottleneck = np.asarray(model.bottleneck(model.trunk(edges)))
    weights = next(np.asarray(weight) for weight in model.trunk.weights if len(weight.shape) == 4)
    rebuilt, drawn = (np.asarray(seen[name])[0] for name in ("reconstruction", "target"))
    return {
        "edges": _sobel(cutout, np.moveaxis(edges[0], -1, 0)),
        "kernels": kernels(weights),
        "feature_maps": feature_maps(activations(model, edges[0]), edges[0]),
        "bottleneck": bottleneck_sheet(drawn, bottleneck[0], rebuilt),
    }


def _lines(cutouts: np.ndarray) -> np.ndarray:
    """Return outline and inner lines of cut-outs, uint8 (n, 128, 128, 4), in one map: float32 (n, 64, 64)."""
    return np.asarray(smaller(edge_maps_of(encoder_input(cutouts)), _COARSE).max(axis=1))


def _correlation(query: Garment, answers: np.ndarray) -> Figure:
    """Look for a part of a garment in cut-outs, uint8 (n, 128, 128, 4), and draw the one that has it most."""
    frame = next((frame for frame, types in FRAMES.values() if query.type in types), FRAMES["hem"][0])
    mark = marked_in(as_garment(query.cutout).box, frame)
    left, top, right, bottom = np.rint(np.multiply(mark, _COARSE)).astype(int)
    lines, others = _lines(query.cutout[None])[0], _lines(answers)
    part = lines[top:bottom, left:right]
    normalised = normalised_correlation(
        others, np.broadcast_to(part, (len(others), *part.shape)), overlap=0.9
    )
    best = int(normalised.max(axis=(1, 2)).argmax())
    down, x = best_shift(normalised[best], part.shape).tolist()
    height, width = part.shape
    found = x / _COARSE, down / _COARSE, (x + width) / _COARSE, (down + height) / _COARSE
    plain = cross_correlation(others[best], part)
    return correlation_sheet(Correlated(lines, others[best], mark, found, part, plain, normalised[best]))


def _searched(encoder: Encoder, photo: np.ndarray, garment: Garment, gallery: Dataset) -> dict[str, Figure]:
    """Draw the nearest by shape of a photograph's garment, and searches by parts of the gallery's own."""
    vectors = encoder.embed_cutouts(gallery.cutouts)
    cosines = vectors @ encoder.embed_cutouts(garment.cutout[None])[0]
    best = np.argsort(-cosines, kind="stable")[:ANSWERS].tolist()
    answers = tuple(
        Shown(decode(item.path, size=320), item.category or "", float(cosines[row]))
        for row, item in ((row, gallery.items[row]) for row in best)
    )
    drawn = {
        "correlation": _correlation(garment, gallery.cutouts[best]),
        "neighbours": result_sheet([Answered(Shown(photo), answers)]),
    }
    types, rng = [type_of(item.category) for item in gallery.items], np.random.default_rng(0)
    for name, (_, had_by) in FRAMES.items():
        rows = [row for row, kind in enumerate(types) if kind is None or kind in had_by]
        chosen = rng.permutation(rows)[: _PART_QUERIES[name]].tolist()
        if chosen:
            drawn[name] = part_sheet(name, gallery.cutouts, vectors, chosen)
    return drawn


def walk(folder: Path, photo: np.ndarray, *, gallery: Dataset | None = None) -> dict[str, Figure]:
    """Follow a photograph through the encoder of a bundle.

    Parameters
    ----------
    folder : Path
        The bundle.
    photo : uint8 (h, w, 3)
        With a longer side of `training.photo.garment.WORKING_SIZE`.
    gallery : Dataset, optional
        What is searched: for the photograph's garment, and by parts of its own.

    Returns
    -------
    dict of Figure
        By `OF_PHOTO`; with a gallery also by `OF_GALLERY`, without the parts that no garment of it has.

    Raises
    ------
    UnreadableEncoder, EncoderMismatch
        The bundle is damaged or its weights are missing.
    """
    encoder = Encoder.load(folder)
    model = bundle.restore(folder, from_dict(encoder.description["config"]))
    parsed, garment = _parsed(photo, encoder.segmenter)
    drawn = {"found": found_sheet(parsed), **_through(model, garment.cutout)}
    return drawn if gallery is None else drawn | _searched(encoder, photo, garment, gallery)


def draw_walk(folder: Path, photo: np.ndarray, *, gallery: Dataset | None = None, out: Path) -> list[Path]:
    """Draw the figures of `walk` as PNGs of their names in a folder; return their paths."""
    figures = walk(folder, photo, gallery=gallery)
    for name, figure in figures.items():
        sheet.save(figure, out / f"{name}.png")
    return [out / f"{name}.png" for name in figures]
