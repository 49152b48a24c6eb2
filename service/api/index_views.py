"""The index endpoints: the version in use, the published versions, activation; health and readiness."""

from typing import Any

from flask import Blueprint, Response, g, request

from index.errors import IndexDamaged
from index.manifest import Manifest
from service.api.answers import filters, index_in_use, item_fields
from service.api.current import config, examples, live_index, store
from service.errors import RefusedRequest
from service.page.card_fields import card_fields
from service.requests.operation import BODY, READING, Operation, describe
from service.requests.parameters import Activation
from service.requests.reading import read_json
from service.responses import Alive, IndexAnswer, Item, Ready, Version, VersionAnswer, VersionsAnswer, reply

blueprint = Blueprint("index", __name__)


@blueprint.get("/v1/index")
@describe(Operation(IndexAnswer, codes=READING))
def index() -> Response:
    """Describe the index in use, with a few items to start from."""
    searcher = live_index().searcher()
    return reply(
        IndexAnswer(
            request_id=g.request_id,
            changes=searcher.pending,
            kind=searcher.manifest.kind,
            duplicates=searcher.manifest.duplicates,
            filters=filters(searcher, config().facets),
            examples=[Item(**item_fields(item)) for item in examples().of(searcher)],
            card_fields=card_fields(config().card_fields),
            **index_in_use(searcher).model_dump(),
        )
    )


def version_fields(manifest: Manifest, *, current: str | None) -> dict[str, Any]:
    """Return the fields of `Version`."""
    return {
        "version": manifest.version,
        "built_at": manifest.built_at,
        "encoder": manifest.encoder,
        "items": manifest.items,
        "kind": manifest.kind,
        "current": manifest.version == current,
        "usable": manifest.encoder == live_index().fingerprint,
    }


def _manifests() -> list[Manifest]:
    """Return the manifests of the published versions, newest first, without damaged ones."""
    found = []
    for name in reversed(store().versions()):
        try:
            found.append(store().manifest(name))
        except IndexDamaged:
            continue
    return found


@blueprint.get("/v1/index/versions")
@describe(Operation(VersionsAnswer, codes=READING))
def versions() -> Response:
    """List the published versions."""
    current = store().current()
    listed = [Version(**version_fields(manifest, current=current)) for manifest in _manifests()]
    return reply(VersionsAnswer(request_id=g.request_id, versions=listed))


@blueprint.post("/v1/index/activate")
@describe(
    Operation(
        VersionAnswer,
        body=Activation,
        codes=(*BODY, "version_unknown", "version_unusable", *READING),
        key=True,
        sheds=True,
    )
)
def activation() -> Response:
    """Activate a version, newer or older."""
    name = read_json(request, Activation).version
    if name not in store().versions():
        detail = "No version has that name. GET /v1/index/versions lists the published ones."
        raise RefusedRequest("version_unknown", detail, param="version")
    try:
        if store().manifest(name).encoder != live_index().fingerprint:
            detail = "That version belongs to another encoder. Choose one that is listed as usable."
            raise RefusedRequest("version_unusable", detail, param="version")
        manifest = store().activate(name)
    except IndexDamaged as error:
        detail = "The files of that version are damaged; the one in use stays. Choose another."
        raise RefusedRequest("version_unusable", detail, param="version") from error
    live_index().refresh()
    fields = version_fields(manifest, current=manifest.version)
    return reply(VersionAnswer(request_id=g.request_id, **fields))


@blueprint.get("/healthz")
@describe(Operation(Alive))
def healthz() -> Response:
    """Report that the process is alive."""
    return reply(Alive(status="alive", request_id=g.request_id))


@blueprint.get("/readyz")
@describe(Operation(Ready, codes=READING))
def readyz() -> Response:
    """Report that searches can be answered, and with which versions."""
    return reply(Ready(status="ready", index=index_in_use(live_index().searcher()), request_id=g.request_id))
