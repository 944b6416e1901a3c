import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_support_table_is_the_registry() -> None:
    table = runpy.run_path(str(DOCS / "support.py"))["table"]()
    assert (DOCS / "support.md").read_text() == table, "make docs renews it"
