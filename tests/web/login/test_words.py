"""Every refusal of a login has its words."""

import ast
from pathlib import Path

import pytest
from flask import Flask

from app.services.login_failures import LoginRefused
from app.web.login.refusals import refuse
from tests.support.pages import page_problems

APP = Path(__file__).resolve().parents[3] / "app"


def refusal_codes(root: Path) -> set[str]:
    """The codes that any `LoginRefused(...)` below `root` may have."""
    found = set()
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "LoginRefused"
            ):
                found |= {
                    part.value
                    for part in ast.walk(node.args[0])
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
    return found


@pytest.mark.sqlite_only
def test_every_refusal_has_a_page(app: Flask) -> None:
    codes = refusal_codes(APP)
    assert len(codes) > 8
    for code in codes:
        with app.test_request_context("/"):
            answer = refuse(LoginRefused(code))
            assert answer.status_code in {400, 403}
            text = answer.get_data(as_text=True)
            assert page_problems(text) == []
            assert "What you can do" in text and code not in text


@pytest.mark.sqlite_only
def test_a_refusal_without_words_is_seen(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text("raise LoginRefused('a' if late else 'nobody_knows')")
    assert refusal_codes(tmp_path) == {"a", "nobody_knows"}
    with app.test_request_context("/"), pytest.raises(KeyError):
        refuse(LoginRefused("nobody_knows"))
