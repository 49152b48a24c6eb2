"""What docs/operations.md and docs/configuration.md say in figures and examples, against the code."""

import inspect
import re
import shlex
import subprocess
import sys
from configparser import RawConfigParser

import pytest
import yaml
from PIL import Image

from index.__main__ import main as index
from index.build import KEEP
from index.build_notes import KEPT
from index.embedding.cache import KEPT_BUILDS
from index.embedding.embeddings import reencode
from index.gate import golden
from index.gate.checks import LISTED, Limits
from index.nightly import LATE_SECONDS
from index.stores.milvus.index_types import DEEPEST
from service.__main__ import main as service
from service.api.status_views import BUILDS_SHOWN
from service.config import Config
from service.http.metrics_folder import _KINDS, RESERVED_BYTES
from service.http.usage import KEEP_SECONDS
from service.http.usage_file import DAYS, LOOSE_KEPT
from service.live_index import RETRY_SECONDS, STALE_SECONDS
from service.picture.cut_out import TIMES_THE_LIMIT
from service.picture.decoders import LARGE_PIXELS
from service.picture.recent_uploads import SWEEP_SECONDS
from service.run import channel, server, worker
from service.run.app import _most_body_bytes
from service.run.demo import DRAWN
from tests.import_graph import ROOT
from training.command import INTERRUPTED
from training.progress import SECONDS as PROGRESS_SECONDS

MANUAL, GUIDE = ((ROOT / "docs" / name).read_text() for name in ("operations.md", "configuration.md"))
COMPOSE = (ROOT / "docker-compose.yml").read_text()
WORDS = {5: "five", 30: "half minute"}
LIMITS, CONFIG = Limits(), Config()


def power(number: float) -> str:
    return f"{number:.0e}".replace("e-0", "e-")


def default(name: str) -> str:
    """The value of a variable of the Compose file that is not set."""
    (value,) = set(re.findall(rf"\$\{{{name}:-([^}}]*)\}}", COMPOSE))
    return value


SAID_OF_OPERATIONS = [
    f"listens on {CONFIG.host}; put a proxy",
    f"tried again every {server.RETRY_SECONDS} seconds",
    f"`SERVICE_MEMORY` ({default('SERVICE_MEMORY')}) holds for two workers",
    f"A head has {channel.HEAD_SECONDS:g} s; a body",
    f"a second for each {channel.BYTES_A_SECOND:,} bytes",
    f"A worker holds {worker.CONNECTIONS:,} connections and {worker.BUFFERED_BYTES >> 20} MiB of unfinished",
    f"(one above {worker.BODY_IN_MEMORY >> 20} MiB in the system's temporary folder)",
    f"progress is one line every {WORDS[int(PROGRESS_SECONDS)]}",
    f"the vectors of the last {KEPT_BUILDS} builds",
    f"the catalogue is `{DRAWN}`",
    f"| {INTERRUPTED} | Ctrl-C",
    f"at most `--max-drop` ({LIMITS.max_drop}) fewer",
    f"| finite, unit norm | every vector, to {power(LIMITS.norm_tolerance)} |",
    f"{WORDS[inspect.signature(reencode).parameters['sample'].default]} photographs, encoded again, "
    f"have the same vectors to {power(LIMITS.agreement)}",
    f"{100 * LIMITS.self_recall:g} % of {LIMITS.sample} sampled vectors find themselves first",
    f"at most {LIMITS.recall_tolerance} below `--recall` ({LIMITS.recall}), against brute force on "
    f"{LIMITS.sample} samples",
    f"median of a search for {LISTED} items at most {LIMITS.latency_ms / 1000:g} s",
    f"among the first `k` answers ({golden.FIRST} where `k` is left out)",
    f"as every build does with `--keep` ({KEEP})",
    f"it runs up to {LATE_SECONDS // 3600} hours late, once",
    f"A page ends at hit {DEEPEST:,}",
    f"what is past its time every {SWEEP_SECONDS:g} s",
    f"each worker adds its own every {KEEP_SECONDS:g} seconds and at its end: {DAYS} days",
    f"of the newest {LOOSE_KEPT}, for {DAYS} days",
    f"notes of the last {KEPT} builds",
    f"the last {BUILDS_SHOWN} with their outcome",
    f"rebuilds at once and then at {default('BUILD_AT')} {default('BUILD_TIMEZONE')}",
]
SAID_OF_SETTINGS = [
    f"A request's head has {channel.HEAD_SECONDS:g} seconds to arrive",
    f"a second more for each {channel.BYTES_A_SECOND:,} bytes",
    f"A decode that takes {WORDS[TIMES_THE_LIMIT]} times as long all the same is ended",
    f"Where workers share their metrics, {len(_KINDS) * RESERVED_BYTES >> 20} MB each",
    f"Of pictures above {LARGE_PIXELS / 1e6:g} megapixels a worker decodes one at a time",
]


@pytest.mark.parametrize(
    ("text", "said"),
    [(MANUAL, said) for said in SAID_OF_OPERATIONS] + [(GUIDE, said) for said in SAID_OF_SETTINGS],
    ids=SAID_OF_OPERATIONS + SAID_OF_SETTINGS,
)
def test_the_figures_of_the_manual_are_those_of_the_code(text, said):
    assert said in " ".join(text.split())


def test_news_of_the_index_are_taken_up_within_the_second_that_the_manual_names():
    assert STALE_SECONDS < 1 and RETRY_SECONDS <= 1
    assert MANUAL.count("within a second") == 2 and "within about\na second of a request" in MANUAL


def test_the_size_of_tmp_in_a_container_is_the_one_in_the_manual():
    (size,) = re.findall(r"`/tmp` \(in memory, (\d+) MB\)", MANUAL)
    for entry in yaml.safe_load(COMPOSE)["services"].values():
        if "build" in entry:
            (place,) = entry["tmpfs"]
            assert place.startswith("/tmp:") and place.endswith(f"size={size}m")


def test_the_head_of_the_compose_file_lists_what_the_manual_says_can_be_set():
    head = COMPOSE.partition("x-confined")[0]
    said = {"BUILD_AT", "BUILD_TIMEZONE", "SERVICE_MEMORY"}
    assert all(name in MANUAL and name in head for name in said)
    variables = set(re.findall(r"\$\{(\w+)", COMPOSE)) - {"OUT", "MILVUS_ADDRESS"}
    assert {name for name in variables if name not in head} == set()


PEAK = """
import sys
from training.photo.images import decode

def peak():
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) * 1024

small, large = (open(name, "rb").read() for name in sys.argv[1:])
decode(small, size=400)
before = peak()
decode(large, size=400)
print(peak() - before)
"""
WORKER_BYTES = 222e6  # a worker and its decoders, by decision 037


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_the_memory_of_the_container_holds_for_a_largest_picture_in_each_worker(tmp_path):
    """WebP with transparency takes the most bytes a pixel; what it takes grows with its pixels."""
    pixels = 2000 * 1800
    for name, size in (("small.webp", (60, 50)), ("large.webp", (2000, 1800))):
        picture = Image.radial_gradient("L").resize(size).convert("RGBA")
        picture.putalpha(Image.linear_gradient("L").resize(size))
        picture.save(tmp_path / name, quality=80, method=0)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, tmp_path / "small.webp", tmp_path / "large.webp"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    largest = int(done.stdout) / pixels * CONFIG.max_pixels
    assert largest > CONFIG.max_pixels * 3  # else nothing was measured
    memory = int(default("SERVICE_MEMORY").removesuffix("g")) * 2**30
    assert CONFIG.workers == 2 and CONFIG.workers * (largest + WORKER_BYTES) < memory


@pytest.fixture
def unit():
    (text,) = re.findall(r"```\n(\[Service\].*?)```", MANUAL, re.DOTALL)
    parser = RawConfigParser()
    parser.optionxform = str
    parser.read_string(text)
    return parser["Service"]


def test_the_unit_of_systemd_starts_and_reloads_the_service(unit):
    program, *words = shlex.split(unit["ExecStart"])
    assert program == unit["WorkingDirectory"] + "/.venv/bin/python" and words[:2] == ["-m", "service"]
    service.commands[words[2]].make_context(words[2], words[3:])
    assert unit["ExecReload"].endswith("kill -HUP $MAINPID")
    assert unit["Environment"].startswith("SILHOUETTE_CONFIG=/")


def test_whoever_stops_the_service_gives_it_the_time_to_finish(unit):
    """And systemd tells the main process alone, which tells the workers."""
    assert unit["KillMode"] == "mixed" and int(unit["TimeoutStopSec"]) > CONFIG.graceful_seconds
    grace = yaml.safe_load(COMPOSE)["services"]["service"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > CONFIG.graceful_seconds


def test_nginx_lets_the_largest_upload_through_and_not_much_more():
    largest = _most_body_bytes(CONFIG)
    for size in re.findall(r"client_max_body_size (\d+)m;", MANUAL):
        assert largest <= int(size) * 2**20 < 1.1 * largest


def test_the_line_for_cron_is_a_build():
    (line,) = re.findall(r"^0 2 \* \* \*  cd /srv/silhouette && (.*)$", MANUAL, re.MULTILINE)
    program, *words = shlex.split(line.partition(">>")[0])
    assert program == ".venv/bin/python" and words[:3] == ["-m", "index", "build"]
    index.commands["build"].make_context("build", words[3:])
    assert line.endswith(">> build.log 2>&1")
