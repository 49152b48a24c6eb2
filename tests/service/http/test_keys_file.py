import json
import os
import stat

import pytest
from click.testing import CliRunner

from service.__main__ import main
from service.errors import InvalidKeys
from service.http.keys import Keyring, add_key, read_keys, remove_key


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys.json"


def test_a_key_opens_and_is_not_in_the_file(file):
    key = add_key(file, "shop")
    assert key.startswith("sk_") and len(key) >= 43
    assert key not in file.read_text() and key[3:] not in file.read_text()
    assert Keyring(file).owner(key) == "shop"
    assert Keyring(file).owner(key + "x") is None
    assert Keyring(file).owner("\ud800") is None


def test_only_its_owner_may_read_the_file(file):
    add_key(file, "shop")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["keys.json"]


def test_no_file_is_no_keys(file):
    assert not Keyring(file)
    assert read_keys(file) == {}


def test_several_keys_are_known_by_name_and_one_is_removed_without_the_others(file):
    keyring = Keyring(file)
    keys = {name: add_key(file, name) for name in ("shop", "nightly")}
    assert {name: keyring.owner(key) for name, key in keys.items()} == {"shop": "shop", "nightly": "nightly"}
    remove_key(file, "shop")
    assert keyring.owner(keys["shop"]) is None
    assert keyring.owner(keys["nightly"]) == "nightly"


def test_a_name_can_be_taken_once_and_removed_once(file):
    add_key(file, "shop")
    with pytest.raises(InvalidKeys, match="has a key named shop"):
        add_key(file, "shop")
    remove_key(file, "shop")
    with pytest.raises(InvalidKeys, match="has no key named 'shop'. It holds: none"):
        remove_key(file, "shop")
    with pytest.raises(InvalidKeys, match="Accepted: up to 64 letters"):
        add_key(file, "a b\n")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"shop": 1}', '{"shop": {"sha256": "x", "created": ""}}', '{"a": {"b": "c"}}']
)
def test_a_file_that_is_not_one_of_keys_is_refused_at_the_start(file, text):
    file.write_text(text)
    with pytest.raises(InvalidKeys, match=r"keys\.json"):
        Keyring(file)


def test_a_file_that_can_not_be_read_is_refused_with_the_reason(file):
    file.mkdir()
    with pytest.raises(InvalidKeys, match=r"keys\.json can't be read \(Is a directory\)"):
        read_keys(file)


def test_a_file_that_is_damaged_later_opens_nothing_until_it_is_whole(file, caplog):
    key = add_key(file, "shop")
    whole, keyring = file.read_text(), Keyring(file)
    file.write_text("{")
    assert keyring.owner(key) is None and not keyring
    assert caplog.text.count("keys.json") == 1
    file.write_text(whole)
    assert keyring.owner(key) == "shop"


def test_the_command_line_makes_lists_and_removes_keys(file):
    def run(*words):
        return CliRunner().invoke(main, ["keys", *words], env={"SILHOUETTE_KEYS": str(file)})

    key = run("add", "shop").output.strip()
    assert Keyring(file).owner(key) == "shop"
    listed = run("list").output
    assert listed.split() == [json.loads(file.read_text())["shop"]["created"], "shop"]
    assert run("add", "shop").exit_code == 1
    assert run("remove", "shop").exit_code == 0
    assert run("list").output == ""
