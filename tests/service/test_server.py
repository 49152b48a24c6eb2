import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from service import server
from service.__main__ import main
from service.errors import PortInUse
from service.server import Address, check_port_free, greeting, settings


def test_the_greeting_has_the_address_and_a_line_that_can_be_pasted():
    text = greeting(Address(port=8001), Path("/my photos/a.jpg"))
    assert text.splitlines() == [
        "Silhouette answers at http://127.0.0.1:8001",
        "Try:  curl -F 'file=@/my photos/a.jpg' 'http://127.0.0.1:8001/v1/search?limit=5'",
    ]


def test_an_address_for_all_interfaces_is_shown_as_one_that_a_browser_takes():
    assert Address("0.0.0.0", 80).url == "http://127.0.0.1:80"


def test_only_the_first_worker_greets(capsys):
    greet = settings(Address(), workers=2)["post_worker_init"]
    for age in (1, 2, 3):
        greet(SimpleNamespace(age=age))
    assert capsys.readouterr().out.count("Silhouette answers") == 1


def test_workers_are_threaded_and_open_no_control_socket():
    chosen = settings(Address("::1", 8000), workers=3)
    assert (chosen["workers"], chosen["worker_class"], chosen["threads"]) == (3, "gthread", 4)
    assert chosen["control_socket_disable"] is True
    assert chosen["bind"] == "[::1]:8000"


def test_a_port_that_is_taken_is_refused_with_the_next_one_as_advice():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"127\.0\.0\.1:{port} can't be used .* PORT={port + 1}"):
            check_port_free(Address(port=port))
    check_port_free(Address(port=port))


def test_serve_reads_flags_over_the_environment(monkeypatch, tmp_path):
    served = []
    monkeypatch.setattr(
        "service.__main__.run_server", lambda *args, **options: served.append((*args, options))
    )
    environ = {"SILHOUETTE_INDEXES": "elsewhere", "SILHOUETTE_WORKERS": "3", "PORT": "8123"}
    result = CliRunner().invoke(main, ["serve", "--indexes", str(tmp_path)], env=environ)
    assert result.exit_code == 0, result.output
    config, address, options = served[0]
    assert (config.indexes, address, options["workers"]) == (tmp_path, Address(port=8123), 3)


def test_a_wrong_setting_is_one_line_and_a_failure():
    result = CliRunner().invoke(main, ["serve"], env={"SILHOUETTE_MAX_LIMIT": "x"})
    assert result.exit_code == 1
    assert result.output.startswith("Error: SILHOUETTE_MAX_LIMIT is 'x'")


def test_an_encoder_that_is_missing_ends_the_worker_with_one_line(tmp_path, config, monkeypatch):
    from dataclasses import replace

    app = server._Server(replace(config, encoder=tmp_path / "nowhere"), {})
    with pytest.raises(server.AppImportError, match=r"Error: .*nowhere"):
        app.load()
