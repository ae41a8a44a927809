"""The brand's stylesheet and logo, and the choice between light and dark."""

from flask import Response, abort, make_response, redirect, url_for

from app.web.access import public
from app.web.context import get_context
from app.web.look import assets, blueprint, shell
from app.web.look.assets import A_YEAR
from app.web.look.shell import THEME_COOKIE, THEMES
from app.web.referrer import came_from

# Opened by itself, an image of the vendor's is a document of this site: it may do nothing there.
_IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@blueprint.get("/brand.css")
@public
def brand_css() -> Response:
    """The brand's colors as variables; a stylesheet, since the CSP allows no inline style."""
    return Response(assets.made()["look.brand_css"], mimetype="text/css")


@blueprint.get("/brand.<any(svg, png):ending>")
@public
def logo(ending: str) -> Response:
    """The logo, as the catalog has it: an image, or a letter on the brand's color."""
    image = shell.logo()
    if image.ending != ending:
        abort(404)
    response = Response(image.content, mimetype=image.mimetype)
    response.headers["Content-Security-Policy"] = _IMAGE_POLICY
    return response


@blueprint.get("/favicon.ico")
@public
def favicon() -> Response:
    """What browsers ask for beside documents that name no icon (JSON, files): the logo."""
    return make_response(redirect(url_for("look.logo", ending=shell.logo().ending)))


@blueprint.get("/colors/<string:theme>/")
@public
def choose_theme(theme: str) -> Response:
    """Remember light, dark or the system's choice in a cookie and go back.

    A GET, as it writes nothing of ours: a page can be read without a session (a form with its
    token would make one for every visitor).
    """
    if theme not in THEMES:
        abort(404)
    response = make_response(redirect(came_from() or "/"))
    secure = get_context().settings.secure_cookies
    if theme == "system":
        response.delete_cookie(THEME_COOKIE, path="/", secure=secure, samesite="Lax")
    else:
        # Scripts set it too (static/js/theme.js), so it is not HttpOnly: it says a color.
        response.set_cookie(
            THEME_COOKIE, theme, max_age=A_YEAR, path="/", secure=secure, samesite="Lax"
        )
    return response
