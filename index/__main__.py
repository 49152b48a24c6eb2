"""The command line of the index: `python -m index`."""

import click

from index.commands.backup_commands import backup, restore
from index.commands.build_command import build
from index.commands.change_commands import apply, changes, delete, patch, put
from index.commands.nightly_command import nightly
from index.commands.search_command import search
from index.commands.version_commands import activate, prune, rollback, verify, versions
from training.command import SilhouetteGroup


@click.group(cls=SilhouetteGroup, epilog="Example: python -m index build --catalogue photographs/")
def main() -> None:
    """Build, publish, check and search an index of garments."""


COMMANDS = (
    *(build, nightly, search),
    *(put, patch, delete, apply, changes, backup, restore),
    *(versions, verify, activate, rollback, prune),
)

for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m index")
