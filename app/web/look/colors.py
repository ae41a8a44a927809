"""The brand's one color, made readable: whatever the catalog says, texts keep their contrast.

Ratios are those of WCAG 2.2: 4.5 for text. Colors are "#rrggbb".
"""

WHITE = "#ffffff"
INK = "#000000"
# The surfaces of static/css/portal.css that colored text stands on.
LIGHT_SURFACE = "#f6f7f9"
DARK_SURFACE = "#1d2127"
TEXT_CONTRAST = 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colors, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(color: str) -> str:
    """The better of white and black for text on `color`."""
    return WHITE if contrast(color, WHITE) >= TEXT_CONTRAST else INK


def readable_on(color: str, surface: str, toward: str) -> str:
    """`color`, moved as little as needed toward `toward` to be read as text on `surface`."""
    for percent in range(0, 100, 4):
        candidate = mix(color, toward, percent)
        if contrast(candidate, surface) >= TEXT_CONTRAST:
            return candidate
    return toward


def mix(color: str, other: str, percent: int) -> str:
    """`color` with `percent` of `other` in it."""
    parts = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{(a * (100 - percent) + b * percent) // 100:02x}" for a, b in parts)


def brand_stylesheet(accent: str) -> str:
    """The variables that static/css/portal.css builds on."""
    dark_fill = readable_on(accent, DARK_SURFACE, WHITE)
    variables = {
        "--brand": accent,
        "--brand-ink": ink_on(accent),
        "--brand-hover": mix(accent, "#000000" if ink_on(accent) == WHITE else WHITE, 14),
        "--brand-text-light": readable_on(accent, LIGHT_SURFACE, "#000000"),
        "--brand-text-dark": dark_fill,
    }
    lines = "\n".join(f"  {name}: {value};" for name, value in variables.items())
    return f":root {{\n{lines}\n}}\n"


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
