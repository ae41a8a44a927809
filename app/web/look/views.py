"""The brand's stylesheet and logo, and the choice between light and dark."""

from flask import Response, abort, make_response, redirect
from markupsafe import escape

from app.web.access import public
from app.web.context import get_context
from app.web.look import blueprint
from app.web.look.assets import A_YEAR
from app.web.look.colors import brand_stylesheet, ink_on
from app.web.look.shell import THEME_COOKIE, THEMES
from app.web.referrer import came_from


@blueprint.get("/brand.css")
@public
def brand_css() -> Response:
    """The brand's colors as variables; a stylesheet, since the CSP allows no inline style."""
    text = brand_stylesheet(get_context().catalog.brand.accent_color)
    return Response(text, mimetype="text/css")


@blueprint.get("/brand.svg")
@public
def logo() -> Response:
    """The logo: the brand's letter on its color."""
    brand = get_context().catalog.brand
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="7" fill="{escape(brand.accent_color)}"/>'
        '<text x="16" y="22" text-anchor="middle" font-family="system-ui, sans-serif" '
        f'font-size="18" font-weight="700" fill="{ink_on(brand.accent_color)}">'
        f"{escape(brand.logo_text[:2])}</text></svg>"
    )
    return Response(text, mimetype="image/svg+xml")


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
