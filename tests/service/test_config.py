from pathlib import Path

import pytest

from service.config import Config
from service.errors import InvalidSetting


def test_an_empty_environment_gives_the_defaults():
    assert Config.from_environment({"SILHOUETTE_MAX_LIMIT": ""}) == Config()


def test_each_setting_is_read_from_its_variable():
    environ = {
        "SILHOUETTE_INDEXES": "/data/indexes",
        "SILHOUETTE_MAX_UPLOAD_BYTES": "5_000_000",
        "HOME": "/x",
    }
    config = Config.from_environment(environ)
    assert config.indexes == Path("/data/indexes")
    assert config.max_upload_bytes == 5_000_000


@pytest.mark.parametrize("text", ["0", "-1", "twenty", "1e3", "1001", "٣", "9" * 5000])
def test_a_value_out_of_bounds_is_refused_with_the_variable_and_the_bounds(text):
    with pytest.raises(
        InvalidSetting, match="SILHOUETTE_MAX_LIMIT is .* from 1 to 1,000; the default is 100"
    ):
        Config.from_environment({"SILHOUETTE_MAX_LIMIT": text})


def test_the_default_limit_may_not_exceed_the_highest():
    with pytest.raises(InvalidSetting, match="DEFAULT_LIMIT is 20, above SILHOUETTE_MAX_LIMIT, 10"):
        Config.from_environment({"SILHOUETTE_MAX_LIMIT": "10"})
