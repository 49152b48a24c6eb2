"""What can go wrong with an index: each error names the fact, and its text says what to do next."""

from training.errors import SilhouetteError


class NoIndex(SilhouetteError):
    """Nothing has been published in the folder yet."""


class IndexDamaged(SilhouetteError):
    """A published version is incomplete, or its files are not those that were written."""


class IndexNotWritten(SilhouetteError):
    """The files of an index could not be written."""


class VersionUnknown(SilhouetteError):
    """The folder holds no version of that name."""


class ItemUnknown(SilhouetteError):
    """The index holds no item of that id."""


class KindUnknown(SilhouetteError):
    """There is no kind of index of that name."""


class GateFailed(SilhouetteError):
    """A new index did not pass the checks before publication."""


class BuildRunning(SilhouetteError):
    """Another build is writing into the same folder."""
