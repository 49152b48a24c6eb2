import numpy as np

from training.fit.loop import current_embedding
from training.model import bundle
from training.model.autoencoder import Autoencoder


def test_the_model_is_scored_with_its_present_weights(tiny):
    model = Autoencoder(tiny)
    embed, cutouts = current_embedding(model), np.full((3, 128, 128, 4), 7, np.uint8)
    before = embed(cutouts)
    assert np.array_equal(before, bundle.embed(model.encoder(), cutouts))
    model.bottleneck.set_weights([-weight for weight in model.bottleneck.get_weights()])
    assert np.allclose(embed(cutouts), -before)
