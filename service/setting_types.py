"""Types of settings: how each is read from text, what it accepts, and how messages describe that."""

import re
from collections.abc import Callable
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any

from service.errors import InvalidSetting

PREFIX = "SILHOUETTE_"

_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


@dataclass(frozen=True)
class SettingType:
    """The type of a setting.

    Parameters
    ----------
    about : str
        What it does, in a sentence.
    accepted : str
        The values it takes, in words.
    read : callable
        Turns text into a value; what it can't read it returns as it is.
    accepts : callable
        Whether a value is one that the setting takes.
    show : callable
        Turns a value into the text that `read` reads.
    """

    about: str
    accepted: str
    read: Callable[[str], Any]
    accepts: Callable[[Any], bool]
    show: Callable[[Any], str] = str


def _setting(default: Any, declared: SettingType) -> Any:
    return field(default=default, metadata={"type": declared})


def _whole(text: str) -> int | str:
    digits = text.strip().replace("_", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else text


def number(default: int, about: str, *, least: int, most: int, unit: str) -> Any:
    """Declare a setting that is a whole number within bounds."""

    def accepts(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    accepted = f"a whole number of {unit} from {least:,} to {most:,}"
    return _setting(default, SettingType(about, accepted, _whole, accepts))


def path(default: Path, about: str) -> Any:
    """Declare a setting that names a file or folder; a relative one starts where the service was started."""
    declared = SettingType(
        about, "a path", lambda text: Path(text).expanduser(), lambda value: isinstance(value, Path)
    )
    return _setting(default, declared)


def text(default: str, about: str, *, accepted: str, pattern: str) -> Any:
    """Declare a setting that is a text of a given form."""

    def accepts(value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(pattern, value) is not None

    return _setting(default, SettingType(about, accepted, str.strip, accepts))


def choice(default: str, about: str, *, among: tuple[str, ...]) -> Any:
    """Declare a setting that is one of a few words."""
    return _setting(default, SettingType(about, " or ".join(among), str.strip, lambda value: value in among))


def switch(default: bool, about: str) -> Any:
    """Declare a setting that is on or off."""
    return _setting(
        default,
        SettingType(
            about,
            "on or off",
            lambda given: _SWITCH.get(given.strip().lower(), given),
            lambda value: isinstance(value, bool),
            lambda value: "on" if value else "off",
        ),
    )


def origins(about: str) -> Any:
    """Declare a setting that is a list of origins of the web, such as `https://shop.example`."""
    declared = SettingType(
        about,
        "origins such as https://shop.example, with commas between them, or * for all",
        lambda given: tuple(given.replace(",", " ").split()),
        lambda value: isinstance(value, tuple) and all(_ORIGIN.fullmatch(str(one)) for one in value),
        ",".join,
    )
    return _setting((), declared)


def names(about: str, *, most: int) -> Any:
    """Declare a setting that is a list of different names of fields."""

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, tuple)
            and all(isinstance(name, str) and name for name in value)
            and len(set(value)) == len(value) <= most
        )

    declared = SettingType(
        about,
        f"up to {most} different names with commas between them, or nothing to choose by the values",
        lambda given: tuple(name.strip() for name in given.split(",")),
        accepts,
        ",".join,
    )
    return _setting((), declared)


def type_of(setting: Field[Any]) -> SettingType:
    """Return the type that a field of the settings was declared with."""
    declared: SettingType = setting.metadata["type"]
    return declared


def variable(setting: Field[Any]) -> str:
    """Return the environment variable that holds a setting."""
    return PREFIX + setting.name.upper()


def check(setting: Field[Any], value: Any, *, name: str) -> None:
    """Raise `InvalidSetting` unless the setting takes the value; `name` is how its giver knows it."""
    declared = type_of(setting)
    if not declared.accepts(value):
        shown = declared.show(setting.default) or "empty"
        raise InvalidSetting(
            f"{name} is {value!r:.80}. Accepted: {declared.accepted}; the default is {shown}."
        )


def from_file_value(setting: Field[Any], value: Any) -> Any:
    """Convert a TOML value for a setting: text is read as in the environment, a list becomes a tuple."""
    if isinstance(value, list):
        return tuple(value)
    return type_of(setting).read(value) if isinstance(value, str) else value
