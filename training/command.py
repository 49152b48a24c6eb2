"""The command group of every entry point, which turns the product's errors into one line and exit code 1."""

import errno
import sys
import threading
from collections.abc import Callable
from typing import Any

import click

from training.errors import SilhouetteError

INTERRUPTED = 130
"""The exit status after Ctrl-C, as of any program that a shell runs: 128 and the number of SIGINT."""

_KEPT: dict[str, str] = {}

_TRACKER = "ignore:resource_tracker:UserWarning"

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def when_interrupted(kept: str) -> Callable[[click.Command], click.Command]:
    """Return a decorator of a command that says, after Ctrl-C, what is kept and how to go on."""

    def decorate(command: click.Command) -> click.Command:
        _KEPT[str(command.name)] = kept
        return command

    return decorate


def _say_unless_aborted(failed: Any) -> None:
    """Tell of a thread that failed, unless it is loky's, whose work was taken away by an abort meanwhile."""
    if not (failed.exc_type is KeyError and failed.thread and failed.thread.name == "ExecutorManagerThread"):
        threading.__excepthook__(failed)


def _expect_aborts() -> None:
    """Keep quiet about what loky leaves when Ctrl-C ends its workers; its tracker puts it away."""
    threading.excepthook = _say_unless_aborted
    if _TRACKER not in sys.warnoptions:  # which processes that are started inherit
        sys.warnoptions.append(_TRACKER)


class SilhouetteGroup(click.Group):
    """A click group whose commands end with one line on standard error when a `SilhouetteError` is raised."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit with status 1 and the error's text where a `SilhouetteError` is raised.

        After Ctrl-C the status is `INTERRUPTED`, and a line says what the command keeps.
        """
        _expect_aborts()
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(f"\nInterrupted. {_KEPT.get(str(ctx.invoked_subcommand), '')}".rstrip(), err=True)
            ctx.exit(INTERRUPTED)
        except SilhouetteError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno not in _DISK:
                raise
            raise click.ClickException(f"{error}. Check the disk's space and the permissions.") from error
