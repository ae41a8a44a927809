"""The logo: the image that the catalog names, checked when the portal starts, else its letters."""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from markupsafe import escape

from app.domain.brand import Brand
from app.domain.catalog import CatalogError
from app.web.look.colors import ink_on

MOST_BYTES = 256 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG_ROOT = "http://www.w3.org/2000/svg svg"


@dataclass(frozen=True, slots=True)
class Logo:
    """The logo's bytes and how they are served; `is_image` is False for the letters."""

    content: bytes
    mimetype: str
    ending: str
    is_image: bool


def load_logo(brand: Brand, catalog: Path) -> Logo:
    """The logo of `brand`, whose catalog lies at `catalog`. Raises CatalogError when the file is
    missing, too large, or not the image that its name says."""
    if brand.logo is None:
        return Logo(_letters(brand).encode(), "image/svg+xml", "svg", False)
    path = catalog.parent / brand.logo
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _wrong(catalog, f"cannot be read: {error}") from None
    if len(content) > MOST_BYTES:
        raise _wrong(catalog, f"must have at most {MOST_BYTES // 1024} KiB")
    if brand.logo.endswith(".png"):
        if not content.startswith(_PNG):
            raise _wrong(catalog, "is not a png image")
        return Logo(content, "image/png", "png", True)
    if not _is_svg(content):
        raise _wrong(catalog, "is not an svg image, or declares a document type")
    return Logo(content, "image/svg+xml", "svg", True)


def _wrong(catalog: Path, what: str) -> CatalogError:
    return CatalogError(f"{catalog.name}: brand.logo: {what}")


def _is_svg(content: bytes) -> bool:
    names: list[str] = []

    def note(name: str, _attributes: object) -> None:
        names.append(name)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = note
    # Asked of the parser: in another encoding than UTF-8 no search of ours would find it.
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError):
        return False
    return names[0] == _SVG_ROOT


def _refuse(*_: object) -> NoReturn:
    """Entities make a small file a huge one; no logo needs them."""
    raise ValueError


def _letters(brand: Brand) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="7" fill="{escape(brand.accent_color)}"/>'
        '<text x="16" y="22" text-anchor="middle" font-family="system-ui, sans-serif" '
        f'font-size="18" font-weight="700" fill="{ink_on(brand.accent_color)}">'
        f"{escape(brand.logo_text[:2])}</text></svg>"
    )
