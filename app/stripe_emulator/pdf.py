"""A small PDF writer: text on A4 pages in Helvetica, which every reader has built in."""

from collections.abc import Sequence

_WIDTH, _HEIGHT, _MARGIN = 595, 842, 56
_LEADING = 16
_LINES_PER_PAGE = (_HEIGHT - 2 * _MARGIN) // _LEADING


def text_pdf(lines: Sequence[tuple[str, str]]) -> bytes:
    """A document of (left, right) lines; the right part is set at a fixed column.

    Characters outside Latin-1 become question marks, because the built-in fonts have no others.
    """
    pages = [
        lines[start : start + _LINES_PER_PAGE] for start in range(0, len(lines), _LINES_PER_PAGE)
    ] or [[]]
    objects: list[bytes] = []
    page_ids = [4 + 2 * index for index in range(len(pages))]
    kids = " ".join(f"{page_id} 0 R" for page_id in page_ids)
    objects.append(b"<< /Type /Catalog /Pages 2 0 R >>")
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    )
    for page_id, content in zip(page_ids, pages, strict=True):
        stream = _content(content)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {page_id + 1} 0 R >>".encode()
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream")
    return _assemble(objects)


def _content(lines: Sequence[tuple[str, str]]) -> bytes:
    parts = [b"BT /F1 11 Tf"]
    for index, (left, right) in enumerate(lines):
        y = _HEIGHT - _MARGIN - index * _LEADING
        parts.append(f"1 0 0 1 {_MARGIN} {y} Tm (".encode() + _escape(left) + b") Tj")
        if right:
            parts.append(f"1 0 0 1 {_WIDTH - 170} {y} Tm (".encode() + _escape(right) + b") Tj")
    parts.append(b"ET")
    return b"\n".join(parts)


def _escape(text: str) -> bytes:
    plain = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    plain = plain.replace("\r", " ").replace("\n", " ")
    return plain.encode("cp1252", errors="replace")


def _assemble(objects: list[bytes]) -> bytes:
    """Header, objects, the table of where each begins, trailer."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    for offset in offsets:
        out += f"{offset:010d} 00000 n \n".encode()
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n".encode()
    out += f"startxref\n{start}\n%%EOF\n".encode()
    return bytes(out)
