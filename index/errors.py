"""The errors of the index: each is named for the fact, and its message says what to do next."""

from training.errors import SilhouetteError


class NoIndex(SilhouetteError):
    """Nothing has been published in the folder yet."""


class IndexDamaged(SilhouetteError):
    """A published version is incomplete, or its files are not those that were written."""


class IndexNotWritten(SilhouetteError):
    """The files of an index could not be written."""


class VersionUnknown(SilhouetteError):
    """No version has that name."""


class ItemUnknown(SilhouetteError):
    """No item has that id."""


class KindUnknown(SilhouetteError):
    """No kind of index has that name."""


class GateFailed(SilhouetteError):
    """A new index did not pass the checks before publication."""


class BuildRunning(SilhouetteError):
    """Another build is writing into the same folder."""


class BuildUnknown(SilhouetteError):
    """No build of that name is noted."""


class InvalidChange(SilhouetteError):
    """A change of the catalogue names an item or holds values that can't be stored."""


class ChangeFileUnreadable(SilhouetteError):
    """A file of changes can't be read."""


class ChangeNotWritten(SilhouetteError):
    """A change could not be made durable; nothing of it has taken effect."""


class ChangeNotConfirmed(ChangeNotWritten):
    """The store did not answer, so that a change may or may not have been made; it can be repeated."""


class ChangesDamaged(SilhouetteError):
    """The log of changes can't be read."""


class BackupNotWritten(SilhouetteError):
    """The file of a backup could not be written."""


class BackupUnusable(SilhouetteError):
    """A file is no backup, is damaged, or is of a newer release."""


class InvalidFilter(SilhouetteError):
    """A filter on metadata can't be understood, or is too large."""


class GoldenUnusable(SilhouetteError):
    """The file of golden queries, or one of its photographs, can't be used."""


class EmbedderUnavailable(SilhouetteError):
    """The embedder is not installed, does not answer, or does not work as it must."""


class RetrainingFailed(SilhouetteError):
    """Training did not make an encoder."""


class InvalidStore(SilhouetteError):
    """The address of a store is malformed, or names what is not installed."""


class StoreUnreachable(SilhouetteError):
    """The store of the index does not answer, or refuses this client."""


class RankingTooDeep(SilhouetteError):
    """A page lies deeper in a ranking than the store can list."""


class StoreFailed(SilhouetteError):
    """The store has refused a request or failed at it."""
