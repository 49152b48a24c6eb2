from pathlib import Path

from training.photo import media_types

ROOT = Path(__file__).parents[3]


def test_the_documentation_names_the_accepted_types():
    assert f"Images are {media_types.sentence()}." in (ROOT / "docs/catalogues.md").read_text()


def test_each_type_is_told_from_the_others():
    heads = {"JPEG": b"\xff\xd8\xff\xe0", "PNG": b"\x89PNG\r\n\x1a\n", "WebP": b"RIFF....WEBP"}
    for name, head in heads.items():
        assert [row.name for row in media_types.MEDIA_TYPES if row.matches(head)] == [name]
