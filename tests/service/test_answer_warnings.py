import re
from pathlib import Path
from typing import get_args

import service
from service.answer_warnings import _RULES, AnswerWarning


def test_each_warning_has_a_rule_and_a_text_on_the_page():
    script = (Path(service.__file__).parent / "static/query.js").read_text()
    table = script[script.index("const WARNINGS") : script.index("\n};", script.index("const WARNINGS"))]
    on_the_page = re.findall(r"^  (\w+): {$", table, re.MULTILINE)
    assert list(get_args(AnswerWarning)) == list(_RULES) == on_the_page


def test_the_guide_says_of_each_warning_when_it_comes():
    guide = (Path(service.__file__).parents[1] / "docs/api.md").read_text()
    table = re.findall(r"^\| `(\w+)` \| ", guide[guide.index("| warning |") :].split("\n\n")[0], re.MULTILINE)
    assert table == list(get_args(AnswerWarning))
