"""The Makefile and .ci/run: what they call exists, and both check the same."""

import re
from pathlib import Path

CHECKS = ("lint", "types", "test")
WANTED = (*CHECKS, "demo", "demo-large", "bench", "migrate", "screenshots", "help")
RULE = re.compile(r"^([a-z-]+):(?!=)(.*)$", re.MULTILINE)
MODULE = re.compile(r"\$\(RUN\) -m ([a-z_.0-9]+)")
# Programs that are run as modules and come with the requirements.
INSTALLED = frozenset({"pip", "pytest", "ruff", "mypy"})


def _makefile(root: Path) -> str:
    return (root / "Makefile").read_text()


def targets_are_there(root: Path) -> list[str]:
    """The targets that documentation and developers rely on, each declared and explained."""
    text = _makefile(root)
    rules = dict(RULE.findall(text))
    phony = re.search(r"^\.PHONY:(.*)$", text, re.MULTILINE)
    declared = set(phony.group(1).split()) if phony else set()
    found = [f"Makefile: no target {name}" for name in WANTED if name not in rules]
    found += [f"Makefile: {name} is not .PHONY" for name in sorted(set(rules) - declared)]
    found += [f"Makefile: .PHONY names {name}" for name in sorted(declared - set(rules))]
    found += [
        f"Makefile: {name} does not say what it does"
        for name in WANTED
        if name in rules and "## " not in rules[name]
    ]
    return found


def modules_are_there(root: Path) -> list[str]:
    """What the Makefile runs with `python -m` is a module of ours or an installed program."""
    found = []
    for module in MODULE.findall(_makefile(root)):
        path = root / module.replace(".", "/")
        runs = path.with_suffix(".py").exists() or (path / "__main__.py").exists()
        if module not in INSTALLED and not runs:
            found.append(f"Makefile: runs {module}, which is not there")
    return found


def ci_checks_the_same(root: Path) -> list[str]:
    """.ci/run makes lint, types and, last, the tests: nothing less, nothing of its own."""
    script = (root / ".ci" / "run").read_text()
    made = tuple(re.findall(r"^make ([a-z]+)", script, re.MULTILINE))
    found = [] if made == CHECKS else [f".ci/run: makes {made} instead of {CHECKS}"]
    if re.search(r"\b(?:pytest|ruff|mypy)\b(?!'s)", re.sub(r"#.*", "", script)):
        found.append(".ci/run: calls a tool itself instead of make")
    if "pytest" not in re.sub(r"^\t?#.*$", "", _makefile(root), flags=re.MULTILINE):
        found.append("Makefile: never runs pytest")
    return found
