"""Rendering of mails from `templates/emails/`."""

import re
from collections.abc import Mapping
from typing import Any

from css_inline import CSSInliner
from flask import Flask

from app.gateways.mail import MailRenderer, RenderedMail
from app.web.wordings import mails

_BLANKS = re.compile(r"\n{3,}")


def build_renderer(app: Flask) -> MailRenderer:
    """A function that renders `templates/emails/<name>/{subject.txt,body.txt,body.html}`.

    The rules of the HTML part's style sheet are written onto its elements, since many mail
    programs know no style sheets. Nothing is fetched from anywhere.
    """
    for word in (mails.why_this_mail, mails.stop_these_mails, mails.mailed_card_words):
        app.jinja_env.filters[word.__name__] = word
    inliner = CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)

    def render(template: str, params: Mapping[str, Any]) -> RenderedMail:
        folder = f"emails/{template}"
        with app.app_context():
            environment = app.jinja_env
            written = environment.get_template(f"{folder}/subject.txt").render(params)
            subject = " ".join(written.split())
            # The subject is also the first line of the text and the heading of the HTML part.
            text = environment.get_template(f"{folder}/body.txt").render(params, subject=subject)
            html = environment.get_template(f"{folder}/body.html").render(params, subject=subject)
        return RenderedMail(
            subject=subject,
            # Where a condition left out a paragraph its empty lines stay behind.
            text=_BLANKS.sub("\n\n", text.strip()) + "\n",
            html=inliner.inline(html),
        )

    return render
