"""What templates may do, and each way of doing more."""

from pathlib import Path

import pytest

from tests.house.guards import templates
from tests.house.plant import ROOT, Guard, plant

PAGE = "portal/billing.html"
RIGHT = '{% extends "layouts/portal.html" %}{% block content %}{{ page.total }}{% endblock %}'


@pytest.mark.parametrize("guard", templates.GUARDS)
def test_the_templates_keep_the_rules(guard: Guard) -> None:
    assert guard(ROOT) == []


@pytest.mark.parametrize("guard", templates.GUARDS)
def test_a_right_template_passes(guard: Guard, tmp_path: Path) -> None:
    plant(tmp_path, "templates/layouts/portal.html", "{% block content %}{% endblock %}")
    plant(tmp_path, f"templates/{PAGE}", RIGHT)
    plant(tmp_path, "app/web/portal/views.py", f"render_template('{PAGE}')")
    assert guard(tmp_path) == []


@pytest.mark.parametrize(
    ("guard", "text"),
    [
        (templates.templates_are_valid, "{% if seats %}"),
        (templates.templates_do_not_count, "{{ seats + 1 }}"),
        (templates.templates_do_not_count, "{{ total / 100 }}"),
        (templates.templates_do_not_count, "{% set left = limit - used %}"),
        (templates.templates_do_not_count, "{{ lines | sum(attribute='amount') }}"),
        (templates.templates_do_not_count, "{{ share|round(2) }}"),
        (templates.templates_escape, "{{ name|safe }}"),
        (templates.templates_escape, "{% autoescape false %}{{ name }}{% endautoescape %}"),
        (templates.templates_have_nothing_inline, '<p style="width: 3em">'),
        (templates.templates_have_nothing_inline, "<style>p { color: red }</style>"),
        (templates.templates_have_nothing_inline, "<script>pay()</script>"),
        (templates.templates_have_nothing_inline, "<script type=module>pay()</script>"),
        (templates.templates_have_nothing_inline, '<a onclick="pay()">'),
        (templates.templates_have_nothing_inline, '<a href="javascript:pay()">'),
        (templates.pages_extend_a_layout, "<!doctype html><title>Billing</title>"),
        (templates.pages_extend_a_layout, '{% extends "login/form.html" %}'),
        (templates.macros_are_used, "{% macro bar(value) %}{{ value }}{% endmacro %}"),
        (templates.macros_are_used, '{% from "components/forms.html" import field %}'),
        (templates.macros_are_used, '{% import "components/forms.html" as forms %}'),
        (templates.templates_are_used, "nobody names me"),
    ],
)
def test_a_planted_mistake_is_seen(guard: Guard, text: str, tmp_path: Path) -> None:
    plant(tmp_path, "app/__init__.py", "")
    found = guard(plant(tmp_path, f"templates/{PAGE}", text))
    assert len(found) == 1 and found[0].startswith(f"templates/{PAGE}:")


def test_scripts_of_their_own_and_styles_of_mails_are_let_be(tmp_path: Path) -> None:
    plant(tmp_path, f"templates/{PAGE}", '<script type="module" src="/app.js"></script>')
    plant(tmp_path, "templates/emails/confirm/body.html", '<p style="width: 3em">')
    assert templates.templates_have_nothing_inline(tmp_path) == []


def test_a_called_macro_is_let_be(tmp_path: Path) -> None:
    plant(tmp_path, "templates/components/a.html", "{% macro bar() %}{% endmacro %}")
    plant(tmp_path, "templates/components/b.html", "{% macro field() %}{% endmacro %}")
    text = '{% import "a.html" as a %}{% from "b.html" import field as f %}{{ a.bar() }}{{ f() }}'
    plant(tmp_path, f"templates/{PAGE}", text)
    found = templates.macros_are_used(tmp_path)
    assert found == []
