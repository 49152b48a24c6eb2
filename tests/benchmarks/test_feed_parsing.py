import json

import pytest

from benchmarks import feed_parsing


@pytest.mark.parametrize("name", feed_parsing.FORMATS)
def test_each_format_is_written_read_and_measured(tmp_path, capsys, name):
    feed_parsing.FORMATS[name](tmp_path / "feed.txt", 20)
    feed_parsing._measure(tmp_path / "feed.txt")
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 20 and found["rate"] > 0 and found["all"] >= found["flat"] >= 0
