"""Access logs without secrets: tokens in addresses are masked wherever they would be written.

Use it for gunicorn with `--logger-class app.web.logging.MaskingLogger`; the logs of whoever does
not, of the development server and of Flask are masked by `mask_logs`.
"""

import logging
import re
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # gunicorn has no types

MASK = "[token]"
# What follows in the address is a secret, except the names of our own pages.
_SECRET = re.compile(
    r"(/mail/unsubscribe/|/invitation/|/login/by-mail/|/support/setup/"
    r"|/realm-transfer/confirm/|/remote-billing-login/(?:(?:do-confirm|server)/)?)"
    r"(?!(?:confirm|sent|complete|do-confirm|server)(?:/|$|\s))"
    r"[^\s/?#\"']+"
    # What the provider of staff's logins sends along.
    r"|(/support/login/provider/return/\?)[^\s#\"']+"
)


def mask_tokens(text: str) -> str:
    """`text` with the tokens of login links, confirmation links and links that stop mails replaced."""
    return _SECRET.sub(lambda found: f"{found[1] or found[2]}{MASK}", text)


class TokenFilter(logging.Filter):
    """Masks tokens in the finished message of each record, whatever its arguments were."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, masked."""
        message = record.getMessage()
        masked = mask_tokens(message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


class MaskingLogger(Logger):
    """gunicorn's logger with masked request lines, paths and referers."""

    def atoms(
        self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta
    ) -> dict[str, Any]:
        """The parts of an access log line."""
        found: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        return {
            name: mask_tokens(value) if isinstance(value, str) else value
            for name, value in found.items()
        }


def mask_logs(*loggers: logging.Logger) -> None:
    """Mask the tokens in what these loggers write."""
    for logger in loggers:
        if not any(isinstance(known, TokenFilter) for known in logger.filters):
            logger.addFilter(TokenFilter())
