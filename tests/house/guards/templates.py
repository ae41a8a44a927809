"""What a template may do: lay out what it is given."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, nodes

ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)
COUNTING_FILTERS = frozenset({"sum", "round", "int", "float", "abs"})
# Parts of pages and the layouts themselves stand on nothing.
FREE_FOLDERS = ("layouts/", "components/", "emails/")
FREE_FILES = frozenset({"base.html"})
# Mail programs know no style sheets, so mails carry their style with them.
STYLED_FOLDERS = ("emails/",)
INLINE = re.compile(
    r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:|<script\b(?![^>]*\bsrc=)[^>]*>",
    re.IGNORECASE,
)
EXTENSIONS = ["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"]


def templates(root: Path) -> Iterator[tuple[str, str]]:
    """The name and the text of every template of the portal."""
    folder = root / "templates"
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".html", ".txt", ".svg", ".xml"}:
            yield str(path.relative_to(folder)), path.read_text()


def _parsed(root: Path) -> Iterator[tuple[str, str, nodes.Template]]:
    environment = Environment(extensions=EXTENSIONS, autoescape=True)
    for name, text in templates(root):
        try:
            yield name, text, environment.parse(text, name)
        except TemplateSyntaxError:
            continue  # `templates_are_valid` says so.


def _at(name: str, line: int, what: str) -> str:
    return f"templates/{name}:{line}: {what}"


def templates_are_valid(root: Path) -> list[str]:
    """Templates that Jinja cannot read."""
    environment = Environment(extensions=EXTENSIONS, autoescape=True)
    found = []
    for name, text in templates(root):
        try:
            environment.parse(text, name)
        except TemplateSyntaxError as error:
            found.append(_at(name, error.lineno, str(error.message)))
    return found


def templates_do_not_count(root: Path) -> list[str]:
    """Arithmetic: a page object brings every number it shows."""
    found = []
    for name, _text, tree in _parsed(root):
        found += [_at(name, node.lineno, "arithmetic") for node in tree.find_all(ARITHMETIC)]
        found += [
            _at(name, node.lineno, f"arithmetic by the filter {node.name}")
            for node in tree.find_all(nodes.Filter)
            if node.name in COUNTING_FILTERS
        ]
    return found


def templates_escape(root: Path) -> list[str]:
    """Text that is put into a page as it is, so that whoever wrote it writes the page."""
    found = []
    for name, _text, tree in _parsed(root):
        found += [
            _at(name, node.lineno, "the filter safe")
            for node in tree.find_all(nodes.Filter)
            if node.name == "safe"
        ]
        found += [
            _at(name, node.lineno, "autoescape is switched")
            for node in tree.find_all(nodes.ScopedEvalContextModifier)
        ]
    return found


def templates_have_nothing_inline(root: Path) -> list[str]:
    """Styles and scripts that the content security policy refuses."""
    found = []
    for name, text in templates(root):
        if name.startswith(STYLED_FOLDERS):
            continue
        for match in INLINE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(_at(name, line, f"inline: {match.group().strip()}"))
    return found


def pages_extend_a_layout(root: Path) -> list[str]:
    """Pages without the frame that all of them share."""
    found = []
    for name, _text, tree in _parsed(root):
        free = name in FREE_FILES or name.startswith(FREE_FOLDERS)
        if not name.endswith(".html") or free or Path(name).name.startswith("_"):
            continue
        parent = next(iter(tree.find_all(nodes.Extends)), None)
        target = parent.template.as_const() if parent is not None else ""
        if not str(target).startswith("layouts/") and target not in FREE_FILES:
            found.append(_at(name, 1, "extends no layout"))
    return found


def macros_are_used(root: Path) -> list[str]:
    """Macros that nobody calls, and imported ones that the importing template does not call."""
    defined: list[tuple[str, int, str]] = []
    called: set[str] = set()
    found = []
    for name, _text, tree in _parsed(root):
        defined += [(name, macro.lineno, macro.name) for macro in tree.find_all(nodes.Macro)]
        own = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "load"}
        # `{% import "x" as forms %}` and then `forms.field(...)`.
        called |= own | {node.attr for node in tree.find_all(nodes.Getattr)}
        for imported in tree.find_all(nodes.FromImport):
            called |= {item[0] for item in imported.names if item[1] in own and item[0] != item[1]}
        for statement in tree.find_all((nodes.FromImport, nodes.Import)):
            for alias in _aliases(statement):
                if alias not in own:
                    found.append(
                        _at(name, statement.lineno, f"imports {alias} and does not use it")
                    )
    found += [
        _at(name, line, f"nobody calls the macro {macro}")
        for name, line, macro in defined
        if macro not in called
    ]
    return found


def _aliases(statement: nodes.Node) -> list[str]:
    if isinstance(statement, nodes.Import):
        return [statement.target]
    assert isinstance(statement, nodes.FromImport)
    return [name if isinstance(name, str) else name[1] for name in statement.names]


def templates_are_used(root: Path) -> list[str]:
    """Templates that no view renders and no other template stands on."""
    code = "".join(path.read_text() for path in sorted((root / "app").rglob("*.py")))
    texts = dict(templates(root))
    named = code + "".join(texts.values())
    found = []
    for name in texts:
        # Mails are rendered by the name of their folder.
        wanted = name.split("/")[1] if name.startswith("emails/") and name.count("/") > 1 else name
        if not re.search(rf"[\"']{re.escape(wanted)}[\"']", named):
            found.append(_at(name, 1, "nobody renders it"))
    return found


GUARDS: list[Callable[[Path], list[str]]] = [
    templates_are_valid,
    templates_do_not_count,
    templates_escape,
    templates_have_nothing_inline,
    pages_extend_a_layout,
    macros_are_used,
    templates_are_used,
]
