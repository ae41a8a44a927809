"""The demo blueprint: caught mail, the time machine, the sample customers."""

from dataclasses import replace

from flask import Blueprint, current_app, has_request_context, url_for
from flask.sansio.app import App
from flask.sansio.blueprints import BlueprintSetupState

from app.demo.desk import sold_now
from app.services.context import Context

SHIPPED = "tallyport_shipped_catalog"
blueprint = Blueprint("demo", __name__)


@blueprint.app_context_processor
def show_the_way() -> dict[str, str]:
    """Let every page of the portal lead to the demo's own pages. Mails are no pages."""
    if not has_request_context():
        return {}
    return {"demo_url": url_for("demo.overview")}


@blueprint.record
def keep_the_catalog(state: BlueprintSetupState) -> None:
    """The catalog as it is shipped, beside the one that the demo sells by."""
    ctx: Context = state.app.extensions["tallyport"]
    state.app.extensions[SHIPPED] = ctx.catalog
    _follow_the_switch(state.app)


@blueprint.before_app_request
def sell_by_the_switch() -> None:
    """Every process of the portal sells what the switch of the free trials says now."""
    _follow_the_switch(current_app)


def _follow_the_switch(app: App) -> None:
    ctx: Context = app.extensions["tallyport"]
    catalog = sold_now(ctx.settings, app.extensions[SHIPPED])
    if catalog != ctx.catalog:
        app.extensions["tallyport"] = replace(ctx, catalog=catalog)


# The views attach themselves to the blueprint.
from app.web.demo import views  # noqa: E402, F401  # see above
