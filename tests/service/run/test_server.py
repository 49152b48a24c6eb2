import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from click.testing import CliRunner

from index.backup import restore_backup, write_backup
from index.build import BuildOptions, build_index
from index.editing import delete_item, put_item
from index.stores.folder.store import FolderStore
from service.__main__ import main
from service.config import PRETRAINED, Config
from service.errors import InvalidSetting, PortInUse
from service.http.keys import add_key, remove_key
from service.http.usage_file import HOUR, UsageFile
from service.run import server
from service.run.generation import Generation
from service.run.server import Address, check_port_free, greeting, settings
from training.catalogue.reader import Catalogue, Item
from training.photo.encoder import Encoder

ROOT = Path(__file__).parents[3]


def test_the_greeting_has_the_address_and_a_line_that_can_be_pasted():
    text = greeting(Address(port=8001), Path("/my photos/a.jpg"))
    assert text.splitlines() == [
        "Silhouette answers at http://127.0.0.1:8001",
        "Try:  curl -F 'file=@/my photos/a.jpg' 'http://127.0.0.1:8001/v1/search?limit=5'",
    ]


def test_an_address_for_all_interfaces_is_shown_as_one_that_a_browser_takes():
    assert Address("0.0.0.0", 80).url == "http://127.0.0.1:80"


def test_an_address_below_a_prefix_is_shown_with_it():
    assert Address.of(Config(prefix="/shop")).url == "http://127.0.0.1:8000/shop"


def test_only_the_first_worker_greets(capsys, running):
    for age in (1, 2, 3):
        running.cfg.post_worker_init(SimpleNamespace(age=age))
    assert capsys.readouterr().out.count("Silhouette answers") == 1


def test_without_an_index_the_greeting_says_what_is_missing_and_what_to_do():
    text = greeting(
        Address(port=8001), Path("a.jpg"), "No index is published. Build one: python -m index build"
    )
    assert "can't answer searches yet (503). No index is published. Build one: " in text
    assert "answers at" not in text and "curl" not in text


def test_workers_are_threaded_and_open_no_control_socket():
    chosen = settings(Config(host="::1", workers=3, searches_at_once=4, searches_waiting=6))
    assert (chosen["workers"], chosen["worker_class"]) == (3, "service.run.worker.Worker")
    assert chosen["threads"] > 4 + 6
    assert settings(Config(graceful_seconds=7))["graceful_timeout"] == 7
    assert chosen["control_socket_disable"] is True
    assert chosen["bind"] == "[::1]:8000"


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("3", "3")])
def test_numeric_libraries_get_one_thread_each_unless_told_otherwise(monkeypatch, tmp_path, before, after):
    environ = {} if before is None else {"OMP_NUM_THREADS": before}
    seen = []
    monkeypatch.setattr(os, "environ", environ)
    monkeypatch.setattr(server, "configure_logs", lambda config: None)
    monkeypatch.setattr(server, "check_port_free", lambda address: None)
    monkeypatch.setattr(server, "share_metrics", lambda parent: None)
    monkeypatch.setattr(server, "check_generation", lambda config: Generation())
    monkeypatch.setattr(server, "preload", lambda: seen.append(environ["OMP_NUM_THREADS"]))
    monkeypatch.setattr(server._Server, "run", lambda self: seen.append(environ["OMP_NUM_THREADS"]))
    server.serve(Config)
    assert seen == [after, after]


def test_threads_share_memory_and_give_it_back_where_the_c_library_lets_them(monkeypatch):
    told, waits = [], iter((None, None, True))
    library = SimpleNamespace(
        mallopt=lambda *words: told.append(words), malloc_trim=lambda *words: told.append(words)
    )
    libraries = iter((library, SimpleNamespace()))
    monkeypatch.setattr(server.ctypes, "CDLL", lambda _: next(libraries))
    monkeypatch.setattr(server.threading, "Thread", lambda target, **_: SimpleNamespace(start=target))
    server.share_memory(lambda seconds: told.append(seconds) or next(waits))
    server.share_memory()
    second = server.TRIM_SECONDS
    assert told == [(-8, server.MOST_ARENAS), second, (0,), second, (0,), second]


@pytest.mark.parametrize(("threads", "loaded"), [("1", True), ("3", False)])
def test_code_is_loaded_before_the_fork_where_that_starts_no_thread(threads, loaded):
    """Run whole, for what has been loaded is loaded once."""
    code = (
        "import gc, sys; from service.run import server; server.preload(); "
        "print('service.run.app' in sys.modules, gc.get_freeze_count() > 0, "
        "gc.get_threshold()[2] == server.OLD_AFTER, "
        "len(list(server.Path('/proc/self/task').iterdir())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OMP_NUM_THREADS": threads, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == [*[str(loaded)] * 3, "1"]


def test_a_port_that_is_taken_is_refused_with_the_next_one_as_advice():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"127\.0\.0\.1:{port} can't be used .* PORT={port + 1}"):
            check_port_free(Address(port=port))
    check_port_free(Address(port=port))


def test_serve_reads_flags_over_the_environment_and_that_over_the_file(monkeypatch, tmp_path):
    served = []
    monkeypatch.setattr("service.__main__.run_server", lambda read, *, example: served.append(read()))
    (tmp_path / "settings.toml").write_text('workers = 7\nmax_limit = 50\nindexes = "file"\n')
    environ = {
        "SILHOUETTE_CONFIG": str(tmp_path / "settings.toml"),
        "SILHOUETTE_INDEXES": "elsewhere",
        "SILHOUETTE_WORKERS": "3",
        "PORT": "8123",
    }
    result = CliRunner().invoke(main, ["serve", "--indexes", str(tmp_path)], env=environ)
    assert result.exit_code == 0, result.output
    (config,) = served
    assert (config.indexes, config.workers, config.max_limit, config.port) == (tmp_path, 3, 50, 8123)


@pytest.mark.parametrize(
    ("words", "environ", "message"),
    [
        (["serve"], {"SILHOUETTE_MAX_LIMIT": "x"}, "Error: SILHOUETTE_MAX_LIMIT is 'x'"),
        (["serve", "--port", "0"], {}, "Error: SILHOUETTE_PORT is 0"),
        (["serve"], {"SILHOUETTE_CONFIG": "nowhere.toml"}, "Error: SILHOUETTE_CONFIG names nowhere.toml"),
    ],
)
def test_a_wrong_setting_is_one_line_and_a_failure(words, environ, message):
    result = CliRunner().invoke(main, words, env=environ)
    assert result.exit_code == 1
    assert result.output.startswith(message) and result.output.count("\n") == 1


@pytest.fixture
def running(config, monkeypatch):
    """gunicorn with our settings, of which nothing has been started."""
    monkeypatch.setattr(server, "check_generation", lambda config: Generation())
    return server._Server(lambda: config, replace(config, workers=3), None, Generation())


def broken_encoder(folder):
    shutil.copytree(PRETRAINED, folder)
    (folder / "encoder.tflite").write_bytes(b"nothing of the kind")
    return folder


@pytest.mark.parametrize("fault", ["encoder missing", "encoder broken", "keys emptied"])
def test_what_can_not_be_served_is_one_line_before_anything_starts(tmp_path, fault):
    """Run whole: the check forks, which a process that tests has too many threads for."""
    (tmp_path / "keys.json").write_text("" if fault == "keys emptied" else "{}")
    encoder = PRETRAINED if fault == "keys emptied" else tmp_path / "mine"
    if fault == "encoder broken":
        broken_encoder(encoder)
    for words in (["--port", "0"], ["--check"]):
        words = ["--port", "18431"] if "--port" in words else words
        done = subprocess.run(
            [sys.executable, "-m", "service", "serve", *words, "--encoder", str(encoder)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        said = [line for line in done.stderr.splitlines() if not line.startswith("INFO: ")]
        assert done.returncode == 1 and done.stdout == ""
        assert len(said) == 1 and said[0].startswith("Error: ")


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("none", 0, "Sound: index "),
        ("prefix", 1, "Error: SILHOUETTE_PREFIX is"),
        ("no index", 1, "Error: No index is published"),
        ("damaged", 1, "Error: Version '20"),
        ("another encoder", 1, "Error: The index .* the encoder eeeeeeeeeeee, but"),
    ],
)
def test_the_check_opens_what_would_be_served_and_says_what_is_wrong(garments, tmp_path, fault, code, said):
    indexes, environ = tmp_path / "indexes", {"SILHOUETTE_INDEXES": str(tmp_path / "indexes")}
    if fault != "no index":
        shutil.copytree(garments / "indexes", indexes)
    if fault == "damaged":
        next(indexes.glob("*/vectors.faiss")).write_bytes(b"nothing of the kind")
    if fault == "another encoder":
        path = next(indexes.glob("*/manifest.json"))
        manifest = {**json.loads(path.read_text()), "encoder": "e" * 64}
        del manifest["manifest_sha256"]
        summed = sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
        path.write_text(json.dumps({**manifest, "manifest_sha256": summed}))
    words = ["--prefix", "no path"] if fault == "prefix" else []
    clean = {name: text for name, text in os.environ.items() if not name.startswith("SILHOUETTE_")}
    done = subprocess.run(
        [sys.executable, "-m", "service", "serve", "--check", *words],
        cwd=tmp_path,
        env={**clean, **environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("INFO: ")]
    assert (done.returncode, len(lines)) == (code, 1)
    assert re.match(said, lines[0])


def test_a_worker_that_fails_after_others_have_served_is_tried_again(running, monkeypatch, caplog):
    def fail(config):
        raise OSError("keys.json is gone")

    monkeypatch.setattr("service.run.app.create_app", fail)
    monkeypatch.setattr(server, "RETRY_SECONDS", 0)
    with pytest.raises(server.AppImportError, match=r"Error: keys\.json is gone"):
        running.load()
    running._served[0] = 1
    with pytest.raises(SystemExit) as ended:
        running.load()
    assert ended.value.code not in (3, 4) and "tried again: keys.json is gone" in caplog.text


@pytest.mark.parametrize(
    ("found", "renewed"),
    [
        (Generation(failure="The encoder can't be read."), False),
        (Generation(not_ready="It belongs to another encoder.", index_at_fault=True), False),
        (Generation(not_ready="No index is published."), True),
        (Generation(version="2026-11-21T02-00-00Z", items=3), True),
    ],
)
def test_settings_are_taken_up_at_a_reload_only_if_workers_can_serve_with_them(
    running, monkeypatch, caplog, found, renewed
):
    monkeypatch.setattr(server, "check_generation", lambda config: found)
    monkeypatch.setattr(server, "configure_logs", lambda config: None)
    assert running.renew() is renewed
    assert (running.config.workers == 3) is not renewed
    assert ("Nothing was reloaded" in caplog.text) is not renewed


def test_settings_with_a_mistake_are_not_taken_up_at_a_reload(running, monkeypatch, caplog):
    def read():
        raise InvalidSetting("max_limit in settings.toml is 0.")

    monkeypatch.setattr(running, "_read", read)
    assert not running.renew()
    assert running.config.workers == 3
    assert "Nothing was reloaded. max_limit in settings.toml is 0." in caplog.text


class Upload:
    """A search that has begun, its body sent in part: it is in flight until `finish`."""

    def __init__(self, serving):
        photo = (serving.folder / "photograph.jpg").read_bytes()
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\n\r\n'
        body = head + photo + b"\r\n--b--\r\n"
        self._connection, self._rest = serving.connect(), body[100:]
        self._connection.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert b"100 Continue" in self._connection.recv(1000)  # the worker has taken it on
        self._connection.sendall(body[:100])

    def close(self):
        self._connection.close()

    def finish(self):
        with self._connection:
            self._connection.sendall(self._rest)
            return b"".join(iter(partial(self._connection.recv, 65536), b""))


def count(serving):
    lines = httpx.get(f"{serving.url}/metrics", timeout=120).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if 'total{method="GET",path="/v1/index"' in line)


@pytest.fixture(scope="module")
def own(serve):
    return serve(workers=2, config="settings.toml", request_seconds=300, graceful_seconds=120)


@pytest.fixture(scope="module", autouse=True)
def settings_at_the_start(garments):
    (garments / "settings.toml").write_text("max_limit = 50\n")


def wait_until(true, *, seconds=120):
    """Look until something becomes true of another process, which can't tell of it by itself."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not true():
        assert time.monotonic() < end
        pause.wait(0.1)


def test_a_reload_takes_up_new_settings_and_loses_neither_a_request_nor_a_count(own):
    get = partial(httpx.get, timeout=120)
    for _ in range(3):
        assert get(f"{own.url}/v1/index").status_code == 200
    assert get(f"{own.url}/v1/items/x/similar?limit=26").json()["code"] == "item_unknown"
    before, upload = own.workers(), Upload(own)
    (own.folder / "settings.toml").write_text("max_limit = 25\n")
    own.process.send_signal(signal.SIGHUP)
    wait_until(lambda: own.workers() - before)
    assert b"HTTP/1.1 200 OK" in upload.finish()
    wait_until(lambda: not own.workers() & before)
    item = get(f"{own.url}/v1/index").json()["examples"][0]["item_id"]
    answer = get(f"{own.url}/v1/items/{item}/similar?limit=26")
    assert (answer.status_code, answer.json()["param"]) == (400, "limit")
    assert count(own) == 4


def each_alone(serving):
    """Let one worker after the other be the only one that runs."""
    workers = serving.workers()
    assert len(workers) > 1
    for worker in workers:
        try:
            for other in workers - {worker}:
                os.kill(other, signal.SIGSTOP)
            yield worker
        finally:
            for other in workers:
                os.kill(other, signal.SIGCONT)


def statuses(serving, ask):
    return {ask().status_code for _ in each_alone(serving)}


def test_every_worker_shows_what_a_command_has_changed_at_its_next_request(own):
    """Items that are put and deleted, a backup that is restored, and keys: by another process, as here."""
    store, encoder = FolderStore(own.folder / "indexes"), Encoder.load(PRETRAINED)
    ask = partial(httpx.get, f"{own.url}/v1/items/coat", timeout=120)
    assert statuses(own, ask) == {404}
    put_item(store, encoder, "coat", (own.folder / "photograph.jpg").read_bytes(), {"price": 5})
    assert statuses(own, ask) == {200}
    write_backup(store, own.folder / "changes.zip")
    delete_item(store, "coat")
    assert statuses(own, ask) == {404}
    restore_backup(store, own.folder / "changes.zip")
    assert statuses(own, ask) == {200}
    key = add_key(own.folder / "keys.json", "shop")
    write = partial(httpx.put, f"{own.url}/v1/items/coat", headers={"X-Api-Key": key}, timeout=120)
    assert statuses(own, write) == {400}  # it is let in, and holds nothing
    remove_key(own.folder / "keys.json", "shop")
    assert statuses(own, write) == {403}


def test_every_worker_opens_the_version_that_a_command_publishes_or_goes_back_to(own):
    indexes = own.folder / "indexes"
    before = FolderStore(indexes).current()

    def shown():
        asked = (httpx.get(f"{own.url}/readyz", timeout=120) for _ in each_alone(own))
        return {answer.json()["index"]["version"] for answer in asked}

    items = tuple(Item(f"item/{number}", own.folder / f"{number}.jpg", {}) for number in range(11))
    options = BuildOptions("flat", processes=1)
    built = build_index(
        Catalogue("drawn", items, ()), Encoder.load(PRETRAINED), indexes=indexes, options=options
    )
    assert shown() == {built.manifest.version} != {before}
    FolderStore(indexes).activate(before)
    assert shown() == {before}


def another_encoder(folder):
    """The encoder that ships, with some bytes behind its model, and so with a fingerprint of its own."""
    shutil.copytree(PRETRAINED, folder)
    model, described = folder / "encoder.tflite", folder / "encoder.json"
    model.write_bytes(model.read_bytes() + bytes(16))
    text = described.read_text()
    described.write_text(
        text.replace(
            Encoder.load(PRETRAINED).description["fingerprint"], sha256(model.read_bytes()).hexdigest()
        )
    )
    return Encoder.load(folder)


def test_another_encoder_is_gone_over_to_without_a_pause_as_the_manual_says(own):
    """Its index is published first, which the service leaves until it is reloaded with the encoder."""
    folder, before = own.folder / "models" / "mine", own.workers()
    folder.parent.mkdir()
    encoder, failed, ready = another_encoder(folder), [], threading.Event()
    items = tuple(Item(f"item/{number}", own.folder / f"{number}.jpg", {}) for number in range(11))

    def ask():
        while not ready.is_set():
            with (own.folder / "photograph.jpg").open("rb") as file:
                answer = httpx.post(f"{own.url}/v1/search", files={"file": file}, timeout=120)
            if answer.status_code != 200:
                failed.append(answer.text)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        options = BuildOptions("flat", processes=1)
        built = build_index(
            Catalogue("drawn", items, ()), encoder, indexes=own.folder / "indexes", options=options
        )
        shown = httpx.get(f"{own.url}/readyz", timeout=120).json()["index"]["version"]
        assert shown != built.manifest.version
        (own.folder / "settings.toml").write_text('encoder = "models/mine"\nmax_limit = 25\n')
        own.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not own.workers() & before)
        wait_until(
            lambda: (
                httpx.get(f"{own.url}/readyz", timeout=120).json()["index"]["version"]
                == built.manifest.version
            )
        )
    finally:
        ready.set()
        asking.join()
    assert failed == []


def test_a_reload_that_can_not_serve_changes_nothing_and_a_worker_that_dies_comes_back_once_it_can(own):
    """With a wrong encoder, and with a file of keys that was emptied."""
    before, settings = own.workers(), own.folder / "settings.toml"
    broken = broken_encoder(own.folder / "broken")
    settings.write_text(f'encoder = "{broken}"\n')
    own.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("Nothing was reloaded" in line["message"] for line in own.lines()))
    assert own.workers() == before and httpx.get(f"{own.url}/v1/index").status_code == 200
    settings.write_text("max_limit = 25\n")
    keys = own.folder / "keys.json"
    keys.write_text("")
    first, *others = before
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: any("is tried again" in line["message"] for line in own.lines()))
    assert httpx.get(f"{own.url}/v1/index", timeout=120).status_code == 200  # the others go on
    for pid in others:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not own.workers() & before)
    assert own.process.poll() is None
    keys.unlink()
    wait_until(lambda: httpx.get(f"{own.url}/v1/index", timeout=120).status_code == 200)


def test_metrics_that_are_lost_stop_no_search_and_their_space_is_reserved(own):
    folder = next((own.folder / "cache" / "metrics").glob("service-*"))
    files = list(folder.glob("*.db"))
    assert files and all(path.stat().st_blocks * 512 >= path.stat().st_size for path in files)
    shutil.rmtree(folder)
    photo = own.folder / "photograph.jpg"
    for _ in range(2):
        with photo.open("rb") as file:
            assert httpx.post(f"{own.url}/v1/search", files={"file": file}, timeout=120).status_code == 200
        page = httpx.get(f"{own.url}/metrics", timeout=120)
        assert page.status_code == 200 and "silhouette_ready 1.0" in page.text
    before = own.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: own.workers() - before)
    assert httpx.get(f"{own.url}/v1/index", timeout=120).status_code == 200


def test_a_shutdown_answers_what_has_begun_and_leaves_nothing_behind(own):
    temporary = own.folder / "tmp"
    upload = Upload(own)
    own.process.send_signal(signal.SIGTERM)

    def is_closed():
        try:
            httpx.get(f"{own.url}/healthz", timeout=1)
        except httpx.TransportError:
            return True
        return False

    wait_until(is_closed)
    assert b"HTTP/1.1 200 OK" in upload.finish()
    assert own.process.wait(timeout=120) == 0
    killed = "pymp-"  # a folder of the decoders of each worker that was killed above
    left = [path for path in temporary.iterdir() if not path.name.startswith(killed)]
    assert left == [] and not list((own.folder / "cache" / "metrics").glob("service-*"))
    logged = own.lines()
    assert {line["status"] for line in logged if line.get("path") == "/v1/search"} == {200}
    assert not [line for line in logged if "exception" in line]
    expected = ("Nothing was reloaded", "A new worker can't start", "Worker (pid:", "Staying with index")
    errors = [line["message"] for line in logged if line["level"] == "error"]
    assert [message for message in errors if not message.startswith(expected)] == []


@pytest.mark.parametrize("header", ["SCRIPT_NAME", "PATH_INFO", "Script-Name", "script_name"])
@pytest.mark.parametrize("path", ["/healthz", "/v1/index", "/"])
def test_no_header_of_a_client_changes_where_a_request_goes(serving, header, path):
    plain = httpx.get(serving.url + path)
    answer = httpx.get(serving.url + path, headers={header: "/shop"})
    assert (plain.status_code, answer.status_code) == (200, 200)
    assert answer.text.count("/shop") == 0


def test_ctrl_c_ends_the_service_at_once_whatever_has_begun(serve):
    started = serve(workers=2, request_seconds=300, graceful_seconds=120)
    upload = Upload(started)
    began = time.monotonic()
    started.process.send_signal(signal.SIGINT)
    assert started.process.wait(timeout=60) == 0
    assert time.monotonic() - began < 20  # and not the 120 seconds of SIGTERM
    upload.close()


def test_a_service_that_ends_has_kept_every_search_of_all_its_workers(serve):
    started = serve(workers=2)
    photo = (started.folder / "photograph.jpg").read_bytes()
    for _ in range(6):
        httpx.post(f"{started.url}/v1/search", files={"file": photo}, timeout=120).raise_for_status()
    assert started.end() == 0
    kept = UsageFile(started.folder / "cache" / "usage.sqlite")
    _, day = kept.periods(last=int(time.time() // HOUR), hours=24, count=2)
    assert (day.answered, day.judged, day.refused) == (6, 6, 0)
