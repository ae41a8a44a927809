"""Rendering of mails from `templates/emails/`."""

from collections.abc import Mapping
from typing import Any

from css_inline import CSSInliner
from flask import Flask

from app.gateways.mail import MailRenderer, RenderedMail


def build_renderer(app: Flask) -> MailRenderer:
    """A function that renders `templates/emails/<name>/{subject.txt,body.txt,body.html}`.

    The rules of the HTML part's style sheet are written onto its elements, since many mail
    programs know no style sheets. Nothing is fetched from anywhere.
    """
    inliner = CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)

    def render(template: str, params: Mapping[str, Any]) -> RenderedMail:
        folder = f"emails/{template}"
        with app.app_context():
            environment = app.jinja_env
            written = environment.get_template(f"{folder}/subject.txt").render(params)
            subject = " ".join(written.split())
            text = environment.get_template(f"{folder}/body.txt").render(params)
            # The subject is also the heading of the HTML part.
            html = environment.get_template(f"{folder}/body.html").render(params, subject=subject)
        return RenderedMail(
            subject=subject,
            text=text.strip() + "\n",
            html=inliner.inline(html),
        )

    return render
