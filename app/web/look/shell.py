"""What every layout is handed: brand, language, colors, tabs, who is logged in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app, g, has_request_context, request, url_for
from flask_babel import get_locale, gettext

from app.services.identity import Identity, customer_ref
from app.services.pages.owed import Owed, load_owed
from app.web.context import get_context, get_read_session
from app.web.flashes import read_flashes
from app.web.look import assets, blueprint
from app.web.look.colors import brand_stylesheet, ink_on
from app.web.look.forms import field_attributes, field_error
from app.web.look.logo import Logo, load_logo
from app.web.security import add_to_policy, origin_of
from app.web.seeing import seen_on_this_page
from app.web.sessions import current_identity, current_stored_session
from app.web.wordings.account import role_word

_LOGO = "tallyport.logo"
THEME_COOKIE = "theme"
SAY_WHAT_IS_OWED = frozenset({"portal.billing", "portal.invoices", "portal.invoice"})
THEMES = ("system", "light", "dark")


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of the top bar."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class ThemeChoice:
    """One choice of the switch between light and dark."""

    value: str
    label: str
    url: str
    is_current: bool


def logo() -> Logo:
    """The logo as it was read when the portal started."""
    return cast(Logo, current_app.extensions[_LOGO])


def chosen_theme() -> str | None:
    """ "light" or "dark" when the reader chose; None means as the system says."""
    theme = request.cookies.get(THEME_COOKIE)
    return theme if theme in {"light", "dark"} else None


def build_tabs(entity_uuid: Any) -> list[Tab]:
    """The tabs of a customer's pages."""
    pages = (
        ("portal.billing", gettext("Billing")),
        ("portal.plans", gettext("Plans")),
        ("portal.invoices", gettext("Invoices")),
        ("usage.usage", gettext("Usage")),
        ("account.people", gettext("People")),
        ("account.help_contact", gettext("Help")),
    )
    return _links(pages, entity_uuid)


def build_menu(entity_uuid: Any) -> list[Tab]:
    """The pages of the account menu."""
    pages = (
        ("account.people", gettext("People")),
        ("account.activity", gettext("Activity")),
        ("account.data", gettext("Your data")),
    )
    return _links(pages, entity_uuid)


def _links(pages: Sequence[tuple[str, str]], entity_uuid: Any) -> list[Tab]:
    here = (request.endpoint or "").partition(".")[2]
    return [
        Tab(
            label=label,
            url=url_for(endpoint, entity_uuid=entity_uuid),
            is_current=here.startswith(_family(endpoint)),
        )
        for endpoint, label in pages
    ]


def use_plain_shell() -> None:
    """Ask nothing of the database for the frame of this answer: it may be what is broken."""
    g.plain_shell = True


def _let_forms_lead_back() -> None:
    """A form sent after its session ended is answered by the way back to the product, which the
    browser refuses unless the policy of the form's page names it."""
    stored = current_stored_session()
    origin = origin_of(stored.way_back) if stored is not None else None
    if origin is not None:
        add_to_policy("form-action", origin)


def _family(endpoint: str) -> str:
    """ "portal.invoices" and "portal.invoice" are of one family, so that a page keeps its tab."""
    return endpoint.partition(".")[2].removesuffix("s")


def _theme_choices() -> list[ThemeChoice]:
    labels = {"system": gettext("System"), "light": gettext("Light"), "dark": gettext("Dark")}
    current = chosen_theme() or "system"
    return [
        ThemeChoice(
            value=theme,
            label=labels[theme],
            url=url_for("look.choose_theme", theme=theme),
            is_current=theme == current,
        )
        for theme in THEMES
    ]


def _load_owed(identity: Identity) -> Owed | None:
    """What is owed, for pages that do not say it themselves."""
    if request.endpoint in SAY_WHAT_IS_OWED:
        return None
    ctx = get_context()
    return load_owed(get_read_session(), customer_ref(identity).payer, now=ctx.now())


@blueprint.app_context_processor
def hand_to_layouts() -> dict[str, Any]:
    """The variables of templates/layouts/. Mails, which have no request, have a frame of theirs."""
    if not has_request_context():
        return {}
    identity = None if g.get("plain_shell") else current_identity()
    if identity is not None:
        _let_forms_lead_back()
    seen = None if identity or g.get("plain_shell") else seen_on_this_page()
    whose = identity.entity_uuid if identity else seen.uuid if seen else None
    has_logout = "login.logout" in current_app.view_functions
    return {
        "identity": identity,
        # Somebody of staff who sees it as this customer does, instead of somebody logged in.
        "seen": seen,
        "tabs": build_tabs(whose) if whose else [],
        "menu": build_menu(identity.entity_uuid) if identity else [],
        "role": role_word(identity.role) if identity else None,
        "logout_url": url_for("login.logout") if identity and has_logout else None,
        "owed": _load_owed(identity) if identity else None,
        "theme": chosen_theme(),
        "theme_choices": _theme_choices(),
        "portal_url": get_context().settings.base_url,
        "html_lang": str(get_locale() or "en").replace("_", "-"),
    }


@blueprint.record_once
def prepare(state: Any) -> None:
    """Give the templates what does not change from page to page."""
    app: Flask = state.app
    ctx = app.extensions["tallyport"]
    brand = ctx.catalog.brand
    image = load_logo(brand, ctx.settings.catalog)
    app.extensions[_LOGO] = image
    app.jinja_env.globals.update(
        brand=brand, brand_ink=ink_on(brand.accent_color), brand_logo=image
    )
    app.jinja_env.globals.update(read_flashes=read_flashes)
    app.jinja_env.filters.update(field_attributes=field_attributes, field_error=field_error)
    colors = brand_stylesheet(brand.accent_color).encode()
    assets.init_app(app, made_of_catalog={"look.brand_css": colors, "look.logo": image.content})
