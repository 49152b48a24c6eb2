"""The command group of every entry point, which turns the product's errors into one line and exit code 1."""

import errno
from typing import Any

import click

from training.errors import SilhouetteError

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


class SilhouetteGroup(click.Group):
    """A click group whose commands end with one line on standard error when a `SilhouetteError` is raised."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit with status 1 and the error's text where a `SilhouetteError` is raised."""
        try:
            return super().invoke(ctx)
        except SilhouetteError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno not in _DISK:
                raise
            raise click.ClickException(f"{error}. Check the disk's space and the permissions.") from error
