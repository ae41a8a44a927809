"""What every file keeps to, and each way of not doing so."""

from pathlib import Path

import pytest

from tests.house.guards import texts
from tests.house.plant import ROOT, Guard, plant


@pytest.mark.parametrize(
    "guard",
    [
        texts.nothing_is_unfinished,
        texts.nothing_names_a_foreign_place,
        texts.what_is_silenced_says_why,
        texts.modules_are_small,
        texts.modules_say_what_they_are,
        texts.requirements_are_pinned,
        texts.imports_are_required,
        texts.nothing_is_vendored,
    ],
)
def test_every_file_keeps_the_rules(guard: Guard) -> None:
    assert guard(ROOT) == []


@pytest.mark.parametrize(
    ("guard", "path", "text"),
    [
        (texts.nothing_is_unfinished, "docs/a.md", "TO" + "DO: write this"),
        (texts.nothing_is_unfinished, "app/a.py", "raise NotImplemented" + "Error"),
        (texts.nothing_is_unfinished, "static/a.js", "// FIX" + "ME"),
        (texts.nothing_names_a_foreign_place, "README.md", "see ../" + "shared for more"),
        (texts.nothing_names_a_foreign_place, "Makefile", "cd /wo" + "rk/main"),
        (texts.nothing_names_a_foreign_place, "pip.conf", "find-links = /opt/" + "wheels"),
        (texts.what_is_silenced_says_why, "app/a.py", "x = 1  # ty" + "pe: ignore"),
        (texts.what_is_silenced_says_why, "app/a.py", "x = 1  # ty" + "pe: ignore[misc]"),
        (texts.what_is_silenced_says_why, "app/a.py", "import b  # no" + "qa: F401"),
        (texts.what_is_silenced_says_why, "tests/test_a.py", "@pytest.mark.sk" + "ip"),
        (texts.what_is_silenced_says_why, "tests/test_a.py", "@pytest.mark.xf" + "ail()"),
        (texts.modules_are_small, "app/a.py", "x = 1\n" * 401),
        (texts.modules_say_what_they_are, "app/a.py", "x = 1\n"),
        (texts.modules_say_what_they_are, "app/a/__init__.py", '""" """\n'),
        (texts.requirements_are_pinned, "requirements.txt", "Flask>=3"),
        (texts.requirements_are_pinned, "requirements-dev.txt", "pytest"),
        (texts.requirements_are_pinned, "requirements.txt", "Flask @ https://example.com/f.zip"),
        (texts.nothing_is_vendored, "static/app.min.js", ""),
        (texts.nothing_is_vendored, "static/bootstrap-5.css", ""),
        (texts.nothing_is_vendored, "app/vendor/six.py", ""),
        (texts.nothing_is_vendored, "static/a.js", "/*! @lic" + "ense MIT */"),
        (texts.nothing_is_vendored, "app/a.py", "# Copyr" + "ight (c) 2015 Somebody"),
        (texts.nothing_is_vendored, "static/a.js", "a();" * 300),
    ],
)
def test_a_planted_text_is_seen(guard: Guard, path: str, text: str, tmp_path: Path) -> None:
    found = guard(plant(tmp_path, path, text))
    assert len(found) == 1 and found[0].startswith(path)


@pytest.mark.parametrize(
    "line",
    [
        "x = y  # ty" + "pe: ignore[misc]  # the library has no types",
        "import b  # no" + "qa: F401  # the views attach themselves",
        "@pytest.mark.sk" + 'ip(reason="there is no such database here")',
    ],
)
def test_a_reason_in_words_is_enough(line: str, tmp_path: Path) -> None:
    assert texts.what_is_silenced_says_why(plant(tmp_path, "app/a.py", line)) == []


def test_an_import_that_nobody_requires_is_seen(tmp_path: Path) -> None:
    plant(tmp_path, "requirements.txt", "Flask==3.1.3\npsycopg[binary]==3.3.9\n")
    plant(tmp_path, "requirements-dev.txt", "-r requirements.txt\npytest==9.2.0\n")
    plant(tmp_path, "app/a.py", "import flask, psycopg, json\nfrom app import b")
    plant(tmp_path, "tests/test_a.py", "import pytest, flask")
    assert texts.imports_are_required(tmp_path) == []
    plant(tmp_path, "app/b.py", "import pytest")
    plant(tmp_path, "tests/test_b.py", "import requests")
    found = texts.imports_are_required(tmp_path)
    assert [line.partition(":")[0] for line in found] == ["app/b.py", "tests/test_b.py"]


def test_only_files_of_the_project_are_read() -> None:
    names = {str(path.relative_to(ROOT)) for path in texts.project_files(ROOT)}
    assert "Makefile" in names and ".ci/run" in names
    assert not any(name.startswith(".venv/") for name in names)
