"""The measure of the masks: known masks give known figures, and the command prints and draws them."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from training.__main__ import main
from training.catalogue.reader import Catalogue, Item
from training.errors import TooFewImages
from training.evaluation import masks as measure
from training.evaluation.disturbances import DISTURBANCES
from training.evaluation.finder import Finder, Found
from training.evaluation.mask_scenes import Scene
from training.evaluation.masks import masks, pasted, stability, street
from training.photo.encoder import PRETRAINED

MOVING = {"mirrored", "zoomed out to 0.8", "shifted 8%", "turned +10°", "turned -10°"}
NAMES = {each.name for each in DISTURBANCES}


class _Red:
    """Finds what is clearly red, as one garment."""

    def garments(self, photo):
        red = photo[..., 0] > photo[..., 2].astype(int) + 60
        return [Found(red, type="dress", worn=True)] if red.any() else []

    main_mask = Finder.main_mask


class _Fixed(_Red):
    """Finds the upper quarter of whatever picture."""

    def garments(self, photo):
        mask = np.zeros(photo.shape[:2], bool)
        mask[: len(mask) // 4] = True
        return [Found(mask)]


class _Halves(_Red):
    """Finds two garments, left and right, in the last four fifths of their halves."""

    def garments(self, photo):
        found = []
        for left in (0, photo.shape[1] // 2):
            mask = np.zeros(photo.shape[:2], bool)
            mask[:, left : left + photo.shape[1] // 2] = True
            found.append(Found(mask))
        return found


@pytest.fixture
def shirts(make_photo, tmp_path):
    """A catalogue of three red garments."""
    items = []
    for name, ground in (("a", (225, 225, 220)), ("b", (160, 170, 160)), ("c", (190, 200, 210))):
        path = tmp_path / f"{name}.png"
        Image.fromarray(make_photo(ground=ground, colour=(200, 30, 40))).save(path)
        items.append(Item(name, path))
    return Catalogue("shirts", tuple(items), ())


def test_masks_that_go_with_the_garment_do_not_move_and_those_that_stay_do(shirts):
    table = stability(shirts, (_Red(), _Fixed()), processes=1).table
    follows, stays = table.column("moved"), table.column("moved, beside")
    assert set(follows) == NAMES | {"mean"}
    assert all(follows[name] == 0.0 for name in MOVING)
    assert all(follows[name] == 1.0 for name in ("grey", "negative"))  # nothing is red there
    assert all(stays[name] == 0.0 for name in NAMES - MOVING | {"mirrored"})
    assert stays["zoomed out to 0.8"] == 1.0
    assert follows["mean"] == pytest.approx(np.mean([follows[name] for name in NAMES]))
    assert "3 photographs" in table.note


def test_what_can_not_be_read_is_left_out_and_told(shirts, tmp_path, capsys):
    broken = tmp_path / "broken.png"
    broken.write_text("text")
    mixed = Catalogue("mixed", (Item("broken", broken), *shirts.items), ())
    assert stability(mixed, (_Red(),), processes=1).table.note.startswith("3 photographs")
    assert "1 photographs can't be used; the first: " in capsys.readouterr().err
    with pytest.raises(TooFewImages, match="Name another catalogue"):
        stability(Catalogue("none", (Item("broken", broken),), ()), (_Red(),), processes=1)


def test_pictures_are_shown_with_what_was_found_the_worst_first(shirts):
    moved, plain = stability(shirts, (_Red(),), processes=1).sections
    assert [shown.label for shown in moved.shown] == ["hue turned: 0.00"] * 3
    assert [len(shown.masks) for shown in moved.shown] == [0, 0, 0]
    assert [len(shown.masks) for shown in plain.shown] == [1, 1, 1]


@pytest.fixture
def people(shirts, tmp_path):
    """The same photographs as parsed ones: a red dress, and a person below; "b" is held out."""
    rows = ["item_id,path,mask"]
    for name in ("a", "b", "c"):
        photo = np.asarray(Image.open(tmp_path / f"{name}.png"))
        labels = (photo == (200, 30, 40)).all(axis=2).astype(np.uint8) * 2
        labels[-20:] = 1
        Image.fromarray(labels).save(tmp_path / f"{name}-labels.png")
        rows.append(f"{name},{name}.png,{name}-labels.png")
    (tmp_path / "people.csv").write_text("\n".join(rows))
    (tmp_path / "labels.csv").write_text("number,name\n0,background\n1,skin\n2,dress\n")
    return tmp_path / "people.csv"


def test_known_masks_of_people_give_known_figures(people, read, monkeypatch):
    monkeypatch.setattr(measure, "is_held_out", lambda item: item.item_id == "b")
    table = street(read(str(people)), (_Red(), _Fixed()), processes=1).table
    assert table.column("number") == {"all": 3, "held out": 1, "all, beside": 3, "held out, beside": 1}
    for name in table.columns[2:]:
        assert table.column(name)["all"] == table.column(name)["held out"] == 1.0
    assert table.column("main garment, IoU")["all, beside"] < 0.5
    assert table.column("garments found")["all, beside"] == 0.0
    assert table.column("main one is worn")["all, beside"] == 0.0


def _plain(masks):
    return Scene(np.zeros((*masks[0].shape, 3), np.uint8), tuple(masks))


def test_poor_masks_and_pairs_that_are_found_are_counted(shirts, monkeypatch):
    left, right = np.zeros((2, 10, 20), bool)
    left[:, :9], right[:, 12:] = True, True
    monkeypatch.setattr(measure, "cut_outs", lambda *args, **options: [])
    monkeypatch.setattr(
        measure, "packshots", lambda *args, light, **options: [_plain([left if light else right])]
    )
    monkeypatch.setattr(
        measure, "pairs", lambda *args, **options: [_plain([left, right]), _plain([left, left])]
    )
    table = pasted(shirts, (_Halves(), _Fixed()), processes=1).table
    light, dark, both = table.rows
    assert light[1:] == (1, 0.0, 1.0)  # 0.9 with the left half, 0.28 with the upper quarter
    assert dark[1:] == (1, 1.0, 1.0)  # the first one is on the left
    assert both[1:] == (2, 1.0, 0.0)


def test_without_garments_to_paste_there_are_no_figures(shirts, monkeypatch):
    monkeypatch.setattr(measure, "cut_outs", lambda *args, **options: [])
    table = pasted(shirts, (_Red(),), processes=1).table
    assert [row[1:] for row in table.rows] == [(0, None)] * 3


def test_parsed_photographs_are_scored_where_a_catalogue_has_them(shirts, people, read):
    parsed = read(str(people))

    def keys(gallery, queries, **options):
        found = masks(gallery, queries, (_Red(),), processes=1, **options)
        return [measured.table.key for measured in found]

    assert keys(shirts, shirts) == ["masks", "masks-pasted"]
    assert keys(shirts, shirts, parsed=parsed) == ["masks", "masks-street", "masks-pasted"]
    assert keys(parsed, shirts) == ["masks", "masks-street", "masks-pasted"]
    assert keys(parsed, parsed) == ["masks", "masks-street"]


def test_the_command_prints_the_tables_and_writes_the_sheet(drawn_cache, people, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "SCENES", 4)
    out = tmp_path / "out"
    line = ["evaluate", "--gallery", "drawn:24", "--queries", "drawn:20:5?category=dress", "--processes", "1"]
    line += ["--cache", str(drawn_cache), "--part", "masks", "--parsed", str(people), "--out", str(out)]
    line += ["--encoder", str(tmp_path / "none")]  # masks need no encoder
    result = CliRunner().invoke(main, [*line, "--beside", str(PRETRAINED)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "| disturbance | moved | moved, beside |" in result.stdout
    assert "| held out, beside |" in result.stdout
    assert "| two side by side: both found |" in result.stdout
    assert (out / "suite.md").read_text().count("## Masks") == 3
    with Image.open(out / "masks.png") as sheet:
        assert sheet.width > 1000
