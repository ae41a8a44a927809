"""Every command that README and operations name exists."""

import re

import click
import pytest
from flask import Flask

from app.settings import ROOT

# `flask ... billing x`, and a row of the table of what staff agree on.
_NAMED = re.compile(
    r"`(?:flask (?:--app wsgi )?)?billing ([a-z-]+)|^\| `(?!flask)([a-z-]+) ", re.MULTILINE
)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("name", ["README.md", "docs/operations.md"])
def test_every_command_that_is_named_exists(name: str, app: Flask) -> None:
    billing = app.cli.commands["billing"]
    assert isinstance(billing, click.Group)
    named = {one or other for one, other in _NAMED.findall((ROOT / name).read_text())}
    assert named, "it names commands"
    assert named - billing.commands.keys() == set()


@pytest.mark.sqlite_only
def test_operations_names_every_command(app: Flask) -> None:
    billing = app.cli.commands["billing"]
    assert isinstance(billing, click.Group)
    text = (ROOT / "docs" / "operations.md").read_text()
    missing = [name for name in billing.commands if not re.search(rf"`[^`]*\b{name}\b", text)]
    assert missing == []
