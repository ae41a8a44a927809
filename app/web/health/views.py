"""Whether this process lives, and whether it can serve: for load balancers and people."""

from flask import Response, current_app, jsonify

from app.extensions import limiter
from app.services.readiness import get_problem
from app.web.access import public
from app.web.context import get_read_session
from app.web.health import blueprint


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
    folder = str(current_app.extensions["migrate"].directory)
    problem = get_problem(get_read_session(), migrations=folder)
    if problem is None:
        return jsonify(status="ok"), 200
    return jsonify(status="unavailable", problem=problem), 503
