"""What README and docs say of keys, lessons and defaults is what the program has; what they point to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tour import readme
from tui.actions import TABLE


@pytest.mark.parametrize("page", [readme.README, readme.KEYS], ids=lambda page: page.name)
def test_the_tables_of_keys_lessons_and_defaults_are_those_of_the_program(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert readme.written(text) == text, "run: python -m tests.tour.readme"
    made = {readme.README: (readme.lessons_table(), readme.defaults_table()), readme.KEYS: (readme.keys_table(),)}
    assert all(table in text for table in made[page])


def test_the_table_of_keys_leaves_out_no_action_but_those_of_the_second_scrub() -> None:
    told = {action.id for _, actions in readme.AREAS for action in actions}
    left_out = [action for action in TABLE.actions if action.id not in told]
    assert all(action.where == ("records.scrub",) for action in left_out)


@pytest.mark.parametrize("page", [readme.README, *readme.KEYS.parent.glob("*.md")], ids=lambda page: page.name)
def test_what_a_page_points_to_is_there(page: Path) -> None:
    pointed = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [path for path in pointed if not (page.parent / path).exists()]
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
