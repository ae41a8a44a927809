"""What every route keeps to. These guards look at a running application."""

import re

from flask import Flask

# Files of our own and of Bootstrap-Flask: no views of ours.
STATIC_ENDPOINTS = frozenset({"static", "bootstrap.static"})
PARAMETER = re.compile(r"<([^>]+)>")


def routes_say_who_may_call(app: Flask) -> list[str]:
    """Views without a decorator of app/web/access.py."""
    return [
        f"{endpoint}: nothing says who may call it"
        for endpoint, view in sorted(app.view_functions.items())
        if endpoint not in STATIC_ENDPOINTS and not getattr(view, "__access__", None)
    ]


def parameters_have_types(app: Flask) -> list[str]:
    """Parameters of addresses that take any text: a converter answers 404 to nonsense."""
    return [
        f"{rule.rule}: <{parameter}> has no type"
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in STATIC_ENDPOINTS
        for parameter in PARAMETER.findall(rule.rule)
        if ":" not in parameter
    ]


def routes_belong_to_blueprints(app: Flask) -> list[str]:
    """Views that stand on the application itself."""
    return [
        f"{endpoint}: belongs to no blueprint"
        for endpoint in sorted(app.view_functions)
        if endpoint not in STATIC_ENDPOINTS and "." not in endpoint
    ]
