import errno

import click
import pytest
from click.testing import CliRunner

from training.command import SilhouetteGroup
from training.errors import UnreadableCatalogue


def _invoke(error):
    @click.group(cls=SilhouetteGroup)
    def group():
        pass

    @group.command()
    def fail():
        raise error

    return CliRunner().invoke(group, ["fail"])


def test_an_error_of_ours_is_one_line_and_a_failure():
    result = _invoke(UnreadableCatalogue("There is no catalogue at 'x'. Name one."))
    assert (result.exit_code, result.output) == (1, "Error: There is no catalogue at 'x'. Name one.\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_closed_disk_is_one_line_too(number):
    result = _invoke(OSError(number, "No space left on device"))
    assert result.exit_code == 1
    assert result.output.startswith("Error: ") and "Check the disk" in result.output


def test_a_defect_of_ours_keeps_its_traceback():
    assert isinstance(_invoke(ZeroDivisionError("a bug")).exception, ZeroDivisionError)
