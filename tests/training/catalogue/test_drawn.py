from dataclasses import replace

import numpy as np
import pytest

from training.catalogue import drawn
from training.drawing.appearance import BACKGROUNDS, LOGOS, PRINTS, Appearance
from training.drawing.appearance import describe as describe_appearance
from training.drawing.curves import line, ring
from training.drawing.raster import fill
from training.drawing.shape import NECKLINES, RANGES, TYPES, Shape, describe, parameters, shape_distance

STRAIGHT = Appearance(rotation=0.0, scale=0.9, shift_x=0.0, shift_y=0.0)


def typical(kind: str, **changes: object) -> Shape:
    values = {name: (low + high) / 2 for name, (low, high) in RANGES[kind].items()}
    neckline = NECKLINES[kind][0] if kind in NECKLINES else ""
    return replace(Shape(kind, neckline=neckline, **values), **changes)


def test_a_garment_is_the_same_whenever_it_is_drawn_and_others_differ():
    shape, appearance, image = drawn.draw(4, seed=2)
    again = drawn.draw(4, seed=2)

    assert (shape, appearance) == again[:2]
    np.testing.assert_array_equal(image, again[2])
    assert image.shape == (320, 256, 3)
    assert image.dtype == np.uint8
    assert drawn.sample(5, seed=2) != (shape, appearance)
    assert drawn.sample(4, seed=3) != (shape, appearance)


def test_every_type_is_sampled_within_its_ranges():
    shapes = [drawn.sample(index, seed=1)[0] for index in range(300)]

    assert {shape.type for shape in shapes} == set(TYPES)
    for shape in shapes:
        for name, (low, high) in RANGES[shape.type].items():
            value = getattr(shape, name)
            assert low <= value <= high or (name, shape.type, value) == ("sleeve_length", "dress", 0.0)
        assert Shape(**describe(shape)) == shape


@pytest.mark.parametrize("kind", TYPES)
def test_colour_print_logo_background_and_folds_leave_the_mask_alone(kind):
    shape = typical(kind)
    plain = drawn.render_mask(shape, STRAIGHT)

    for index in range(6):
        _, other = drawn.sample(index, seed=3)
        pose = {name: getattr(STRAIGHT, name) for name in ("rotation", "scale", "shift_x", "shift_y", "arms")}
        other = replace(other, mirrored=False, background=BACKGROUNDS[index], **pose)
        np.testing.assert_array_equal(drawn.render_mask(shape, other), plain)


@pytest.mark.parametrize("kind", TYPES)
def test_a_garment_fills_its_frame_without_touching_the_border(kind):
    mask = drawn.render_mask(typical(kind), STRAIGHT)

    assert mask.mean() > 0.12
    assert not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def test_a_mirrored_pose_mirrors_the_mask():
    shape = typical("shoes")
    mask = drawn.render_mask(shape, STRAIGHT)

    mirrored = drawn.render_mask(shape, replace(STRAIGHT, mirrored=True))

    assert (mask != mask[:, ::-1]).any()
    assert (mirrored != mask[:, ::-1]).mean() < 0.002


def test_the_picture_shows_the_garment_where_the_mask_says():
    look = replace(STRAIGHT, colour=(0.9, 0.1, 0.1), trim=(0.9, 0.1, 0.1), ground=(0.9, 0.9, 0.9))
    shape = typical("skirt")

    image, mask = drawn.render(shape, look).astype(int), drawn.render_mask(shape, look)
    red = image[..., 0] > 2 * image[..., 1]

    assert (red == mask).mean() > 0.99


def test_every_print_logo_and_background_gives_another_picture():
    shape = typical("t-shirt")
    for name, values in (("print", PRINTS), ("logo", LOGOS), ("background", BACKGROUNDS)):
        pictures = {drawn.render(shape, replace(STRAIGHT, **{name: value})).tobytes() for value in values}
        assert len(pictures) == len(values)


@pytest.mark.parametrize("kind", sorted(NECKLINES))
def test_every_neckline_is_drawn(kind):
    pictures = {
        drawn.render(typical(kind, neckline=neckline), STRAIGHT).tobytes() for neckline in NECKLINES[kind]
    }

    assert len(pictures) == len(NECKLINES[kind])


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in TYPES for name in sorted(RANGES[kind])])
def test_every_parameter_of_a_type_changes_its_picture(kind, name):
    low, high = RANGES[kind][name]

    narrow = drawn.render(typical(kind, **{name: low}), STRAIGHT)
    wide = drawn.render(typical(kind, **{name: high}), STRAIGHT)

    assert (narrow != wide).any()


def test_a_longer_sleeve_is_further_away_and_makes_a_wider_mask():
    short = typical("dress", sleeve_length=0.2)
    lengths = [0.2, 0.4, 0.7, 1.0]
    distances = [shape_distance(short, replace(short, sleeve_length=length)) for length in lengths]
    spread = replace(STRAIGHT, arms=0.0)
    widths = []
    for length in lengths:
        columns = np.nonzero(drawn.render_mask(replace(short, sleeve_length=length), spread).any(axis=0))[0]
        rows = np.nonzero(drawn.render_mask(replace(short, sleeve_length=length), spread).any(axis=1))[0]
        widths.append(np.ptp(columns) / np.ptp(rows))

    assert distances == sorted(distances)
    assert distances[0] == 0
    assert distances[-1] == pytest.approx(0.8 / len(parameters("dress")))
    assert widths == sorted(widths)


def test_the_shape_distance_is_a_metric():
    shapes = [drawn.sample(index, seed=8)[0] for index in range(24)]
    for first in shapes:
        assert shape_distance(first, first) == 0
        for second in shapes:
            apart = shape_distance(first, second)
            assert apart == shape_distance(second, first)
            assert (apart < 1) == (first.type == second.type)
            for third in shapes:
                assert shape_distance(first, third) <= apart + shape_distance(second, third) + 1e-12


def test_parameters_that_a_type_does_not_have_do_not_count():
    assert shape_distance(Shape("skirt"), Shape("skirt", leg_width=1.0, sleeve_length=1.0)) == 0
    assert shape_distance(Shape("skirt", flare=0.5), Shape("skirt", flare=0.1)) == pytest.approx(0.4 / 4)
    assert shape_distance(Shape("hat", width=0.2), Shape("skirt", width=0.6, flare=1.0)) == pytest.approx(
        1 + 0.4 / 16
    )


def test_filling_a_rectangle_covers_shares_of_pixels():
    covered = fill(line((1.25, 1.0), (3.5, 1.0), (3.5, 2.5), (1.25, 2.5)), height=4, width=5)

    row = np.array([0, 0.75, 1, 0.5, 0])
    np.testing.assert_allclose(covered, [row * 0, row, row * 0.5, row * 0], atol=1e-6)


def test_a_filled_polygon_keeps_its_area_and_is_cut_at_the_frame():
    disc = ring((0.0, 0.0), 20, 12)
    x, y = disc.T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2

    assert fill(disc + (40, 30), height=60, width=80).sum() == pytest.approx(area, rel=2e-3)
    assert fill(disc + (0, 30), height=60, width=80).sum() == pytest.approx(area / 2, rel=0.01)
    assert fill(disc - (100, 100), height=60, width=80).sum() == 0


def test_rows_are_the_same_whatever_their_number_and_written_once(tmp_path):
    few = drawn.rows(2, seed=1, cache=tmp_path)
    written = [(tmp_path / row["path"]).stat().st_mtime_ns for row in few]
    many = drawn.rows(4, seed=1, cache=tmp_path)

    assert many[:2] == few
    assert [(tmp_path / row["path"]).stat().st_mtime_ns for row in few] == written


def test_an_interrupted_drawing_is_completed(tmp_path):
    paths = [tmp_path / row["path"] for row in drawn.rows(4, seed=1, cache=tmp_path)]
    content = paths[1].read_bytes()
    paths[1].unlink()
    paths[1].with_name(".drawn-1-000001.99.webp").write_bytes(content[:50])  # what a kill leaves behind

    drawn.rows(4, seed=1, cache=tmp_path)

    assert paths[1].read_bytes() == content


def test_many_garments_are_drawn_by_several_processes(tmp_path):
    rows = drawn.rows(drawn.FEW + 4, seed=1, cache=tmp_path)

    assert all((tmp_path / row["path"]).is_file() for row in rows)


def test_the_appearance_travels_as_json_able_values():
    _, appearance = drawn.sample(0, seed=0)
    values = describe_appearance(appearance)

    assert values["colour"] == list(appearance.colour)
    assert values["seed"] == appearance.seed


def test_a_worn_garment_is_the_one_that_is_laid_out(tmp_path):
    laid_out = drawn.rows(3, seed=8, cache=tmp_path)
    worn = drawn.rows(3, seed=8, cache=tmp_path, worn=True)

    assert [row["item_id"] for row in worn] == [f"drawn-worn-8-{index:06d}" for index in range(3)]
    for one, other in zip(laid_out, worn, strict=True):
        assert one["shape"] == other["shape"]
        assert one["appearance"] == other["appearance"]
        assert (tmp_path / other["path"]).read_bytes() != (tmp_path / one["path"]).read_bytes()
    np.testing.assert_array_equal(drawn.draw_worn(2, seed=8)[2], drawn.draw_worn(2, seed=8)[2])
