import json
import queue
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from gunicorn.workers.base import Worker as BaseWorker

from service.run import worker
from service.run.worker import BODY_IN_MEMORY, LastFirst, Worker

SEARCH = b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = SEARCH + b"Transfer-Encoding: chunked\r\n\r\n"


def answered(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"gunicorn" not in head.lower() and b"Python" not in head
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Y: z\r\n" * 500 + b"\r\n", 431),
        (CHUNKED + b"no length\r\n", 400),
    ],
)
def test_what_is_not_http_is_refused_as_a_problem(serving, request_bytes, status):
    found, problem = answered(serving.exchange(request_bytes))
    assert (found, problem["status"]) == (status, status)
    assert problem["type"] == "/errors/" + problem["code"] == "/errors/invalid_parameter"


def test_who_has_waited_least_is_woken_first_and_all_at_the_end():
    lock, woken = threading.Lock(), queue.SimpleQueue()
    last_first = LastFirst(lock)

    def waiting(number):
        with lock:
            begun.release()
            last_first.wait()
            woken.put(number)

    begun = threading.Semaphore(0)
    threads = [threading.Thread(target=waiting, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
        begun.acquire(timeout=60)
        lock.acquire(timeout=60)  # free once it waits
        lock.release()
    for expected in (3, 2):
        with lock:
            last_first.notify()
        assert woken.get(timeout=60) == expected
    with lock:
        last_first.notify_all()
        last_first.notify()  # nobody is left
    assert {woken.get(timeout=60) for _ in range(2)} == {0, 1}
    for thread in threads:
        thread.join(60)


def peak_memory(serving):
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in serving.workers()]
    return max(int(text.partition("VmHWM:")[2].split()[0]) for text in texts)


def test_a_body_of_100_mb_is_refused_and_never_held(serving):
    measured = Path("/proc/self/status").exists()
    httpx.get(f"{serving.url}/v1/index", timeout=120)
    before = peak_memory(serving) if measured else 0
    head = SEARCH + b"Content-Length: 100000000\r\n\r\n"
    status, problem = answered(serving.exchange(head + b"x" * 1000))
    assert (status, problem["code"]) == (413, "upload_too_large")
    with serving.connect() as connection:  # without a length: in pieces, until the service has had enough
        connection.sendall(CHUNKED)
        try:
            for _ in range(100):
                connection.sendall(b"100000\r\n" + b"x" * 2**20 + b"\r\n")
        except OSError:
            pass
        else:
            pytest.fail("the service took 100 MB")
    assert not measured or peak_memory(serving) - before < 60_000


def comes_true(condition, *, seconds=60):
    """Look until something becomes true of another process, which can't tell of it by itself."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.05) for _ in range(20 * seconds))


def temporary_files(serving):
    """Sizes of the files without a name that the workers have open in the system's temporary folder."""
    sizes = []
    for pid in serving.workers():
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(file.readlink()).startswith(str(serving.folder / "tmp")):
                    sizes.append(file.stat().st_size)
    return sizes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has open")
def test_an_unfinished_body_above_4_mib_lies_in_a_temporary_file_and_goes_with_its_connection(serving):
    head = SEARCH + b"Content-Length: 9000000\r\n\r\n"
    assert max(temporary_files(serving), default=0) <= BODY_IN_MEMORY
    with serving.connect() as connection:
        connection.sendall(head + b" " * 2**22)
        assert max(temporary_files(serving), default=0) <= BODY_IN_MEMORY
        connection.sendall(b" " * 2**20)
        assert comes_true(lambda: max(temporary_files(serving), default=0) > BODY_IN_MEMORY)
    assert comes_true(lambda: max(temporary_files(serving), default=0) <= BODY_IN_MEMORY)


@pytest.mark.parametrize("megabytes", [15, 18, 25])
def test_a_client_that_sends_all_before_it_reads_sees_that_its_body_was_too_large(serving, megabytes):
    connection = HTTPConnection("127.0.0.1", serving.port, timeout=30)
    connection.request("POST", "/v1/search", b"x" * megabytes * 10**6, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "upload_too_large")
    connection.close()


def test_a_slow_upload_is_refused_and_a_silent_client_takes_no_thread(serve):
    slow = serve(workers=1, request_seconds=1, searches_at_once=1, searches_waiting=1)
    stopped = slow.connect()
    stopped.sendall(b"GET / HT")
    with ExitStack() as stack:
        silent = [stack.enter_context(slow.connect()) for _ in range(40)]  # more than there are threads
        assert len(silent) == 40
        assert httpx.get(f"{slow.url}/healthz", timeout=4).status_code == 200  # a held thread waits for 5 s
    head = SEARCH + b"Content-Length: 500\r\n\r\n"
    status, problem = answered(slow.exchange(head + b'{"image_base64": "'))
    assert (status, problem["code"]) == (408, "upload_too_slow")
    assert httpx.get(f"{slow.url}/healthz", timeout=120).status_code == 200
    with stopped:
        assert stopped.recv(1) == b""  # a head that stops is given up in silence
    assert slow.end() == 0


ENDING = """
import atexit, os, signal, types
from service.run.worker import Worker

worker = Worker.__new__(Worker)
worker.cfg = types.SimpleNamespace(worker_int=lambda worker: None)
for number, handler in ((signal.SIGINT, worker.handle_quit), (signal.SIGQUIT, worker.handle_quit)):
    signal.signal(number, handler)


def meanwhile():
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        os.kill(os.getpid(), number)
    print("finished")


atexit.register(meanwhile)
both = signal.SIGINT, signal.SIGQUIT
signal.pthread_sigmask(signal.SIG_BLOCK, both)
for number in both:
    os.kill(os.getpid(), number)
signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
"""


def test_signals_that_follow_ctrl_c_do_not_break_into_the_end_of_a_worker():
    ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, "finished", "")


@pytest.mark.parametrize(("answered_after", "seconds"), [(0, 0), (3, 3), (500, 20)])
def test_what_has_begun_has_the_graceful_seconds_and_no_more(monkeypatch, answered_after, seconds):
    clock, ignored = SimpleNamespace(now=100.0), []
    server = SimpleNamespace(accepting=True, active_channels={1: "a search"} if answered_after else {})
    server.stop = partial(setattr, server, "accepting", False)
    ending = Worker.__new__(Worker)
    ending.alive, ending.cfg = False, SimpleNamespace(graceful_timeout=20)

    def turn(server):
        assert not server.accepting
        clock.now += 1
        if clock.now - 100 >= answered_after:
            server.active_channels.clear()

    monkeypatch.setattr(ending, "_start", lambda: server)
    monkeypatch.setattr(ending, "_turn", turn)
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(worker, "ignore_ends", lambda: ignored.append(clock.now))
    ending.run()
    assert clock.now - 100 == seconds and ignored == [clock.now]


@pytest.mark.parametrize("alive", [True, False])
def test_what_ctrl_c_breaks_off_in_a_worker_that_begins_does_not_fail_the_service(monkeypatch, alive):
    """NumPy turns an exit in the midst of its import into an ImportError, with which gunicorn would end."""

    def broken_off(begun):
        begun.alive = alive
        raise ImportError("numpy")

    monkeypatch.setattr(BaseWorker, "init_process", broken_off)
    with pytest.raises(ImportError if alive else SystemExit) as ended:
        Worker.__new__(Worker).init_process()
    assert alive or ended.value.code == 0
