"""Prometheus metrics of requests, stages, failures and the index, over all workers."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily as Gauged
from prometheus_client.multiprocess import MultiProcessCollector

from index.stores.store import OpenIndex
from service.config import METRICS_FOLDER
from service.http.logs import elapsed, path_template, problem_code
from service.http.metrics_folder import locked
from service.requests.operation import Operation, describe
from training.errors import SilhouetteError

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10)
STAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3)
CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)

_log = logging.getLogger(__name__)

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _index_in_use(searcher: OpenIndex) -> Iterator[Gauged]:
    manifest = searcher.manifest
    labels = {"version": manifest.version, "encoder": manifest.encoder[:12], "kind": manifest.kind}
    info = Gauged("silhouette_index_info", "The index in use.", labels=list(labels))
    info.add_metric(list(labels.values()), 1)
    yield info
    yield Gauged("silhouette_index_items", "Items that can be found.", value=searcher.count)
    yield Gauged("silhouette_index_changes", "Changes since the index was built.", value=searcher.pending)
    age = (datetime.now(UTC) - datetime.fromisoformat(manifest.built_at)).total_seconds()
    yield Gauged("silhouette_index_age_seconds", "Time since the index was built.", value=age)


class _Readiness:
    """The index as the answering worker sees it, for Prometheus to collect."""

    def __init__(self, searcher: Callable[[], OpenIndex]) -> None:
        self._searcher = searcher

    def collect(self) -> Iterator[Gauged]:
        """Yield the metrics of the index, or that there is none."""
        try:
            figures = list(_index_in_use(self._searcher()))
        except SilhouetteError:
            figures = []
        yield Gauged("silhouette_ready", "Whether an index is in use.", value=int(bool(figures)))
        yield from figures


class Metrics:
    """The metrics of this process, and the page with those of all workers.

    Parameters
    ----------
    searcher : callable
        Returns the index in use, or raises why there is none.
    """

    def __init__(self, searcher: Callable[[], OpenIndex]) -> None:
        self._index = _Readiness(searcher)
        self._own = CollectorRegistry()
        declared: dict[str, Any] = {"registry": self._own}
        self.requests = Counter(
            "silhouette_requests", "Requests answered.", ["method", "path", "status"], **declared
        )
        self.seconds = Histogram(
            "silhouette_request_seconds",
            "Time from a request's head to its answer.",
            ["path"],
            buckets=REQUEST_SECONDS,
            **declared,
        )
        self.stages = Histogram(
            "silhouette_stage_seconds",
            "Time of a stage of a search.",
            ["stage"],
            buckets=STAGE_SECONDS,
            **declared,
        )
        self.confidence = Histogram(
            "silhouette_answer_confidence",
            "Confidence of the answers to searches by a picture.",
            buckets=CONFIDENCES,
            **declared,
        )
        self.rejects = Counter("silhouette_rejects", "Requests refused or failed.", ["code"], **declared)
        self.in_progress = Gauge(
            "silhouette_requests_in_progress",
            "Requests being answered.",
            multiprocess_mode="livesum",
            **declared,
        )
        self._open_files()

    def _open_files(self) -> None:
        """Make a value of each kind now, so that a folder that is removed later is never opened again."""
        self.requests.labels("GET", "/healthz", "200")
        self.rejects.labels("internal_error")
        for histogram, label in ((self.seconds, "/healthz"), (self.stages, "search")):
            histogram.labels(label)

    def observe(self, response: Response) -> Response:
        """Count a response; whatever fails in that does not fail the response."""
        try:
            self._count(response)
        except Exception:
            _log.exception("A response was not counted")
        return response

    def _count(self, response: Response) -> None:
        path = path_template()
        method = request.method if request.method in _METHODS else "other"
        self.requests.labels(method, path, str(response.status_code)).inc()
        self.seconds.labels(path).observe(elapsed())
        if (code := problem_code(response)) is not None:
            self.rejects.labels(code).inc()

    def observe_stages(self, took_ms: Mapping[str, float]) -> None:
        """Observe the duration of each stage, in milliseconds."""
        for stage, took in took_ms.items():
            self.stages.labels(stage).observe(took / 1000)

    def page(self) -> bytes:
        """Return the metrics of all workers in Prometheus's text format, or else of this one."""
        folder = os.environ.get(METRICS_FOLDER)
        if folder is not None:
            try:
                with locked(Path(folder)):
                    return generate_latest(self._registry(lambda all_: MultiProcessCollector(all_, folder)))
            except (OSError, ValueError, RuntimeError) as error:
                _log.warning("The metrics of the other workers can't be read: %s", error)
        return generate_latest(self._registry(lambda own: own.register(self._own)))

    def _registry(self, add: Callable[[CollectorRegistry], object]) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(self._index)
        add(registry)
        return registry


def install_metrics(app: Flask, searcher: Callable[[], OpenIndex]) -> None:
    """Count the requests of `app`, and answer `GET /metrics`."""
    app.extensions["silhouette.metrics"] = metrics = Metrics(searcher)

    def begin() -> None:
        metrics.in_progress.inc()
        g.counted = True

    def end(_: BaseException | None) -> None:
        if g.pop("counted", False):
            metrics.in_progress.dec()

    app.before_request(begin)
    app.after_request(metrics.observe)
    app.teardown_request(end)

    @app.get("/metrics")
    @describe(Operation("text/plain"))
    def metrics_page() -> Response:
        """Return metrics for Prometheus: requests, stages, failures and the index."""
        return Response(metrics.page(), content_type=CONTENT_TYPE_LATEST)
