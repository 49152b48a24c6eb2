"""The settings of the service: a frozen dataclass, read from `SILHOUETTE_*` variables and checked."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import training
from service.errors import InvalidSetting

PREFIX = "SILHOUETTE_"
PRETRAINED = Path(training.__file__).parent / "pretrained"


def _number(default: int, *, least: int, most: int, unit: str) -> int:
    return field(default=default, metadata={"least": least, "most": most, "unit": unit})


def _check(setting: Field[Any], value: object) -> None:
    bounds = setting.metadata
    if bounds and not (isinstance(value, int) and bounds["least"] <= value <= bounds["most"]):
        raise InvalidSetting(
            f"{PREFIX}{setting.name.upper()} is {value!r}. Accepted: a whole number of {bounds['unit']} "
            f"from {bounds['least']:,} to {bounds['most']:,}; the default is {setting.default:,}."
        )


def _from_text(setting: Field[Any], text: str) -> Path | int | str:
    if not setting.metadata:
        return Path(text).expanduser()
    digits = text.strip().replace("_", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else text


@dataclass(frozen=True)
class Config:
    """What the service reads, how much it accepts and what it keeps.

    Parameters
    ----------
    encoder, indexes : Path
        The encoder bundle, and the folder that published indexes lie in.
    max_upload_bytes, max_pixels : int
        Ceilings on one photograph: its file, and its width times its height.
    default_limit, max_limit, max_offset : int
        Results on a page where the request names no number, at most, and how far paging may go.
    query_folder : Path
        Where uploads lie for a while, so that `query_id` can refer to them; all workers share it.
    query_seconds, query_bytes : int
        How long an upload is kept, and how much all of them may take on disk.

    Raises
    ------
    InvalidSetting
        A number is outside its bounds, or `default_limit` is above `max_limit`.
    """

    encoder: Path = PRETRAINED
    indexes: Path = Path("indexes")
    max_upload_bytes: int = _number(10 * 2**20, least=1024, most=2**30, unit="bytes")
    max_pixels: int = _number(64_000_000, least=256, most=10**9, unit="pixels")
    default_limit: int = _number(20, least=1, most=1000, unit="results")
    max_limit: int = _number(100, least=1, most=1000, unit="results")
    max_offset: int = _number(100_000, least=0, most=10**9, unit="results")
    query_folder: Path = Path("cache/queries")
    query_seconds: int = _number(900, least=1, most=7 * 86_400, unit="seconds")
    query_bytes: int = _number(2**29, least=2**20, most=2**40, unit="bytes")

    def __post_init__(self) -> None:
        for setting in fields(self):
            _check(setting, getattr(self, setting.name))
        if self.default_limit > self.max_limit:
            raise InvalidSetting(
                f"{PREFIX}DEFAULT_LIMIT is {self.default_limit}, above {PREFIX}MAX_LIMIT, {self.max_limit}. "
                "Lower the first or raise the second."
            )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read each setting from `SILHOUETTE_<NAME>`; one that is absent or empty keeps its default.

        Raises
        ------
        InvalidSetting
            Naming the variable, the value received and the values accepted.
        """
        values: dict[str, Any] = {}
        for setting in fields(cls):
            if text := environ.get(PREFIX + setting.name.upper()):
                values[setting.name] = _from_text(setting, text)
        return cls(**values)
