"""Whether this process lives, and whether it can serve: for load balancers and people."""

from flask import Response, jsonify

from app.extensions import limiter
from app.web.access import public
from app.web.health import blueprint
from app.web.health.readiness import find_problem


@blueprint.get("/healthz")
@public
@limiter.exempt
def live() -> Response:
    """The process answers; nothing else is looked at."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
@limiter.exempt
def ready() -> tuple[Response, int]:
    """Whether the database answers and its migrations are those of this code; else 503."""
    problem = find_problem()
    if problem is None:
        return jsonify(status="ok"), 200
    return jsonify(status="unavailable", problem=problem), 503
