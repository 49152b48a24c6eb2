"""Faults in the page's script, made by hand: what a person would see, and the text that is replaced."""

from dataclasses import dataclass
from pathlib import Path

STATIC = Path("service/static")


@dataclass(frozen=True)
class PageFault:
    """One fault: in `script`, `old` becomes `new`; the browser tests in `tests` should notice."""

    seen: str
    script: str
    old: str
    new: str
    tests: str = "test_page.py"

    def made_in(self, text: str) -> str:
        """Return the script with the fault; raises `ValueError` where `old` does not stand in it once."""
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"{self.old!r} occurs {count} times in {self.script}; it must occur once.")
        return text.replace(self.old, self.new)


FAULTS = (
    PageFault("a stale answer is shown", "page.js", "running?.abort();\n  const mine", "const mine"),
    PageFault(
        "more results of a search that was left are added to the next",
        "page.js",
        "offset: answer.next_offset }, mine.signal);\n    if (mine !== running) return;",
        "offset: answer.next_offset });",
    ),
    PageFault(
        "'more' shows the first page again", "page.js", "{ limit, offset: answer.next_offset }", "{ limit }"
    ),
    PageFault(
        "'more' shows the second page again and again",
        "page.js",
        "answer.next_offset = next.next_offset;\n    addResults(answer,",
        "addResults(answer,",
    ),
    PageFault("'more' is never hidden", "results.js", "hidden = next === null", "hidden = false"),
    PageFault(
        "a busy service is not asked again",
        "service.js",
        '["index_not_ready", "overloaded", "too_many_requests"]',
        "[]",
    ),
    PageFault("it is asked again at a time of the page's own", "page.js", "(failure.retryAfter || 2)", "2"),
    PageFault(
        "what can't succeed can be tried again",
        "page.js",
        "hidden = !search || !failure.passing",
        "hidden = !search",
    ),
    PageFault("a file that is too large is sent", "page.js", "file.size > SETTINGS.bytes", "false"),
    PageFault(
        "an upload has no address to come back to",
        "page.js",
        "addressOf(search));\n}",
        "location.href);\n}",
    ),
    PageFault("back leads to the head of the page", "page.js", "state?.scroll ?? 0", "0"),
    PageFault(
        "a click that should open a tab searches here", "page.js", "event.metaKey || event.ctrlKey", "false"
    ),
    PageFault(
        "the item searched from is among its results",
        "service.js",
        "filter((result) => result.item_id !== search.item)",
        "filter(() => true)",
        "test_box.py",
    ),
    PageFault(
        "the box is left out", "service.js", "if (search.box) fields.box = search.box;", "", "test_box.py"
    ),
    PageFault(
        "a reset box stays",
        "page.js",
        "run(refined(current, { box: undefined, part: undefined })",
        "run(refined(current, { part: undefined })",
        "test_box.py",
    ),
    PageFault(
        "a filter is left out",
        "service.js",
        "if (Object.keys(search.filter).length) fields.filter = search.filter;",
        "",
        "test_filters.py",
    ),
    PageFault(
        "a sort is left out",
        "service.js",
        "if (search.sort) fields.sort = search.sort;",
        "",
        "test_sorting.py",
    ),
    PageFault(
        "what is typed for a value finds nothing",
        "values.js",
        ".indexOf(typed)",
        ".indexOf(typed + typed)",
        "test_values.py",
    ),
    PageFault(
        "a value that was chosen goes when one types for another",
        "values.js",
        "[...chosen, ...found.slice(0, SHOWN)]",
        "found.slice(0, SHOWN)",
        "test_values.py",
    ),
    PageFault(
        "numbers stay those of an earlier answer",
        "page.js",
        "if (answer.facets) filters.count(answer);",
        "if (false);",
        "test_values.py",
    ),
    PageFault(
        "'to' is taken for 'from'",
        "filters.js",
        'bound(facet, "lte")',
        'bound(facet, "gte")',
        "test_filters.py",
    ),
    PageFault(
        "that nothing passes the filters is not said",
        "results.js",
        'at("nothing").hidden = results.length > 0',
        'at("nothing").hidden = true',
        "test_filters.py",
    ),
    PageFault(
        "an address that shows duplicates hides them",
        "address.js",
        'asked.get("duplicates") === "all"',
        "false",
        "test_filters.py",
    ),
    PageFault(
        "a sketch is searched as a photograph",
        "service.js",
        'if (search.kind === "sketch") fields.kind = "sketch";',
        "",
        "test_sketch.py",
    ),
    PageFault(
        "undo takes nothing back", "sketch.js", "strokes = before.pop();", "before.pop();", "test_sketch.py"
    ),
    PageFault(
        "percentiles are rounded up", "words.js", "Math.floor(percentile * 10)", "Math.ceil(percentile * 10)"
    ),
    PageFault("a warning is not shown", "query.js", "...texts].join", "].join"),
    PageFault("a doubtful guess is called sure", "query.js", "sure < SURE", "false"),
    PageFault(
        "the page leaves its prefix", "service.js", "fetch(ROOT + path", "fetch(path", "test_prefix.py"
    ),
    PageFault(
        "an id is shown as a title",
        "product.js",
        "isText(value) && value !== id && !ID.test(value.trim())",
        "isText(value)",
        "test_shop_fields.py",
    ),
    PageFault(
        "that a garment is sold out is not said",
        "product.js",
        "soldOut: isSoldOut(metadata, fields.availability)",
        "soldOut: false",
        "test_shop_fields.py",
    ),
    PageFault("back shows the first page alone", "page.js", "visited.get(step)", "null", "test_history.py"),
    PageFault(
        "a reload shows the first page alone", "page.js", "state?.loaded ?? limit", "limit", "test_history.py"
    ),
    PageFault(
        "back loses a photo that another one replaced",
        "page.js",
        "retain(search);\n  present(",
        "present(",
        "test_slow_network.py",
    ),
    PageFault(
        "counts of fields that come late are missing",
        "page.js",
        "else if (filters.counted.length) count(search);",
        "",
        "test_values.py",
    ),
    PageFault(
        "the invitation lies over a drawing",
        "sketch.js",
        "empty && !drawing",
        "empty || !drawing",
        "test_sketch.py",
    ),
    PageFault("scrolling loads nothing", "page.js", "< 2 * innerHeight", "< 0", "test_history.py"),
    PageFault(
        "a new photo takes the filters away",
        "page.js",
        "URL.createObjectURL(file), ...carriedOver()",
        "URL.createObjectURL(file)",
        "test_filters.py",
    ),
    PageFault(
        "filters that a new photo can't meet stay",
        "page.js",
        "search.carried ? unfitFilters",
        "false ? unfitFilters",
        "test_filters.py",
    ),
    PageFault(
        "a chip of one value takes all of its field",
        "chosen.js",
        "asked.filter((other) => other !== value)",
        "undefined",
        "test_filters.py",
    ),
    PageFault("a missing picture leaves a hole", "pictures.js", '"missing"', '""', "test_pictures.py"),
    PageFault("whether the box is right is never asked", "query.js", 'unsure ? [t("question")] : []', "[]"),
)
