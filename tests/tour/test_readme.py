"""What the README says of keys and defaults is what the program has; pictures and pages it points to are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.tour import readme
from tui.actions import TABLE


def test_the_tables_of_keys_and_defaults_are_those_of_the_program() -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert readme.written(text) == text, "run: python -m tests.tour.readme"
    assert readme.keys_table() in text
    assert readme.defaults_table() in text


def test_the_table_of_keys_leaves_out_no_action_but_those_of_the_second_scrub() -> None:
    told = {action.id for _, actions in readme.AREAS for action in actions}
    left_out = [action for action in TABLE.actions if action.id not in told]
    assert all(action.where == ("records.scrub",) for action in left_out)


def test_what_the_readme_points_to_is_there() -> None:
    pointed = re.findall(r"\]\((?!https?:)([^)#]+)", readme.README.read_text(encoding="utf-8"))
    missing = [path for path in pointed if not (readme.README.parent / path).exists()]
    assert not missing


def test_the_ten_lines_of_the_readme_work_as_they_stand(tmp_path: Path) -> None:
    example = re.search(r"^```python\n(.*?)^```", readme.README.read_text(encoding="utf-8"), re.M | re.S)
    assert example
    done = subprocess.run(
        [sys.executable, "-c", example[1]], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "RecordMetadata" in done.stdout
    assert "b'a value'" in done.stdout
