import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from index.thumbnails import FOLDER, MAX_BYTES
from service.__main__ import main
from service.config import Config, settings_in_words
from service.errors import InvalidSetting

GUIDE = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.fixture
def settings_file(tmp_path):
    """Write a file of settings and return an environment that names it."""

    def write(text):
        file = tmp_path / "settings.toml"
        file.write_text(text)
        return {"SILHOUETTE_CONFIG": str(file)}

    return write


def test_an_empty_environment_gives_the_defaults():
    assert Config.from_environment({"SILHOUETTE_MAX_LIMIT": ""}) == Config()


def test_an_empty_variable_leaves_what_the_file_says(settings_file):
    environ = settings_file('workers = 5\nindexes = "/data"\ncors_origins = ["https://a.example"]\n')
    empty = {f"SILHOUETTE_{name}": "" for name in ("WORKERS", "INDEXES", "CORS_ORIGINS", "STORE")}
    config = Config.from_environment(environ | empty)
    assert (config.workers, config.indexes) == (5, Path("/data"))
    assert config.cors_origins == ("https://a.example",)
    assert Config.from_environment({"SILHOUETTE_CONFIG": ""}) == Config()


@pytest.mark.parametrize(
    ("environ", "words", "port"),
    [
        ({"PORT": "9001"}, [], 9001),
        ({"PORT": "9001", "SILHOUETTE_PORT": ""}, [], 9001),
        ({"PORT": "9001", "SILHOUETTE_PORT": "9002"}, [], 9002),
        ({"PORT": "9001", "SILHOUETTE_PORT": "9002"}, ["--port", "9003"], 9003),
        ({"PORT": ""}, [], 9000),
        ({}, [], 9000),
    ],
)
def test_port_is_read_where_neither_the_option_nor_the_variable_of_the_service_names_one(
    settings_file, monkeypatch, environ, words, port
):
    served = []
    monkeypatch.setattr("service.__main__.run_server", lambda read, *, example: served.append(read()))
    clean = {"PORT": None, "SILHOUETTE_PORT": None}
    given = clean | settings_file("port = 9000\n") | environ
    assert CliRunner().invoke(main, ["serve", *words], env=given).exit_code == 0
    assert served[0].port == port


def test_the_options_that_the_guide_names_are_those_of_serve_and_stand_above_a_variable(monkeypatch):
    served = []
    monkeypatch.setattr("service.__main__.run_server", lambda read, *, example: served.append(read()))
    (listed,) = re.findall(r"An option of the command line \((.*?)\)", GUIDE.read_text(), re.DOTALL)
    named = re.findall(r"`--(\w+)`", listed)
    serve = main.commands["serve"]
    options = {option.name for option in serve.params if option.name in {one.name for one in fields(Config)}}
    assert set(named) == options
    given = {"host": "h", "port": "1", "prefix": "/p", "workers": "1", "store": "milvus:a.db"}
    given |= {"encoder": "e", "indexes": "i"}
    variables = {
        "SILHOUETTE_HOST": "other",
        "SILHOUETTE_PORT": "2",
        "SILHOUETTE_PREFIX": "/other",
        "SILHOUETTE_WORKERS": "2",
        "SILHOUETTE_STORE": "milvus://other",
        "SILHOUETTE_ENCODER": "other",
        "SILHOUETTE_INDEXES": "other",
    }
    words = [word for name in named for word in (f"--{name}", given[name])]
    assert CliRunner().invoke(main, ["serve", *words], env=variables).exit_code == 0
    assert {name: str(getattr(served[0], name)) for name in named} == given


def test_a_relative_path_starts_where_the_service_was_started_and_not_at_the_file(settings_file, tmp_path):
    config = Config.from_environment(
        settings_file('indexes = "here/indexes"\n') | {"SILHOUETTE_KEYS": "keys.json"}
    )
    assert (config.indexes, config.keys) == (Path("here/indexes"), Path("keys.json"))


def test_the_example_of_a_file_in_the_guide_is_read_as_it_stands(settings_file):
    (example,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    config = Config.from_environment(settings_file(example))
    assert (config.workers, config.indexes) == (4, Path("/srv/silhouette/indexes"))
    assert config.max_upload_bytes == 20_000_000 and config.cors_origins == ("https://shop.example",)
    assert config.facets == ("category", "brand", "colour", "price")
    assert config.card_fields == (("title", "Artikel"), ("sale_price", "price_now"))


def test_each_setting_is_read_from_its_variable():
    environ = {
        "SILHOUETTE_INDEXES": "/data/indexes",
        "SILHOUETTE_MAX_UPLOAD_BYTES": "5_000_000",
        "SILHOUETTE_CORS_ORIGINS": "https://a.example, http://localhost:3000",
        "SILHOUETTE_FACETS": "brand, heel height,price",
        "SILHOUETTE_CARD_FIELDS": "title=Artikel Name, link = url",
        "SILHOUETTE_LOG_FORMAT": "text",
        "HOME": "/x",
    }
    config = Config.from_environment(environ)
    assert config.indexes == Path("/data/indexes")
    assert config.max_upload_bytes == 5_000_000
    assert config.cors_origins == ("https://a.example", "http://localhost:3000")
    assert config.facets == ("brand", "heel height", "price")
    assert config.card_fields == (("title", "Artikel Name"), ("link", "url"))
    assert config.log_format == "text"


@pytest.mark.parametrize("text", ["0", "-1", "twenty", "1e3", "1001", "٣", "9" * 5000])
def test_a_value_out_of_bounds_is_refused_with_the_variable_and_the_bounds(text):
    with pytest.raises(
        InvalidSetting, match="SILHOUETTE_MAX_LIMIT is .* from 1 to 1,000; the default is 100"
    ):
        Config.from_environment({"SILHOUETTE_MAX_LIMIT": text})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LOG_FORMAT", "xml"),
        ("CORS_ORIGINS", "shop.example"),
        ("CORS_ORIGINS", "https://shop.example/path"),
        ("HOST", "a b"),
        ("STORE", "redis://host"),
        ("HOST", "-\nX: y"),
        ("FACETS", "brand,,price"),
        ("FACETS", ",".join(map(str, range(17)))),
    ],
)
def test_a_word_that_a_setting_does_not_take_is_refused(name, text):
    with pytest.raises(InvalidSetting, match=f"SILHOUETTE_{name} is .* Accepted: "):
        Config.from_environment({f"SILHOUETTE_{name}": text})


def test_the_default_limit_may_not_exceed_the_highest():
    with pytest.raises(InvalidSetting, match="DEFAULT_LIMIT is 20, above SILHOUETTE_MAX_LIMIT, 10"):
        Config.from_environment({"SILHOUETTE_MAX_LIMIT": "10"})


def test_a_store_in_a_file_is_for_one_worker():
    with pytest.raises(
        InvalidSetting, match="STORE is Milvus in a file, .*WORKERS is 2. Set SILHOUETTE_WORKERS=1"
    ):
        Config.from_environment({"SILHOUETTE_STORE": "milvus:vectors.db"})
    Config.from_environment({"SILHOUETTE_STORE": "milvus:vectors.db", "SILHOUETTE_WORKERS": "1"})
    Config.from_environment({"SILHOUETTE_STORE": "milvus://host"})


def test_a_file_holds_settings_and_a_variable_stands_above_it(settings_file):
    environ = settings_file(
        'max_limit = 50\nworkers = 3\nindexes = "/data"\ncors_origins = ["https://a.example"]\n'
    )
    config = Config.from_environment(environ | {"SILHOUETTE_WORKERS": "5"})
    assert (config.max_limit, config.workers, config.indexes) == (50, 5, Path("/data"))
    assert config.cors_origins == ("https://a.example",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_limit = 0", "max_limit in .*settings.toml is 0. Accepted: a whole number"),
        ("max_limit = true", "max_limit in .*settings.toml is True"),
        ("max_limit = 1.5", "max_limit in .*settings.toml is 1.5"),
        ("cors_origins = [1]", "cors_origins in .*settings.toml is"),
        ("facets = [{}]", "facets in .*settings.toml is .* Accepted: up to 16 different names"),
        ('facets = ["a", "a"]', "facets in .*settings.toml is"),
        ('facets = ["a", ""]', "facets in .*settings.toml is"),
        (
            'card_fields = {titel = "a"}',
            "card_fields in .*settings.toml is .* Accepted: entries such as title=",
        ),
        ("card_fields = {title = 1}", "card_fields in .*settings.toml is"),
        ("card_fields = [1]", "card_fields in .*settings.toml is"),
        ('card_fields = "title=a, title=b"', "card_fields in .*settings.toml is"),
        ("max_limt = 5", "settings.toml sets 'max_limt', which is not a setting. Accepted: .*max_limit"),
        ("max_limit =", "settings.toml is not valid TOML"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_place(settings_file, text, message):
    with pytest.raises(InvalidSetting, match=message):
        Config.from_environment(settings_file(text))


def test_a_file_that_is_not_there_is_refused(nowhere):
    with pytest.raises(InvalidSetting, match="SILHOUETTE_CONFIG names .*nowhere, which can't be read"):
        Config.from_environment({"SILHOUETTE_CONFIG": str(nowhere)})


def test_every_default_is_one_that_its_setting_reads_back():
    words = {name: default for name, default, *_ in settings_in_words()}
    shown = {name: text for name, text in words.items() if text not in ("none", "the one that ships")}
    assert Config.from_environment(shown) == Config()
    assert len(words) == len(fields(Config))


def test_the_help_of_serve_lists_every_setting_with_its_default_and_bounds():
    text = " ".join(CliRunner().invoke(main, ["serve", "--help"], terminal_width=200).output.split())
    for name, default, accepted, about in settings_in_words():
        assert f"{name}={'' if default == 'none' else default} {about} Accepted: {accepted}." in text


def test_the_guide_lists_every_setting_as_it_is():
    rows = re.findall(
        r"^\| `(SILHOUETTE_\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", GUIDE.read_text(), re.MULTILINE
    )
    expected = [
        (name, default if " " in default or default == "none" else f"`{default}`", accepted, about)
        for name, default, accepted, about in settings_in_words()
    ]
    assert rows == expected


@pytest.mark.parametrize(
    ("name", "near"),
    [("SILHOUETTE_WORKER", "SILHOUETTE_WORKERS"), ("SILHOUETTE_MAX_UPLOAD", "SILHOUETTE_MAX_UPLOAD_BYTES")],
)
def test_a_mistyped_variable_is_refused_with_the_nearest_setting(name, near):
    with pytest.raises(InvalidSetting, match=rf"{name} is not a setting\. Did you mean {near}\?"):
        Config.from_environment({name: "3"})


def test_variables_of_the_other_commands_are_no_settings_and_no_mistakes():
    assert Config.from_environment({"SILHOUETTE_CACHE": "elsewhere", "SILHOUETTEX": "1"}) == Config()


def test_what_kubernetes_sets_for_a_service_of_the_same_name_is_refused_with_the_way_out():
    injected = {  # https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
        "SILHOUETTE_SERVICE_HOST": "10.0.0.11",
        "SILHOUETTE_SERVICE_PORT": "8000",
        "SILHOUETTE_SERVICE_PORT_HTTP": "8000",
        "SILHOUETTE_PORT": "tcp://10.0.0.11:8000",
        "SILHOUETTE_PORT_8000_TCP": "tcp://10.0.0.11:8000",
        "SILHOUETTE_PORT_8000_TCP_PROTO": "tcp",
        "SILHOUETTE_PORT_8000_TCP_PORT": "8000",
        "SILHOUETTE_PORT_8000_TCP_ADDR": "10.0.0.11",
    }
    with pytest.raises(InvalidSetting, match="set by Kubernetes.*enableServiceLinks: false"):
        Config.from_environment(injected)
    for name in injected.keys() - {"SILHOUETTE_PORT"}:
        with pytest.raises(InvalidSetting, match=f"{name} is set by Kubernetes"):
            Config.from_environment({name: injected[name]})
    assert "`enableServiceLinks: false`" in GUIDE.read_text()


def test_the_build_and_the_service_keep_thumbnails_in_one_place_within_the_same_limit():
    config = Config()
    assert (config.thumbnail_folder, config.thumbnail_bytes) == (Path("cache") / FOLDER, MAX_BYTES)


def test_hosts_are_allowed_by_serve_or_else_by_the_variable(monkeypatch):
    served = []
    monkeypatch.setattr("service.__main__.run_server", lambda read, *, example: served.append(read()))
    env = {"SILHOUETTE_ALLOWED_HOSTS": "images.internal, 10.0.0.5"}
    for words in ([], ["--allow-host", "a", "--allow-host", "b"]):
        assert CliRunner().invoke(main, ["serve", *words], env=env).exit_code == 0
    assert [config.allowed_hosts for config in served] == [("images.internal", "10.0.0.5"), ("a", "b")]
    refused = CliRunner().invoke(main, ["serve", "--allow-host", "https://a.example"])
    assert refused.exit_code == 1 and "names such as images.internal" in refused.output
