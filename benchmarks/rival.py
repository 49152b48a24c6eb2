"""The rival of `benchmarks.serving`: a search of photographs as one builds it by the usual examples.

A Flask application under gunicorn's plain workers, each with TensorFlow. The photograph is decoded in full,
scaled and turned into edges by scikit-image, embedded by Keras's `model.predict`, and compared with all
vectors by FAISS. It does not look for the garment, checks nothing, and keeps its items in memory.
"""

import json
import os
from pathlib import Path

import faiss
import keras
import numpy as np
from flask import Flask, request
from PIL import Image
from skimage.color import rgb2gray
from skimage.filters import sobel
from skimage.transform import resize

from benchmarks.stock import LIMIT, RIVAL_FOLDER, read_plain
from training.config import from_dict
from training.model.bundle import restore
from training.photo.encoder import DESCRIPTION_FILE, PRETRAINED
from training.photo.garment import SIDE


def _network() -> keras.Model:
    """Return the layers of the encoder that ships: edge maps float32 (n, 128, 128, 2) to (n, d)."""
    description = json.loads((PRETRAINED / DESCRIPTION_FILE).read_text())
    model = restore(PRETRAINED, from_dict(description["config"]))
    return keras.Sequential([model.trunk, model.bottleneck])


def _edges(photo: Image.Image) -> np.ndarray:
    small = resize(np.asarray(photo), (SIDE, SIDE), anti_aliasing=True)
    edges = sobel(rgb2gray(small))
    return np.stack([edges, edges], axis=-1)


def create_app() -> Flask:
    """Make the application; gunicorn calls this in each worker."""
    vectors, items = read_plain(Path(os.environ[RIVAL_FOLDER]))
    network = _network()
    index = faiss.IndexFlatIP(network.output_shape[-1])
    index.add(np.ascontiguousarray(vectors[:, : index.d]))  # it knows no types
    app = Flask(__name__)

    @app.post("/v1/search")
    def search() -> dict:
        photo = Image.open(request.files["file"].stream).convert("RGB")
        vector = network.predict(_edges(photo)[None], verbose=0)
        vector /= np.linalg.norm(vector, axis=1, keepdims=True)
        (scores,), (rows,) = index.search(vector, LIMIT)
        results = [
            {"score": score, **items[row]} for score, row in zip(scores.tolist(), rows.tolist(), strict=True)
        ]
        return {"results": results}

    @app.get("/readyz")
    def readyz() -> str:
        return "ready"

    return app
