"""The baselines on the same photographs: each descriptor ranks the same gallery for the same queries."""

from training.encoder import Encoder
from training.examination.baselines import CHANCE, HOG_CUTOUT, HOG_MASK, HOG_PHOTO, SOBEL_PHOTO
from training.examination.photos import Photos
from training.examination.plain import plain_autoencoder
from training.examination.principal import principal_edges
from training.examination.retrieval import row, sides, tabulate
from training.examination.side import ENCODER
from training.examination.table import Table

PCA = "PCA of the cut-out's edge maps"
PLAIN = "plain autoencoder on the photo's Sobel edges"
ORDER = (CHANCE, SOBEL_PHOTO, PLAIN, PCA, HOG_PHOTO, HOG_CUTOUT, HOG_MASK, ENCODER)


def comparison(encoder: Encoder, gallery: Photos, queries: Photos) -> Table:
    """Score the baselines beside the encoder by category retrieval.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Photos
        With their descriptors. What a baseline has to learn it learns on the gallery, without categories.
    """
    ranked, asked = sides(encoder, gallery, queries)
    labelled = gallery.labelled(), queries.labelled()
    learned = {
        PLAIN: plain_autoencoder(*(photos.thumbnails for photos in labelled)),
        PCA: principal_edges(*(photos.garments for photos in labelled)),
    }
    for name, (found, wanted) in learned.items():
        ranked.vectors[name], asked.vectors[name] = found, wanted
    rows = [row(name, ranked, asked) for name in ORDER]
    return tabulate(rows, key="baselines", title="Baselines on the same photographs", encoder=encoder)
