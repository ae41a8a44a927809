"""Every route says who may call it and what its parameters are; each way of forgetting it."""

from collections.abc import Callable

import pytest
from flask import Blueprint, Flask

from app.web.access import public
from tests.house.guards import routes

AppGuard = Callable[[Flask], list[str]]
GUARDS = [
    routes.routes_say_who_may_call,
    routes.parameters_have_types,
    routes.routes_belong_to_blueprints,
]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("guard", GUARDS)
def test_the_routes_keep_the_rules(guard: AppGuard, app: Flask) -> None:
    assert len(app.view_functions) > 10
    assert guard(app) == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize("guard", GUARDS)
def test_the_routes_of_the_demo_keep_the_rules(
    guard: AppGuard, make_app: Callable[..., Flask]
) -> None:
    assert guard(make_app(env="demo")) == []


@public
def open_to_all() -> str:
    """A view with a decorator."""
    return ""


def forgotten() -> str:
    """A view without one."""
    return ""


def test_a_planted_route_is_seen() -> None:
    app = Flask("planted")
    blueprint = Blueprint("portal", __name__)
    blueprint.add_url_rule("/plans/<uuid:plan>", "plan", open_to_all)
    app.register_blueprint(blueprint)
    assert [problem for guard in GUARDS for problem in guard(app)] == []

    other = Blueprint("login", __name__)
    other.add_url_rule("/login/<token>", "login", forgotten)
    app.register_blueprint(other)
    app.add_url_rule("/loose", "loose", open_to_all)
    assert routes.routes_say_who_may_call(app) == ["login.login: nothing says who may call it"]
    assert routes.parameters_have_types(app) == ["/login/<token>: <token> has no type"]
    assert routes.routes_belong_to_blueprints(app) == ["loose: belongs to no blueprint"]
