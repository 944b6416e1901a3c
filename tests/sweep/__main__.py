"""``python tests/sweep FOLDER [TEXT]``: what becomes of the captured cases that TEXT is in.

``python tests/sweep/capture.py FOLDER PART FILE...`` captures them.
"""

import sys
import tempfile
from pathlib import Path

from outcomes import cases_in, outcome, table


def main() -> None:
    folder = Path(sys.argv[1])
    text = sys.argv[2] if len(sys.argv) > 2 else ""
    found = []
    for case in cases_in(folder):
        if text.lower() in f"{case['test']} {case['layer']} {case['id']}".lower():
            with tempfile.TemporaryDirectory() as out:
                found.append(outcome(folder, case, Path(out, "port")))
    for one in found:
        if one.verdict != "equal":
            print(f"{one.id:24} {one.layer:24} {one.verdict:8} {one.reason[:200]}  [{one.test}]")
    print(table(found))


if __name__ == "__main__":
    main()
