"""The description of the wire API as an OpenAPI document, made from the code that answers it.

Nested values come from the structs that decode them, limits from the constants that check them,
messages of errors from the words that are sent. Only what no code says (what a call is for, an
example) stands in app/web/openapi/calls.py. It is in English, as the protocol is, and not
translated: who reads it writes a program.
"""

from app.web.openapi.document import build_document

__all__ = ["build_document"]
