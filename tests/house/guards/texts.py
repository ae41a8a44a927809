"""What every file of the project keeps to, whatever language it is in."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.house.guards.source import imports, modules

MAX_LINES = 400
# The words are put together here so that this file does not contain them.
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error")))
# Paths and addresses that only exist where the project was written.
FOREIGN = re.compile(
    "|".join(("shared" + "/spec", r"\.\./" + "shared", "/wo" + "rk/", "/opt/" + "(?:pypi|wheels)"))
)
SILENCED = re.compile(
    r"#\s*(?:type:\s*ignore|noqa|pragma|pylint|ruff:)"
    r"|@pytest\.mark\.(?:skip|skipif|xfail)|pytest\.(?:skip|xfail|importorskip)\("
)
# A silenced check names its rule and, behind a second number sign, says why in words.
REASON = re.compile(r"#[^#]*#\s*\w+(?:\W+\w+)+|reason\s*=|\(\s*[\"']")
PINNED = re.compile(r"^[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[A-Za-z0-9.!+_-]+$")
# How the banner of somebody else's file begins, and names under which such files come.
BANNER = re.compile(
    "|".join(
        (r"@li" + "cense", "Licen" + r"sed under", r"SPDX-Lic" + "ense", r"Copyr" + r"ight \(")
    )
)
FOREIGN_NAME = re.compile(
    r"(?:^|/)(?:vendor|vendored|third_party|node_modules|bower_components)/|\.min\.(?:js|css)$"
    r"|(?:^|/)(?:bootstrap|jquery|popper|htmx|alpine)[^/]*\.(?:js|css)$|\.(?:woff2?|ttf|whl|jar)$"
)
LONGEST_LINE = 1000
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".ico", ".webp"})
# Imports whose distribution has a name of its own that the installed metadata cannot tell.
OURS = frozenset({"app", "tests", "wsgi"})


def project_files(root: Path) -> list[Path]:
    """The files that belong to the project: what git tracks or would; without git, all of them."""
    if not (root / ".git").exists():
        return sorted(path for path in root.rglob("*") if path.is_file())
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.split("\0") if name]
    return sorted(path for name in names if (path := root / name).is_file())


def _lines(root: Path) -> list[tuple[str, int, str]]:
    found = []
    for path in project_files(root):
        if path.suffix in PICTURES:
            continue
        name = str(path.relative_to(root))
        text = path.read_text(errors="replace")
        found += [(name, number, line) for number, line in enumerate(text.splitlines(), 1)]
    return found


def _matching(root: Path, pattern: re.Pattern[str], complaint: str) -> list[str]:
    return [
        f"{name}:{number}: {complaint} {match.group()!r}"
        for name, number, line in _lines(root)
        if (match := pattern.search(line))
    ]


def nothing_is_unfinished(root: Path) -> list[str]:
    """Marks of unfinished work, in any file."""
    return _matching(root, UNFINISHED, "says")


def nothing_names_a_foreign_place(root: Path) -> list[str]:
    """Paths that exist only on the machine where this was written."""
    return _matching(root, FOREIGN, "names")


def what_is_silenced_says_why(root: Path) -> list[str]:
    """A check that is switched off for a line, or a test that is skipped, without a reason."""
    return [
        f"{name}:{number}: silenced without a reason: {line.strip()}"
        for name, number, line in _lines(root)
        if name.endswith(".py")
        and (match := SILENCED.search(line))
        and not REASON.search(line[match.start() :])
    ]


def modules_are_small(root: Path) -> list[str]:
    """A module of the application beyond 400 lines is two use cases in one file."""
    return [
        f"{module.path}: {lines} lines, more than {MAX_LINES}"
        for module in modules(root)
        if (lines := len(module.text.splitlines())) > MAX_LINES
    ]


def modules_say_what_they_are(root: Path) -> list[str]:
    """Every module of the application begins with a docstring."""
    return [
        f"{module.path}: has no docstring"
        for module in modules(root)
        if not (ast.get_docstring(module.tree) or "").strip()
    ]


def requirements_are_pinned(root: Path) -> list[str]:
    """Every package has exactly one version; the same one in both files."""
    found = []
    for path in sorted(root.glob("requirements*.txt")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            wanted = line.partition(" #")[0].strip()
            if wanted and not wanted.startswith(("#", "-r ")) and not PINNED.match(wanted):
                found.append(f"{path.name}:{number}: not pinned: {wanted}")
    return found


def _required(root: Path, name: str) -> set[str]:
    names = re.findall(r"^([A-Za-z0-9._-]+)", (root / name).read_text(), re.MULTILINE)
    return {_plain(name) for name in names}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imports_are_required(root: Path) -> list[str]:
    """What app/ imports stands in requirements.txt, and what tests/ imports in one of the two."""
    brought_by = packages_distributions()
    runtime = _required(root, "requirements.txt")
    develop = runtime | _required(root, "requirements-dev.txt")
    found = []
    for folder, known in (("app", runtime), ("migrations", runtime), ("tests", develop)):
        for module in modules(root, folder):
            for item in imports(module):
                if item.top in sys.stdlib_module_names or item.top in OURS:
                    continue
                if not known & {_plain(name) for name in brought_by.get(item.top, [item.top])}:
                    found.append(module.at(item.node, f"{item.top} is not among the requirements"))
    return found


def nothing_is_vendored(root: Path) -> list[str]:
    """Other people's code: it belongs into the requirements, not into the tree."""
    found = []
    for path in project_files(root):
        name = str(path.relative_to(root))
        if FOREIGN_NAME.search(name):
            found.append(f"{name}: looks like somebody else's file")
        elif path.suffix in {".js", ".css", ".py", ".html"}:
            text = path.read_text(errors="replace")
            if BANNER.search(text[:2000]):
                found.append(f"{name}: carries somebody else's banner")
            if max(map(len, text.splitlines()), default=0) > LONGEST_LINE:
                found.append(f"{name}: has lines that nobody wrote by hand")
    return found
