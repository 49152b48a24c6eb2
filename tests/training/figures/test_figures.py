"""Figures: what is drawn, where it stands, and that a file is never half written."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from PIL import Image

from training.figures.garment_sheet import garment_rows
from training.figures.history import curves
from training.figures.layers import Activations, feature_maps, kernels
from training.figures.mask_sheet import COLOURS, Outlined, Section, mask_sheet
from training.figures.result_sheet import Answered, Shown, result_sheet
from training.figures.risk_curve import risk_curve
from training.figures.sheet import save
from training.figures.walk_sheets import (
    TINTS,
    Correlated,
    Parsed,
    bottleneck_sheet,
    correlation_sheet,
    edge_sheet,
    found_sheet,
)
from training.photo.garment_types import CLASSES

RED, GREEN, YELLOW = (255, 0, 0), (0, 255, 0), (255, 255, 0)


def _flat(colour):
    return np.full((40, 30, 3), colour, dtype=np.uint8)


def _pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _where(pixels, colour):
    """Bounds of a colour: top, left, bottom, right."""
    rows, columns = np.nonzero((np.abs(pixels.astype(int) - colour) < 6).all(axis=-1))
    assert len(rows), f"{colour} is nowhere"
    return rows.min(), columns.min(), rows.max(), columns.max()


def _texts(figure):
    texts = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        legend = axes.get_legend()
        texts += [text.get_text() for text in axes.texts]
        texts += [text.get_text() for text in legend.get_texts()] if legend else []
    return texts


def _garments(count):
    cutouts = np.zeros((count, 128, 128, 4), dtype=np.uint8)
    cutouts[:, 20:108, 30:98] = (0, 255, 0, 255)
    edges = np.zeros((count, 128, 128, 2), dtype=np.float32)
    edges[:, 20, 30:98] = 1
    return [_flat(RED)] * count, cutouts, edges


def _answered(answers=3):
    shown = [Shown(_flat(GREEN), "shirt", 0.9, True), Shown(_flat(YELLOW), "skirt", 0.8, False)]
    return Answered(Shown(_flat(RED), "shirt"), tuple([shown[0], *[shown[1]] * (answers - 1)]))


def test_a_garment_stands_as_photo_and_cut_out_from_left_to_right():
    pixels = _pixels(garment_rows(*_garments(1)))
    photo, cutout = _where(pixels, RED), _where(pixels, GREEN)
    assert photo[3] < cutout[1]


def test_a_cut_out_stands_on_the_background_without_what_was_around_the_garment():
    photos, cutouts, edges = _garments(1)
    cutouts[:, :10, :, :3] = (0, 0, 255)  # outside of the mask
    pixels = _pixels(garment_rows(photos, cutouts, edges))
    with pytest.raises(AssertionError, match="nowhere"):
        _where(pixels, (0, 0, 255))


def test_the_outline_drawn_is_that_of_the_mask():
    figure = garment_rows(*_garments(1))
    [line] = [line for axes in figure.axes for line in axes.lines]
    across, down = line.get_data()
    size = across.max() + across.min()  # the mask is centred
    assert across.min() / size == pytest.approx(30 / 128, abs=0.01)
    assert down.min() / size == pytest.approx(20 / 128, abs=0.01)


def test_a_row_has_five_pictures_and_seven_with_reconstructions_of_another_size():
    photos, cutouts, edges = _garments(2)
    assert len(garment_rows(photos, cutouts, edges).axes) == 2 * 5
    assert len(garment_rows(photos, cutouts, edges, edges[:, ::2, ::2]).axes) == 2 * 7


@pytest.mark.parametrize("answers", [3, 10])
def test_the_query_stands_at_the_upper_left_of_its_answers(answers):
    pixels = _pixels(result_sheet([_answered(answers)]))
    query, first, others = (_where(pixels, colour) for colour in (RED, GREEN, YELLOW))
    assert query[3] < first[1] < others[3]
    assert query[0] <= first[0] + 2


def test_ten_answers_stand_in_two_rows_beside_a_query_as_high_as_both():
    pixels = _pixels(result_sheet([_answered(10)]))
    query, others = _where(pixels, RED), _where(pixels, YELLOW)
    assert query[2] == pytest.approx(others[2], abs=4)


def test_only_answers_of_the_query_s_category_carry_the_mark():
    figure = result_sheet([_answered(3)])
    legend = 1
    assert _texts(figure).count("\u25cf") == 1 + legend
    assert _texts(figure).count("\u25cb") == 2 + legend


def test_answers_of_unknown_category_carry_no_mark():
    sheet = result_sheet([Answered(Shown(_flat(RED)), (Shown(_flat(GREEN), "sku-1", 0.5),))])
    assert not {"\u25cf", "\u25cb"} & set(_texts(sheet))
    assert {"sku-1", "0.50"} <= set(_texts(sheet))


def test_a_long_label_is_shortened_so_that_it_does_not_meet_the_score():
    long = Shown(_flat(GREEN), "a-very-long-item-id-0123456789", 0.5)
    figure = result_sheet([Answered(Shown(_flat(RED)), (long,))])
    canvas = FigureCanvasAgg(figure)
    boxes = {text.get_text(): text.get_window_extent(canvas.get_renderer()) for text in figure.texts}
    [label] = [text for text in boxes if text.startswith("a-very")]
    assert label.endswith("\u2026")
    assert boxes[label].x1 < boxes["0.50"].x0


def test_a_sheet_without_answers_is_refused():
    with pytest.raises(ValueError, match="at least one answer"):
        result_sheet([Answered(Shown(_flat(RED)), ())])
    with pytest.raises(ValueError, match="at least one answer"):
        result_sheet([])


def test_kernels_are_shown_for_each_input_on_one_scale_about_zero():
    weights = np.zeros((3, 3, 2, 5), dtype=np.float32)
    weights[1, 1, 1, 4] = -0.5
    figure = kernels(weights)
    images = [axes.images[0] for axes in figure.axes]
    assert len(images) == 2 * 5
    assert {image.get_clim() for image in images} == {(-0.5, 0.5)}
    assert images[-1].get_array()[1, 1] == -0.5
    assert {"on the outline", "on the inner lines"} <= set(_texts(figure))


def test_feature_maps_stand_beside_the_edges_each_on_its_own_scale():
    maps = np.stack([np.eye(8), 3 * np.eye(8)], axis=-1).astype(np.float32)
    edges = np.ones((128, 128, 2), dtype=np.float32)
    figure = feature_maps([Activations(maps, 9)], edges)
    images = [axes.images[0] for axes in figure.axes]
    assert [image.get_clim() for image in images] == [(0, 1), (0, 1), (0, 1), (0, 3)]
    assert "2 of 2 maps, 8 x 8; each number sees 9 x 9 pixels" in _texts(figure)


def test_of_a_layer_the_maps_that_vary_most_are_shown_in_their_order():
    maps = np.stack([np.eye(4) * size for size in (3, 0, 5, 1)], axis=-1).astype(np.float32)
    assert Activations(maps, 1).strongest(2).max(axis=(0, 1)).tolist() == [3, 5]
    assert Activations(maps, 1).strongest(9).shape == (4, 4, 4)


def test_a_marked_part_is_framed_where_it_lies_in_the_picture():
    shown = Shown(_flat(GREEN), mark=(0.0, 0.5, 1.0, 1.0))
    figure = result_sheet([Answered(Shown(_flat(YELLOW)), (shown,))])
    answer = figure.axes[-1]
    frame = answer.patches[-1]
    left, right, bottom, top = answer.images[0].get_extent()
    assert frame.get_xy() == pytest.approx((left, (top + bottom) / 2))
    assert (frame.get_width(), frame.get_height()) == pytest.approx((right - left, (bottom - top) / 2))
    assert len(figure.axes[0].patches) == 2, "the query has no part, only its background and rim"


def _edge_maps():
    return np.zeros((2, 128, 128), np.float32)


def test_garments_found_are_outlined_and_named_and_the_classes_of_a_parse_are_coloured():
    classes = np.zeros((8, 8), np.uint8)
    classes[4:] = CLASSES.index("dress")
    mask = np.zeros((40, 30), bool)
    mask[5:30, 5:25] = True
    cutout = np.zeros((128, 128, 4), np.uint8)
    figure = found_sheet(Parsed(Outlined(_flat(RED), (mask,)), ("dress",), classes, cutout))
    assert {"dress", "background"} <= set(_texts(figure))
    [line] = [line for line in figure.axes[2].lines if line.get_color() != "white"]
    assert line.get_color() == TINTS[CLASSES.index("dress")]
    parse = figure.axes[1].images[0].get_array()
    assert parse.shape == (40, 30, 3)
    assert parse[-1, 0].tolist() == [round(share * 255) for share in to_rgb(TINTS[CLASSES.index("dress")])]


def test_each_edge_map_stands_behind_the_kernels_and_derivatives_that_it_is_made_of():
    kernels_of_sobel = [np.eye(3), -np.eye(3)]
    figure = edge_sheet(_edge_maps(), kernels_of_sobel, np.zeros((2, 2, 128, 128)), _edge_maps())
    assert {"strength: outline", "strength: inner lines"} <= set(_texts(figure))
    shapes = [axes.images[0].get_array().shape for axes in figure.axes[:6]]
    assert shapes == [(128, 128), (3, 3), (128, 128), (3, 3), (128, 128), (128, 128)]


def test_the_bright_spot_of_a_correlation_is_ringed_and_the_part_framed():
    scores = np.zeros((70, 80))
    scores[20, 30] = 1
    lines, frame = np.zeros((64, 64), np.float32), (0.25, 0.5, 0.75, 1.0)
    found = Correlated(lines, lines, frame, frame, lines[:7, :17], scores, scores)
    figure = correlation_sheet(found)
    rings = [axes.lines[0].get_data() for axes in figure.axes if axes.lines]
    assert [(int(x[0]), int(y[0])) for x, y in rings] == [(30, 20)] * 2
    framed = [patch for axes in figure.axes for patch in axes.patches]
    assert [patch.get_xy() for patch in framed] == [(15.5, 31.5)] * 2
    assert [(patch.get_width(), patch.get_height()) for patch in framed] == [(32, 32)] * 2


def test_the_numbers_of_the_bottleneck_stand_between_what_is_drawn_and_what_is_rebuilt():
    edges, numbers = np.ones((64, 64, 2), np.float32), np.arange(10, dtype=np.float32)
    figure = bottleneck_sheet(edges, numbers, edges)
    square = next(
        axes.images[0].get_array() for axes in figure.axes if axes.images[0].get_array().shape[0] < 64
    )
    assert square.ravel()[:10].tolist() == numbers.tolist()
    assert {"outline", "bottleneck", "rebuilt: inner lines"} <= set(_texts(figure))


def test_losses_and_scores_stand_on_axes_of_their_own_with_the_best_epoch_marked():
    history = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.5, 2.6], "p_at_10": [0.2, 0.5, 0.4]}
    figure = curves(history)
    losses, scores = figure.axes
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["loss", "validation loss"]
    assert [text.get_text() for text in scores.get_legend().get_texts()] == ["P@10"]
    assert [text.get_text() for text in scores.texts] == ["best 0.500, epoch 2"]
    assert losses.lines[-1].get_xdata() == pytest.approx([2, 2])


def test_epochs_without_a_score_are_passed_over():
    nan = float("nan")
    figure = curves({"loss": [3.0, 2.0, 1.0, 0.9], "val_p_at_10": [nan, 0.3, nan, 0.2]})
    assert figure.axes[1].lines[0].get_xdata().tolist() == [2, 4]
    assert "best 0.300, epoch 2" in _texts(figure)


def test_a_history_without_scores_marks_no_epoch():
    assert not [text for text in _texts(curves({"loss": [2.0, 1.0]})) if text.startswith("best")]


def test_a_saved_figure_is_a_complete_picture_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "figures" / "kernels.png"
    save(kernels(np.zeros((3, 3, 1, 2))), path)
    assert [file.name for file in path.parent.iterdir()] == ["kernels.png"]
    with Image.open(path) as picture:
        assert np.asarray(picture.convert("RGB"))[0, 0].tolist() == [round(c * 255) for c in to_rgb("white")]


def test_a_failed_save_leaves_the_former_picture_as_it_was(tmp_path):
    path = tmp_path / "figure.png"
    path.write_bytes(b"former")

    class Failing:
        def savefig(self, file, **_):
            file.write(b"half")
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        save(Failing(), path)
    assert path.read_bytes() == b"former"
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]


def _found(*masks, colour=GREEN):
    return Outlined(_flat(colour), masks, "0.42")


def _half(top, end):
    mask = np.zeros((40, 30), dtype=bool)
    mask[top:end, 10:20] = True
    return mask


def test_each_garment_found_is_outlined_in_its_place_and_colour():
    figure = mask_sheet([Section("People", (_found(_half(4, 16), _half(20, 36)),))])
    lines = [line for axes in figure.axes for line in axes.lines]
    shown = [line for line in lines if line.get_color() != "white"]
    assert [line.get_color() for line in shown] == list(COLOURS[:2])
    down = shown[0].get_ydata()
    across = shown[0].get_xdata()
    size = across.max() + across.min()  # the mask is in the middle from left to right
    assert down.min() / size == pytest.approx(4 / 40, abs=0.02)
    assert down.max() / size == pytest.approx(16 / 40, abs=0.02)
    assert (across.max() - across.min()) / size == pytest.approx(10 / 40, abs=0.02)


def test_sections_without_photographs_are_left_out():
    figure = mask_sheet([Section("None", ()), Section("People", (_found(),) * 9)])
    assert "None" not in _texts(figure)
    assert _texts(figure).count("0.42") == 9
    tops = {round(axes.get_position().y1, 3) for axes in figure.axes}
    assert len(tops) == 2


def test_the_risk_curve_runs_from_the_most_confident_answer_to_all():
    confidence, wrong = np.array([0.2, 0.9, 0.5]), np.array([1.0, 0.25, 0.0])
    figure = risk_curve({"laid out": (confidence, wrong)})
    (line,) = figure.axes[0].get_lines()
    assert line.get_xdata() == pytest.approx([1 / 3, 2 / 3, 1])
    assert line.get_ydata() == pytest.approx([0.25, 0.125, 1.25 / 3])
    assert "laid out" in _texts(figure)
