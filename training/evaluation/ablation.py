"""Ablation: each part of the encoder's recipe left out in turn, trained shortly and alike, and scored.

Every variant is trained with each of several seeds on a share of the photographs, and scored on all of them
after the last epoch. Weights and scores are kept in the cache.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training import device
from training.catalogue.parsed import read_labels
from training.catalogue.reader import Catalogue, Item, read_catalogue
from training.config import CATEGORY, Config
from training.errors import UnsupportedBackend
from training.evaluation.invariance import finds_twin
from training.evaluation.photos import ENCODER, GALLERY, Photos, Side, read_photos
from training.evaluation.retrieval import row
from training.evaluation.score_table import Table
from training.evaluation.variants import NoLook, Variant
from training.evaluation.worn_search import cut_out_worn
from training.files import write_atomically
from training.fit.dataset import Dataset, joined, prepare, prepare_drawn
from training.fit.fit import DRAWN_SEED
from training.fit.garment_views import VERSION, item_views
from training.fit.loop import begun, checkpoint
from training.fit.monitor import Progress
from training.fit.result import learn_last_layer
from training.fit.run import CHECKPOINT
from training.fit.worn_garments import prepare_worn
from training.model import bundle, weights
from training.model.autoencoder import Autoencoder
from training.parallel import in_order
from training.photo.encoder import WEIGHTS_FILE, Encoder, with_types
from training.photo.garment import Garment
from training.photo.segmenter import Segmenter
from training.progress import progress_bar

SETTINGS_FILE = "settings.json"
OWN_VIEWS = 3
"""Views of each query that look for its photograph."""

SCORES = ("P@10", "macro P@10", "mAP", "worn P@10", "worn macro P@10", "own view R@1")
TITLE = "Ablation: parts left out in turn"

EmbedGarments = Callable[[Sequence[Garment]], np.ndarray]
"""From garments to their vectors, float32 (n, d) with unit rows."""


@dataclass(frozen=True)
class Plan:
    """How each variant is trained.

    Parameters
    ----------
    config : Config
        The full recipe, apart from its length.
    epochs, seeds : int
        Passes over what is learned from; trainings of each variant.
    every : int
        One in so many photographs and drawn garments is learned from.
    drawn : int
        How many drawn garments there are.
    init : Path or None
        Bundle whose weights each training starts from.
    cache : Path
        Trainings are resumed and kept in its folder `ablation`; remove that after a change of the code.
    processes : int or None
        Worker processes that read photographs; all cores without it.
    """

    config: Config = CATEGORY
    epochs: int = 8
    seeds: int = 2
    every: int = 3
    drawn: int = 600
    init: Path | None = None
    cache: Path = Path("cache")
    processes: int | None = None


@dataclass(frozen=True)
class Searches:
    """What is searched and what is searched for, as one segmenter cuts it out.

    Parameters
    ----------
    gallery, queries : Photos
        Those with a category.
    again : sequence of sequences of Garment
        Each of the queries, and `OWN_VIEWS` of it that are parsed again.
    worn : tuple of Item
    worn_garments : sequence of Garment
        Worn garments that were held out, by the segmenter's masks; maybe none.
    """

    gallery: Photos
    queries: Photos
    again: Sequence[Sequence[Garment]]
    worn: tuple[Item, ...]
    worn_garments: Sequence[Garment]


def _digest(facts: Sequence[Any], arrays: Iterable[np.ndarray]) -> str:
    digest = hashlib.sha256(json.dumps(facts).encode())
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def _digest_of(photos: Photos) -> str:
    return _digest([photos.ids, photos.categories], (garment.cutout for garment in photos.garments))


def _digest_of_people(parsed: Catalogue) -> str:
    root = parsed.root or Path()
    return _digest([item.item_id for item in parsed.items], (read_labels(one, root) for one in parsed.items))


def _digest_of_weights(folder: Path) -> str:
    return _digest([], weights.read(folder / WEIGHTS_FILE).values())


def _catalogue(photos: Photos) -> Catalogue:
    return Catalogue(photos.source, photos.items, ())


def _until(data: Dataset, last: int) -> Dataset:
    """Put the view of this number in the place of all that follow it."""
    return replace(data, views=data.views[:, np.minimum(np.arange(data.views.shape[1]), last)])


def _embedding(model: Autoencoder, variant: Variant) -> EmbedGarments:
    """Return the embedding by a trained model, without what the variant leaves out after the training."""
    encoder = model.encoder()
    shapes: Callable[[np.ndarray], np.ndarray] = partial(bundle.embed, encoder)
    if variant.eight_bits:
        description = {"output": {"shape": ["n", model.config.dimension]}}
        shapes = Encoder(bundle.eight_bits(encoder), description).embed_cutouts

    def embed(garments: Sequence[Garment]) -> np.ndarray:
        vectors = shapes(np.stack([garment.cutout for garment in garments]))
        return with_types(vectors, garments, bundle.TYPE_WEIGHT if variant.types else 0.0)

    return embed


def score(embed: EmbedGarments, searches: Searches) -> dict[str, float]:
    """Score an embedding: categories laid out and worn, and photographs among all by other views of them.

    Parameters
    ----------
    embed : EmbedGarments
    searches : Searches

    Returns
    -------
    dict
        By the names in `SCORES`; without worn garments, without these.
    """
    laid_out = searches.gallery
    found = embed(laid_out.garments)
    ranked = Side(laid_out.items, {ENCODER: found}, 0, 0)
    asked = Side(searches.queries.items, {ENCODER: embed(searches.queries.garments)}, 0, 0)
    scores = row(ENCODER, ranked, asked).scores
    views = [view for each in searches.again for view in each]
    again = embed(views).reshape(len(searches.again), -1, found.shape[1])
    known = np.concatenate([found, again[:, 0]])
    first = [finds_twin(seen[1:], known, twin) for twin, seen in enumerate(again, start=len(found))]
    results = dict(zip(SCORES, (scores.p_at_10, scores.macro_p_at_10, scores.map), strict=False))
    if searches.worn:
        asked = Side(searches.worn, {ENCODER: embed(searches.worn_garments)}, 0, 0)
        scores = row(ENCODER, ranked, asked).scores
        results |= {"worn P@10": scores.p_at_10, "worn macro P@10": scores.macro_p_at_10}
    return results | {"own view R@1": float(np.mean(first))}


class Bench:
    """The photographs of an ablation, and the networks that are trained on a share of them.

    Parameters
    ----------
    gallery, queries : Photos
        A share of the gallery is learned from; what has a category is searched, and searched for.
    segmenter : Segmenter
        Which has cut them out.
    plan : Plan
    parsed : Catalogue, optional
        Of people; those that are not held out are learned from, the others are searched for.
    beside : Segmenter, optional
        The other one of the variant that is without the first.
    """

    def __init__(
        self,
        gallery: Photos,
        queries: Photos,
        *,
        segmenter: Segmenter,
        plan: Plan,
        parsed: Catalogue | None = None,
        beside: Segmenter | None = None,
    ) -> None:
        self.gallery, self.queries, self.parsed = gallery, queries, parsed
        self.segmenter, self.beside, self.plan = segmenter, beside, plan
        self._facts = {
            "gallery": _digest_of(gallery),
            "parsed": _digest_of_people(parsed) if parsed else None,
            "init": _digest_of_weights(plan.init) if plan.init else None,
            "views": VERSION,
            "every": plan.every,
        }
        self._asked = _digest_of(queries)
        self.searches = lru_cache(maxsize=1)(self._searches)  # each takes hundreds of megabytes
        self.learned = lru_cache(maxsize=1)(self._learned)

    def _segmenter(self, variant: Variant) -> Segmenter:
        if variant.beside and self.beside:
            return self.beside
        return self.segmenter if variant.look is Segmenter else variant.look(self.segmenter.exported)

    def _options(self, segmenter: Segmenter) -> dict[str, Any]:
        return {"segmenter": segmenter, "cache": self.plan.cache, "processes": self.plan.processes}

    def _seen(self, photos: Photos, segmenter: Segmenter, name: str) -> Photos:
        if segmenter == self.segmenter:
            return photos
        options: dict[str, Any] = {"segmenter": segmenter, "processes": self.plan.processes, "progress": name}
        return read_photos(_catalogue(photos), indexed=name == GALLERY, **options)

    def _searches(self, segmenter: Segmenter) -> Searches:
        queries = self.queries.labelled()
        gallery = self._seen(self.gallery.labelled(), segmenter, GALLERY)
        processes = self.plan.processes
        view = partial(item_views, count=OWN_VIEWS, segmenter=segmenter)
        results = in_order(view, queries.items, processes=processes, progress="own views")
        again = [views for views in results if isinstance(views, list)]
        worn: tuple[Item, ...] = ()
        garments: list[Garment] = []
        if self.parsed is not None and not isinstance(segmenter, NoLook):  # which has no masks of its own
            worn, _, garments = cut_out_worn(
                self.parsed, set(gallery.categories), segmenter=segmenter, processes=processes
            )
        return Searches(gallery, self._seen(queries, segmenter, "queries"), again, worn, garments)

    def _share(self, catalogue: Catalogue) -> Catalogue:
        return replace(catalogue, items=catalogue.items[:: self.plan.every])

    def _learned(self, segmenter: Segmenter, again: bool, worn: bool, drawn: bool) -> tuple[Dataset, int]:
        """Return what is learned from, and how many of it are the gallery's, which come first."""
        views, options = self.plan.config.views, self._options(segmenter)
        data = prepare(self._share(_catalogue(self.gallery)), views=views, **options)
        sets = [data if again else _until(data, 0)]
        if worn and self.parsed is not None:
            people = prepare_worn(self._share(self.parsed), data.category_names(), views=views, **options)
            sets.append(people if again else _until(people, 1))
        if drawn and self.plan.drawn:
            shapes = read_catalogue(f"drawn:{self.plan.drawn}:{DRAWN_SEED}", cache=self.plan.cache)
            sets.append(prepare_drawn(self._share(shapes), views=views, **options))
        return joined(sets), len(data.items)

    def _data(self, variant: Variant) -> tuple[np.ndarray, np.ndarray, int]:
        """Return what a variant learns from: views, category numbers, and how many are the gallery's."""
        data, count = self.learned(self._segmenter(variant), variant.again, variant.worn, variant.drawn)
        numbers = data.categories() if variant.categories else np.full(len(data.items), -1, np.int32)
        return data.views, numbers, count

    def _training(self, variant: Variant, config: Config) -> dict[str, Any]:
        """Return all that decides the weights of a network; the rest comes after the training."""
        return self._facts | {
            "config": asdict(replace(config, mirrored=False, garment_norm=0.0)),
            "segmenter": self._segmenter(variant).preprocessing,
            "drawn": self.plan.drawn * variant.drawn,
            **{name: getattr(variant, name) for name in ("categories", "again", "worn")},
        }

    def _network(self, variant: Variant, config: Config, folder: Path) -> Autoencoder:
        """Return a variant's network as its folder keeps it, trained now or further unless it is finished."""
        if not (folder / WEIGHTS_FILE).exists():
            views, numbers, _ = self._data(variant)
            model, batches = begun(config, views, numbers, init=self.plan.init)
            steps = len(batches)
            model.fit(
                batches.stream(),
                steps_per_epoch=steps,
                epochs=config.epochs,
                verbose=0,
                callbacks=[checkpoint(folder / CHECKPOINT), Progress(steps)],
                shuffle=False,
            )
            bundle.save_weights(model, folder)
            shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
        return bundle.restore(folder, config)

    def scores(self, variant: Variant, seed: int) -> dict[str, float]:
        """Return the scores of a variant trained with a seed, from the cache unless it lacks them.

        Parameters
        ----------
        variant : Variant
        seed : int
            From 0; added to the configuration's.
        """
        config = replace(self.plan.config, **variant.changes, epochs=self.plan.epochs)
        config = replace(config, seed=config.seed + seed)
        training = _as_json(self._training(variant, config))
        rest = [self._asked, config.mirrored, config.garment_norm, variant.head, variant.eight_bits]
        rest.append(bundle.TYPE_WEIGHT if variant.types else 0.0)
        folder = self.plan.cache / "ablation" / _key(training)
        kept = folder / f"scores-{_key(_as_json([training, *rest]))}.json"
        if not kept.exists():
            write_atomically(folder / SETTINGS_FILE, training.encode())
            model = self._network(variant, config, folder)
            if variant.head:
                views, numbers, count = self._data(variant)
                seen = views if variant.again else views[:, :1]
                learn_last_layer(model, seen, numbers, catalogue=count)
            embed = _embedding(model, variant)
            found = score(embed, self.searches(self._segmenter(variant)))
            write_atomically(kept, _as_json(found).encode())
        return json.loads(kept.read_text())


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _key(settings: str) -> str:
    return hashlib.sha256(settings.encode()).hexdigest()[:16]


def _cell(name: str, runs: list[dict[str, float]], full: list[dict[str, float]]) -> str | None:
    values, others = ([run[name] for run in each if name in run] for each in (runs, full))
    if not values:
        return None
    mean = float(np.mean(values))
    spread = f" ± {np.ptp(values) / 2:.3f}" if len(values) > 1 else ""
    change = f" ({mean - np.mean(others):+.3f})" if runs is not full else ""
    return f"{mean:.3f}{spread}{change}"


def tables(runs: Sequence[tuple[str, list[dict[str, float]]]], note: str) -> list[Table]:
    """Return the mean scores with their spread and change, and the scores of each training.

    Parameters
    ----------
    runs : sequence of tuple
        The name of each variant and its scores, one for each seed. The first is what the others are compared
        with.
    note : str
        How they were trained.
    """
    full = runs[0][1]
    means = tuple((name, *(_cell(score, found, full) for score in SCORES)) for name, found in runs)
    each = tuple(
        (f"{name}, seed {seed}", *(one.get(score) for score in SCORES))
        for name, found in runs
        for seed, one in enumerate(found)
    )
    return [
        Table("ablation", TITLE, ("left out", *SCORES), means, note),
        Table("ablation-runs", "Ablation: each training", ("left out", *SCORES), each),
    ]


def ablation(
    gallery: Photos,
    queries: Photos,
    *,
    segmenter: Segmenter,
    plan: Plan,
    variants: Sequence[Variant],
    parsed: Catalogue | None = None,
    beside: Segmenter | None = None,
) -> list[Table]:
    """Train each variant with each seed and score it; parameters as of `Bench`.

    Parameters
    ----------
    variants : sequence of Variant
        The first is what the others are compared with.

    Returns
    -------
    list of Table
        Mean scores with their spread and change; then the scores of each training.

    Raises
    ------
    UnsupportedBackend
        Keras does not run on TensorFlow, which gives the weights their eight bits.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise UnsupportedBackend(
            f"Keras runs on {backend}; the ablation exports encoders, which needs TensorFlow. "
            "Unset KERAS_BACKEND."
        )
    device.set_precision()
    bench = Bench(gallery, queries, segmenter=segmenter, plan=plan, parsed=parsed, beside=beside)
    runs = [
        (variant.name, [bench.scores(variant, seed) for seed in range(plan.seeds)])
        for variant in progress_bar(variants, desc="ablation", unit="variant")
    ]
    start = "the same weights" if plan.init else "scratch"
    note = (
        f"Each was trained from {start} for {plan.epochs} epochs on one in {plan.every} of the gallery, of "
        "the worn photographs and of the drawn garments, and scored on all after the last; mean over the "
        "seeds, ± half the distance between the highest and the lowest, and in brackets the change. Worn: "
        "garments that were held out, by the segmenter's masks (where these miss one, by the true one), "
        f"among laid-out ones. Own view: {OWN_VIEWS} views of each query, disturbed and parsed again, find "
        "its photograph first. Mirror image, eight bits, discriminants and types are left out after the "
        "training."
    )
    return tables(runs, note)
