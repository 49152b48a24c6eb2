"""Types of settings: how each is read from text, what it accepts, and how messages describe that."""

import re
from collections.abc import Callable
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any

from service.errors import InvalidSetting
from training.addresses.public_hosts import HOST_NAME

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


def _names(about: str, accepted: str, pattern: re.Pattern[str]) -> Any:
    declared = SettingType(
        about,
        accepted,
        lambda given: tuple(given.replace(",", " ").split()),
        lambda value: isinstance(value, tuple) and all(pattern.fullmatch(str(one)) for one in value),
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


def assignments(about: str, *, keys: tuple[str, ...]) -> Any:
    """Declare a setting that gives some keys a name each, as in `title=product, brand=vendor`."""

    def read(given: str) -> Any:
        pairs = [part.partition("=") for part in given.split(",")]
        return tuple((key.strip(), name.strip()) for key, _, name in pairs)

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, tuple)
            and all(isinstance(pair, tuple) and all(isinstance(part, str) for part in pair) for pair in value)
            and all(all(pair) for pair in value)
            and len({key for key, *_ in value} & set(keys)) == len(value)
        )

    declared = SettingType(
        about,
        f"entries such as {keys[0]}=NAME with commas between them, of {', '.join(keys)}, or nothing for the "
        "common names",
        read,
        accepts,
        lambda value: ", ".join(f"{key}={name}" for key, name in value),
    )
    return _setting((), declared)


def origins(about: str) -> Any:
    """Declare a setting that is a list of origins of the web, such as `https://shop.example`."""
    accepted = "origins such as https://shop.example, with commas between them, or * for all"
    return _names(about, accepted, _ORIGIN)


def hosts(about: str) -> Any:
    """Declare a setting that is a list of names of hosts."""
    accepted = "names such as images.internal or 10.0.0.5, without ports, with commas between them"
    return _names(about, accepted, HOST_NAME)


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
    """Convert a TOML value for a setting: text as in the environment, a list or table as a tuple."""
    if isinstance(value, list | dict):
        return tuple(value.items() if isinstance(value, dict) else value)
    return type_of(setting).read(value) if isinstance(value, str) else value
