"""The brand: how pages and mails call and color the product, as the catalog says it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.catalog_reader import Reader


@dataclass(frozen=True, slots=True)
class Brand:
    """How the pages and mails call and color the product.

    `logo` is the path of an image beside the catalog; None: the letters of `logo_text`.
    """

    product: str
    portal: str
    accent_color: str
    logo_text: str
    logo: str | None
    entitlement: str
    support_email: str
    tos_version: str
    tos_url: str


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# Below the folder of the catalog: no name begins with a dot, so nothing leads out of it.
_LOGO = re.compile(r"(?:[\w-][\w.-]*/)*[\w-][\w.-]*\.(?:svg|png)", re.ASCII)
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def read_brand(reader: Reader, data: Mapping[str, Any]) -> Brand:
    """The table `[brand]`. Raises CatalogError."""
    names = {
        "product",
        "portal",
        "accent_color",
        "logo_text",
        "logo",
        "entitlement",
        "support_email",
        "tos_version",
        "tos_url",
    }
    table = reader.table(data, "brand", names)
    support_email = reader.text(table, "brand.support_email")
    if not _EMAIL.fullmatch(support_email):
        raise reader.fail("brand.support_email", "must be an email address")
    color = reader.text(table, "brand.accent_color", "#2f5dd0")
    if not _COLOR.fullmatch(color):
        raise reader.fail("brand.accent_color", "must be a color like #2f5dd0")
    tos_version = reader.text(table, "brand.tos_version", "1.0")
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4})?", tos_version):
        raise reader.fail("brand.tos_version", "must be a version like 1.0")
    tos_url = reader.text(table, "brand.tos_url")
    if not re.fullmatch(r"(https?://[^\s\"'<>]+|/[^\s\"'<>]*)", tos_url):
        raise reader.fail("brand.tos_url", "must be an http address or a path")
    logo = reader.text(table, "brand.logo") if "logo" in table else None
    if logo is not None and not _LOGO.fullmatch(logo):
        raise reader.fail("brand.logo", "must be the name of an svg or png file beside this one")
    product = reader.text(table, "brand.product")
    return Brand(
        product=product,
        portal=reader.text(table, "brand.portal", "Tallyport"),
        accent_color=color,
        logo_text=reader.text(table, "brand.logo_text", product[:1]),
        logo=logo,
        entitlement=reader.text(table, "brand.entitlement", "push notifications"),
        support_email=support_email,
        tos_version=tos_version,
        tos_url=tos_url,
    )
