"""The click options that the commands of `training` and `index` share.

It loads the encoder's runtime, so nothing that `service` runs before it forks may import it.
"""

from pathlib import Path

import click

from training.photo.encoder import PRETRAINED

cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("cache"),
    envvar="SILHOUETTE_CACHE",
    show_default=True,
    show_envvar=True,
    help="Folder for files that can be recreated: prepared cut-outs and drawn pictures.",
)
group_option = click.option(
    "--group",
    is_flag=True,
    help="Rows with the same item_id, or the pictures of one folder, are photographs of one item.  "
    "[default: no]",
)
processes_option = click.option(
    "--processes", type=click.IntRange(min=1), help="Worker processes.  [default: one a core]"
)
encoder_option = click.option(
    "--encoder",
    type=click.Path(path_type=Path),
    default=PRETRAINED,
    show_default="training/pretrained",
    help="Folder of the encoder bundle.",
)
