"""The settings of the service: a frozen dataclass, read from a file and the environment, and checked."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import training
from service.errors import InvalidSetting
from service.page.card_fields import ROLES
from service.setting_types import (
    PREFIX,
    assignments,
    check,
    choice,
    from_file_value,
    hosts,
    names,
    number,
    origins,
    path,
    switch,
    text,
    type_of,
    variable,
)

FILE = PREFIX + "CONFIG"
OTHERS = {"SILHOUETTE_CONFIG", "SILHOUETTE_CACHE"}
"""Variables of the product that are not settings of the service."""

_OF_KUBERNETES = rf"{PREFIX}(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable, read by prometheus_client, that names the folder in which workers share their metrics."""

PRETRAINED = Path(training.__file__).parent / "pretrained"


@dataclass(frozen=True)
class Config:
    """Where the service listens, what it reads, how much it accepts and what it keeps.

    Each field says what it is in its declaration; `docs/configuration.md` lists them all.

    Raises
    ------
    InvalidSetting
        A value is not one that its setting takes, or two settings contradict each other.
    """

    host: str = text(
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 for all interfaces.",
        accepted="a host name or an IP address",
        pattern=r"[A-Za-z0-9.:_-]+",
    )
    port: int = number(8000, "Port to listen on; PORT is read too.", least=1, most=65_535, unit="ports")
    prefix: str = text(
        "",
        "Path under which a proxy passes the service on.",
        accepted="a path such as /shop, or nothing for the root",
        pattern=r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*",
    )
    workers: int = number(
        2, "Processes; each holds the encoder and the index.", least=1, most=64, unit="processes"
    )
    encoder: Path = path(PRETRAINED, "Encoder bundle.")
    indexes: Path = path(Path("indexes"), "Folder that indexes are published in.")
    store: str = text(
        "",
        "Where the index is published and searched instead, such as milvus://milvus:19530.",
        accepted="an address of Milvus (docs/scale.md), or nothing for the folder",
        pattern=r"(milvus:.+)?",
    )
    keys: Path = path(
        Path("keys.json"),
        "File of the keys that writing and the status page need; without it there is neither.",
    )
    cors_origins: tuple[str, ...] = origins("Websites whose pages may call the API from the browser.")
    frame_ancestors: tuple[str, ...] = origins("Websites whose pages may show the search page in a frame.")
    facets: tuple[str, ...] = names("Fields of the metadata that the page offers to filter by.", most=16)
    card_fields: tuple[tuple[str, str], ...] = assignments(
        "Fields of the metadata that a card of the page shows.", keys=ROLES
    )
    proxies: int = number(
        0,
        "Proxies in front whose X-Forwarded-For and X-Forwarded-Proto are believed.",
        least=0,
        most=8,
        unit="proxies",
    )
    max_upload_bytes: int = number(
        10 * 2**20, "Largest photograph, as a file.", least=1024, most=2**30, unit="bytes"
    )
    max_pixels: int = number(
        64_000_000, "Largest photograph, width times height.", least=256, most=10**9, unit="pixels"
    )
    decode_ms: int = number(
        3000, "Longest time that decoding one photograph may take.", least=50, most=60_000, unit="ms"
    )
    request_seconds: int = number(
        30,
        "Longest time in which a request must have arrived, and its answer been taken.",
        least=1,
        most=3600,
        unit="seconds",
    )
    graceful_seconds: int = number(
        20,
        "How long a worker that is shutting down may take to finish open requests.",
        least=1,
        most=3600,
        unit="seconds",
    )
    searches_at_once: int = number(
        4, "Searches and writes that a worker does at the same time.", least=1, most=64, unit="searches"
    )
    searches_waiting: int = number(
        16, "Further ones that may wait in a worker.", least=0, most=256, unit="searches"
    )
    wait_ms: int = number(
        1000,
        "How long a queued search waits for a concurrency slot before it is refused.",
        least=0,
        most=60_000,
        unit="ms",
    )
    client_searches: int = number(
        0,
        "Searches of one client address in a worker at a time; 0 for any.",
        least=0,
        most=320,
        unit="searches",
    )
    default_limit: int = number(
        20, "Results on a page where the request names no number.", least=1, most=1000, unit="results"
    )
    max_limit: int = number(100, "Results on a page at most.", least=1, most=1000, unit="results")
    max_offset: int = number(100_000, "How far paging may go.", least=0, most=10**9, unit="results")
    batch_searches: int = number(16, "Searches in one batch at most.", least=1, most=256, unit="searches")
    image_urls: bool = switch(False, "Whether a search may name a public address to fetch its picture from.")
    allowed_hosts: tuple[str, ...] = hosts(
        "Hosts beside the public internet from which pictures may be fetched, for searches and catalogues."
    )
    image_url_seconds: int = number(
        5, "How long fetching one such picture may take in all.", least=1, most=60, unit="seconds"
    )
    query_folder: Path = path(
        Path("cache/queries"), "Where uploads lie so that query_id finds them; all workers share it."
    )
    query_seconds: int = number(900, "How long an upload is kept.", least=1, most=7 * 86_400, unit="seconds")
    query_bytes: int = number(
        2**29, "How much all uploads may take on disk.", least=2**20, most=2**40, unit="bytes"
    )
    thumbnail_folder: Path = path(
        Path("cache/thumbnails"), "Where thumbnails lie once they are made; all workers share it."
    )
    thumbnail_bytes: int = number(
        2**32,
        "How much all thumbnails may take on disk; the longest unused make room.",
        least=2**20,
        most=2**44,
        unit="bytes",
    )
    metrics_folder: Path = path(
        Path("cache/metrics"), "Where workers share their metrics, 3 MB each; a folder for each service."
    )
    usage_file: Path = path(
        Path("cache/usage.sqlite"),
        "File in which all workers keep the figures of the status page, for 31 days.",
    )
    loose_pictures: bool = switch(
        False, "Whether the status page keeps small pictures of queries that found nothing close."
    )
    log_format: str = choice("json", "Form of a line of the log.", among=("json", "text"))
    log_level: str = choice(
        "info", "What is logged; info has a line for each request.", among=("info", "warning", "error")
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            check(setting, getattr(self, setting.name), name=variable(setting))
        if self.default_limit > self.max_limit:
            raise InvalidSetting(
                f"{PREFIX}DEFAULT_LIMIT is {self.default_limit}, above {PREFIX}MAX_LIMIT, {self.max_limit}. "
                "Lower the first or raise the second."
            )
        if self.workers > 1 and self.store and not self.store.startswith("milvus://"):
            raise InvalidSetting(
                f"{PREFIX}STORE is Milvus in a file, which one process can use, and {PREFIX}WORKERS is "
                f"{self.workers}. Set {PREFIX}WORKERS=1, or start a server of Milvus."
            )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read each setting from `SILHOUETTE_<NAME>`, else from the file `SILHOUETTE_CONFIG` names.

        A variable that is absent or empty leaves the file's value, and where there is none, the default.

        Raises
        ------
        InvalidSetting
            Naming the variable or the entry of the file, the value received and the values accepted.
        """
        _refuse_unknown(cls, environ)
        values = _read_file(cls, Path(environ[FILE])) if environ.get(FILE) else {}
        for setting in fields(cls):
            if given := environ.get(variable(setting)):
                values[setting.name] = type_of(setting).read(given)
        return cls(**values)


def _refuse_unknown(settings: type[Config], environ: Mapping[str, str]) -> None:
    known = {variable(setting) for setting in fields(settings)} | OTHERS
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        if re.fullmatch(_OF_KUBERNETES, name):
            raise InvalidSetting(
                f"{name} is set by Kubernetes, for a Service called silhouette, and is not a setting. "
                "Call the Service otherwise, or put enableServiceLinks: false into the pod's spec."
            )
        if name not in known:
            (near,) = get_close_matches(name, known, n=1, cutoff=0.0)
            raise InvalidSetting(f"{name:.80} is not a setting. Did you mean {near}? Otherwise unset it.")


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InvalidSetting(
            f"{FILE} names {file}, which can't be read ({error.strerror}). Correct the path."
        ) from error
    except ValueError as error:
        raise InvalidSetting(f"{file} is not valid TOML: {error}. Correct it, or unset {FILE}.") from error


def _read_file(settings: type[Config], file: Path) -> dict[str, Any]:
    known = {setting.name: setting for setting in fields(settings)}
    values = {}
    for name, given in _parse(file).items():
        if name not in known:
            raise InvalidSetting(
                f"{file} sets {name!r:.80}, which is not a setting. Accepted: {', '.join(sorted(known))}."
            )
        values[name] = from_file_value(known[name], given)
        check(known[name], values[name], name=f"{name} in {file}")
    return values


def _shown_default(setting: Field[Any]) -> str:
    if setting.default == PRETRAINED:
        return "the one that ships"
    return type_of(setting).show(setting.default) or "none"


def settings_in_words() -> Iterator[tuple[str, str, str, str]]:
    """Yield each setting as its variable, its default, what it accepts, and what it does."""
    for setting in fields(Config):
        declared = type_of(setting)
        yield variable(setting), _shown_default(setting), declared.accepted, declared.about
