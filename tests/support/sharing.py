"""What the many applications of a test process share, so that each test need not make it anew.

A portal in production makes one application and one engine, and keeps for its lifetime what they
work out: how a statement is written in SQL, how an address is built from a rule. Tests make thousands of
applications, and without this most of their time would go into working the same out again.
"""

from functools import cache
from typing import Any

from flask import Flask
from sqlalchemy import Engine, util
from sqlalchemy.engine.interfaces import Dialect
from werkzeug.routing import Rule, rules

# More statements than the portal has.
KEPT_STATEMENTS = 4000

_builders: dict[tuple[object, ...], Any] = {}
_dialects: dict[str, Dialect] = {}
_statements: util.LRUCache[Any, Any] = util.LRUCache(KEPT_STATEMENTS)


class SharedRule(Rule):
    """A rule whose address builders are compiled once for all maps that have such a rule.

    A builder is a function of the rule it is bound to; what is compiled into it is the key here.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        defaults = tuple(sorted((self.defaults or {}).items()))
        key = (self.rule, tuple(self._trace), defaults, append_unknown)
        if key not in _builders:
            _builders[key] = super()._compile_builder(append_unknown)
        return _builders[key]


def share_rules() -> None:
    """Let every Flask application that this process makes from now on have shared rules."""
    Flask.url_rule_class = SharedRule
    # What stands in the brackets of a rule reads the same for every application.
    rules.parse_converter_args = cache(rules.parse_converter_args)


def share_statements(*engines: Engine) -> None:
    """Let engines of one database's kind know each statement that another has written before.

    SQLAlchemy keeps statements by dialect object, so they get the same one, which has to have met
    its server once.
    """
    for engine in engines:
        name = engine.dialect.name
        if name not in _dialects:
            with engine.connect():
                _dialects[name] = engine.dialect
        engine.dialect = _dialects[name]
        engine._compiled_cache = _statements
