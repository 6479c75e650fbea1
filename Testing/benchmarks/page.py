"""A page whose tables a benchmark replaces: each stands between two marks, the rest is people's."""

import re
from pathlib import Path


def put_into(page: Path, prefix: str, name: str, text: str) -> None:
    """Replace what stands between `<!-- PREFIX: NAME -->` and `<!-- PREFIX: end of NAME -->` in a page.

    prefix: of the benchmark, as several share a page. Raises ValueError when the page has no such place.
    """
    begin, end = f"<!-- {prefix}: {name} -->", f"<!-- {prefix}: end of {name} -->"
    content = page.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(content):
        raise ValueError(f"{page} should have a line {begin} and below it {end}.")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", content), encoding="utf-8")
