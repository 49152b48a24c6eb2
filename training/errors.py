"""The errors of the product: one base class, and leaves named for the fact."""


class SilhouetteError(Exception):
    """Base class of every error that a user can act on; its text is one line that says what to do."""


class UnreadableImage(SilhouetteError):
    """A photograph could not be decoded."""


class UnsupportedImageType(UnreadableImage):
    """The bytes are not an image of an accepted type."""


class FileTooLarge(UnreadableImage):
    """The file has more bytes than are accepted."""


class ImageTooLarge(UnreadableImage):
    """The image has more pixels than are accepted."""


class PartTooSmall(SilhouetteError):
    """The part of a photograph that is to be looked at has too few pixels."""


class PartEmpty(SilhouetteError):
    """The part of a garment that is to be found in others has no edges."""


class ImageTooComplex(UnreadableImage):
    """The image's file is in more parts, or has more metadata, than is accepted."""


class AddressRefused(SilhouetteError):
    """An address is malformed, or leads to where nothing may be asked."""


class AddressUnreachable(SilhouetteError):
    """What an address names could not be fetched.

    Parameters
    ----------
    text : str
    passing : bool
        Whether the next attempt may succeed.
    retry_after : float, optional
        Seconds after which the server wants to be asked again.
    """

    def __init__(self, text: str, *, passing: bool = False, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.passing = passing
        self.retry_after = retry_after


class CacheUnusable(SilhouetteError):
    """Photographs that were fetched, or a catalogue, can't be kept."""


class NotInstalled(SilhouetteError):
    """What was asked for needs a package that is not installed."""


class UnreadableCatalogue(SilhouetteError):
    """A catalogue is missing, malformed or empty."""


class InvalidItem(SilhouetteError):
    """An item has an id or metadata that can't be stored."""


class TooManyBadItems(SilhouetteError):
    """The share of items that had to be skipped is above the limit."""


class TooFewImages(SilhouetteError):
    """There are not enough images to train on."""


class UnsupportedBackend(SilhouetteError):
    """Keras's backend does not support the operation."""


class HostsDisagree(SilhouetteError):
    """Hosts that train together were started with different settings, photographs or checkpoints."""


class NotEnoughSpace(SilhouetteError):
    """The disk has too little free space for what is about to be written."""


class RunExists(SilhouetteError):
    """The output folder already holds a training run, which can't be resumed with these settings."""


class UnreadableEncoder(SilhouetteError):
    """An encoder bundle is missing or damaged."""


class EncoderMismatch(SilhouetteError):
    """Two encoders, or an encoder and an index, do not belong together."""
