"""The baselines on the same photographs: each descriptor ranks the same gallery for the same queries."""

from training.evaluation.baselines import CHANCE, HOG_CUTOUT, HOG_MASK, HOG_PHOTO, SOBEL_PHOTO
from training.evaluation.photos import Photos
from training.evaluation.plain import plain_autoencoder
from training.evaluation.principal import principal_edges
from training.evaluation.retrieval import row, sides, tabulate
from training.evaluation.score_table import Table
from training.evaluation.side import ENCODER
from training.photo.encoder import Encoder

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
