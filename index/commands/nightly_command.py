"""The command that builds every night."""

import logging
import sys
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from click.core import ParameterSource

from index.commands.build_command import build, build_options


def _words(option: click.Parameter, value: Any) -> list[str]:
    """Return the words of the command line that give an option a value."""
    if isinstance(value, bool):
        return [(option.opts if value else option.secondary_opts)[0]]
    return [option.opts[0], str(value)]


def _passed_on(context: click.Context) -> list[str]:
    """Return the build options given on the command line of another command."""
    words = []
    for option in build.params:
        if context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE:
            value = context.params[str(option.name)]
            values = value if isinstance(value, tuple) else (value,)
            words += [word for each in values for word in _words(option, each)]
    return words


def _timezone(context: click.Context, option: click.Parameter, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(
            f"{name!r} is not a time zone. Use one such as Europe/Berlin or UTC."
        ) from error


@click.command(
    epilog="Example: python -m index nightly --at 02:00 --timezone Europe/Berlin --catalogue photographs/"
)
@click.option(
    "--at",
    type=click.DateTime(["%H:%M"]),
    default="02:00",
    show_default=True,
    help="Time of the day.",
)
@click.option(
    "--timezone",
    default="UTC",
    show_default=True,
    callback=_timezone,
    help="In which the time is meant, such as Europe/Berlin.",
)
@click.option("--now", is_flag=True, help="Also build immediately.  [default: no]")
@build_options
@click.pass_context
def nightly(context: click.Context, at: datetime, timezone: ZoneInfo, now: bool, **_: Any) -> None:
    """Build every night until Ctrl-C or SIGTERM, each time in a process of its own.

    Takes the options of `build`. A build that fails leaves the index in use; each run is logged in a line.
    """
    from index.nightly import Nightly  # loads the scheduler, which no other command needs

    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    command = [sys.executable, "-m", "index", "build", *_passed_on(context)]
    Nightly(command, at=at.time(), timezone=timezone).start(now=now)
