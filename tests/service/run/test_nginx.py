"""The service behind a real nginx, with the lines that docs/operations.md gives for it."""

import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

OPERATIONS = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
LINES = {
    place: block for block, place in re.findall(r"```\n(location (\S+) \{\n.*?)```", OPERATIONS, re.DOTALL)
}
CONFIGURATION = """
user {user} {group};
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {lines}
    }}
}}
"""


@pytest.fixture(scope="module")
def behind_nginx(tmp_path_factory):
    """Start nginx in front of a service: `behind_nginx(service, lines)` returns its URL."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if nginx is None:
        pytest.skip("needs nginx, such as Debian's package of that name")
    started = []

    def start(service, lines):
        folder = tmp_path_factory.mktemp("nginx")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        lines = lines.replace("http://127.0.0.1:8000", service.url)
        (folder / "nginx.conf").write_text(
            CONFIGURATION.format(
                user=pwd.getpwuid(os.getuid()).pw_name,
                group=grp.getgrgid(os.getgid()).gr_name,
                folder=folder,
                port=port,
                lines=lines,
            )
        )
        command = [
            nginx,
            "-p",
            str(folder),
            "-e",
            str(folder / "error.log"),
            "-c",
            str(folder / "nginx.conf"),
        ]
        subprocess.run(command, check=True, capture_output=True)  # it returns once it listens
        started.append(command)
        return f"http://127.0.0.1:{port}"

    yield start
    for command in started:
        subprocess.run([*command, "-s", "stop"], check=True, capture_output=True)


@pytest.fixture(scope="module", params=sorted(LINES))
def site(request, serve, behind_nginx):
    """The URL at which nginx has the service: at the root, and below a prefix."""
    prefix = request.param.rstrip("/")
    service = serve(workers=1, proxies=1, prefix=prefix)
    return behind_nginx(service, LINES[request.param]), prefix, service


def test_the_guide_has_lines_for_the_root_and_for_a_prefix():
    assert len(LINES) == 2 and "/" in LINES


def test_a_search_through_nginx_answers_with_addresses_that_lead_through_it(site):
    url, prefix, service = site
    photo = (service.folder / "photograph.jpg").read_bytes()
    answer = httpx.post(f"{url}{prefix}/v1/search", files={"file": photo}, data={"explain": "true"})
    assert answer.status_code == 200
    best = answer.json()["results"][0]
    for address in (best["image_url"], best["explain_url"]):
        assert address.startswith(f"{prefix}/v1/")
        assert httpx.get(url + address).status_code == 200


def test_the_page_and_all_that_it_loads_come_through_nginx(site):
    url, prefix, _ = site
    html = httpx.get(f"{url}{prefix}", follow_redirects=True).text
    addresses = re.findall(r'(?:src|href)="([^"#]+)"', html)
    assert f"{prefix}/static/page.js" in addresses
    assert {httpx.get(url + address).status_code for address in addresses} == {200}


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/./metrics", "/x/../metrics"])
def test_nginx_keeps_the_figures_to_the_machine(site, path):
    url, prefix, service = site
    assert httpx.get(f"{url}{prefix}{path}").status_code == 403
    assert httpx.get(f"{service.url}/metrics").status_code == 200


def test_a_doubled_prefix_is_no_way_around_nginx(site):
    url, prefix, _ = site
    answer = httpx.get(f"{url}{prefix}{prefix or '/v1'}/metrics")
    assert answer.status_code == 404


@pytest.mark.parametrize("header", ["Script-Name", "SCRIPT_NAME", "X-Forwarded-Prefix"])
def test_nginx_passes_on_no_header_that_changes_where_the_service_is(site, header):
    url, prefix, _ = site
    answer = httpx.get(f"{url}{prefix}/v1/index", headers={header: "/elsewhere"})
    assert answer.status_code == 200 and "/elsewhere" not in answer.text


def test_an_encoded_item_id_arrives_as_it_was_sent(site):
    url, prefix, _ = site
    known = httpx.get(f"{url}{prefix}/v1/index").json()["examples"][0]
    encoded = known["item_id"].replace("/", "%2F")
    answer = httpx.get(f"{url}{prefix}/v1/items/{encoded}")
    assert answer.json()["item_id"] == known["item_id"]
