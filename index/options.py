"""The click options that the commands of the index share."""

from pathlib import Path

import click

indexes_option = click.option(
    "--indexes",
    type=click.Path(path_type=Path),
    default=Path("indexes"),
    show_default=True,
    help="Folder of the published versions.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON. [default: text]")
