"""The address of an index in Milvus: where the server is, and what our collections are called there."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from index.errors import InvalidStore

PREFIX = "silhouette"
CONSISTENCIES = {"bounded": "Bounded", "session": "Session", "eventually": "Eventually", "strong": "Strong"}
ACCEPTED = (
    "Accepted: milvus://[USER:PASSWORD@]HOST[:PORT][/DATABASE] for a server, milvus:FILE.db for Milvus in a "
    f"file; then, where wanted, ?prefix=NAME&consistency={'|'.join(CONSISTENCIES)}&tls=on."
)
_PREFIXES = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_OPTIONS = {"prefix", "consistency", "tls"}


@dataclass(frozen=True)
class MilvusAddress:
    """Where the index lies.

    Parameters
    ----------
    uri : str
        As Milvus's client takes it, without user and password.
    token : str
        User and password with a colon between, or a token; empty without.
    database : str
        Empty for the server's default.
    prefix : str
        How the names of our collections begin.
    consistency : str
        What a search waits for, in Milvus's words.
    """

    uri: str
    token: str = ""
    database: str = ""
    prefix: str = PREFIX
    consistency: str = "Bounded"

    def __str__(self) -> str:
        place = self.uri if self.is_file else re.sub("^https?:", "", self.uri)
        database = f"/{self.database}" if self.database else ""
        prefix = f"?prefix={self.prefix}" if self.prefix != PREFIX else ""
        return f"milvus:{place}{database}{prefix}"

    @property
    def is_file(self) -> bool:
        """Whether it is Milvus in a file, by milvus-lite."""
        return self.uri.endswith(".db")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that a text spells; raises `InvalidStore`, without its password."""
        try:
            parts = urlsplit(text)
            options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
            _check(options)
            secure = {"on": True, "off": False}[options.get("tls", "off")]
            return cls(
                uri=_server(parts, secure) if parts.netloc else _file(parts),
                token=":".join(unquote(part) for part in (parts.username, parts.password) if part),
                database=parts.path.strip("/") if parts.netloc else "",
                prefix=options.get("prefix", PREFIX),
                consistency=CONSISTENCIES[options.get("consistency", "bounded")],
            )
        except (ValueError, KeyError) as error:
            shown = re.sub(r"//[^/@]*@", "//…@", text)
            raise InvalidStore(f"'{shown:.120}' is not a Milvus address ({error}). {ACCEPTED}") from error


def _check(options: dict[str, str]) -> None:
    if unknown := options.keys() - _OPTIONS:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    if not _PREFIXES.fullmatch(options.get("prefix", PREFIX)):
        raise ValueError("a prefix is made of letters, digits and underscores")


def _server(parts: SplitResult, secure: bool) -> str:
    if not parts.hostname:
        raise ValueError("it names no host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"http{'s' if secure else ''}://{host}:{parts.port or 19530}"


def _file(parts: SplitResult) -> str:
    if not parts.path.endswith(".db"):
        raise ValueError("a file ends in .db")
    return parts.path
