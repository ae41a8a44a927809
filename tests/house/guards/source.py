"""The Python modules of a checkout, read once and parsed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Module:
    """One file of `app/`: `name` is what one imports, `path` is relative to the checkout."""

    name: str
    path: str
    text: str
    tree: ast.Module
    is_package: bool

    def at(self, node: ast.AST, what: str) -> str:
        """A violation, with the place where it stands."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"


def modules(root: Path, folder: str = "app") -> list[Module]:
    """Every Python module below `folder`, by path."""
    found = []
    for path in sorted((root / folder).rglob("*.py")):
        relative = path.relative_to(root)
        parts = list(relative.with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        text = path.read_text()
        tree = ast.parse(text, filename=str(relative))
        found.append(Module(name, str(relative), text, tree, is_package))
    return found


@dataclass(frozen=True, slots=True)
class Import:
    """One imported thing: `from a.b import c` has target `a.b` and name `c`."""

    node: ast.AST
    target: str
    name: str | None

    @property
    def top(self) -> str:
        """The package that has to be installed for it."""
        return self.target.partition(".")[0]


def imports(module: Module) -> Iterator[Import]:
    """Every import, wherever it stands: one inside a function or for the types alone ties two
    rooms together just as well."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node, alias.name, None)
        elif isinstance(node, ast.ImportFrom):
            target = node.module or ""
            if node.level:
                parts = module.name.split(".")
                kept = parts[: len(parts) - node.level + module.is_package]
                target = ".".join([*kept, *target.split(".")]).strip(".")
            for alias in node.names:
                yield Import(node, target, alias.name)


def dotted(node: ast.AST) -> str:
    """`a.b.c` for such an expression; what is not a name becomes `?`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"
