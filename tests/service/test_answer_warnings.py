import re
from pathlib import Path
from typing import get_args

import service
from service.answer_warnings import _RULES, AnswerWarning
from service.page.texts import TABLES


def test_each_warning_has_a_rule_and_a_text_on_the_page():
    for table in TABLES.values():
        assert list(get_args(AnswerWarning)) == list(_RULES) == list(table["warnings"])


def test_the_guide_says_of_each_warning_when_it_comes():
    guide = (Path(service.__file__).parents[1] / "docs/api.md").read_text()
    table = re.findall(r"^\| `(\w+)` \| ", guide[guide.index("| warning |") :].split("\n\n")[0], re.MULTILINE)
    assert table == list(get_args(AnswerWarning))
