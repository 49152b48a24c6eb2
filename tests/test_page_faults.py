import pytest

from tests.import_graph import ROOT
from tests.page_faults import FAULTS, STATIC, PageFault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.seen)
def test_each_fault_can_be_made_in_the_script_as_it_stands(fault):
    text = (ROOT / STATIC / fault.script).read_text()
    assert fault.made_in(text) != text
    assert (ROOT / "tests/service/browser" / fault.tests).is_file()


@pytest.mark.parametrize("text", ["let more = 2;", "more = 1; more = 1;"])
def test_a_fault_whose_text_no_longer_stands_once_is_an_error(text):
    with pytest.raises(ValueError, match="must occur once"):
        PageFault("nothing", "page.js", "more = 1", "more = 0").made_in(text)
