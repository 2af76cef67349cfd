"""Which module of extune may import which: held against every import statement, lazy ones too."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

# A module imports only those before it; a package counts as one. A new module gets its place here.
LAYERS = (
    ("errors", "records", "files", "index", "schema", "unread", "dialects", "sections", "config"),
    ("shapes", "grammar", "tasks", "notations", "readers"),
    (
        *("bases", "hub", "checkpoints", "footprint", "templates", "families"),
        *("frames", "sentences", "generate", "instruct", "deepke"),
        *("prompt", "ground", "score", "significance", "gate", "noise", "carry", "augment", "sources", "shots"),
        *("foreign", "gather"),
        *("prepare", "baseline", "confusable", "convert"),
        *("injection", "robustness", "before_after"),
        *("parts", "confidence", "calibration", "reliability"),
    ),
    ("extract", "measure"),
    (
        "options",
        "vocabulary",
        "tokens",
        "meeting",
        "processes",
        "adapters",
        "model",
        "methods",
        "decode",
        "train",
        "plan",
        "artefact",
        "answering",
    ),
    (
        *("lineage", "machine", "tracking", "delivery", "outbox", "evaluation", "registry", "pyfunc", "report"),
        *("compare", "inspect", "stages", "trials", "overview", "api"),
    ),
    ("cli", "__main__"),
)
# The lowest layer that may import a library, and from there up any may.
LIBRARY_LAYERS = {
    **dict.fromkeys(("torch", "transformers", "peft", "trl", "bitsandbytes", "llguidance"), 4),
    **dict.fromkeys(("mlflow", "dvc", "fastapi", "ray"), 5),
}
ROOT = "extune/__init__"  # offers names of all the others, so nothing below imports it
ORDER = (*(name for layer in LAYERS for name in layer), ROOT)
LAYER_OF = {name: number for number, layer in enumerate((*LAYERS, (ROOT,))) for name in layer}
STANDALONE = "pyfunc"  # mlflow runs the file by itself, outside any package

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "src" / "extune"
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))
}


class Import(NamedTuple):
    """One imported module: dotted, without `extune` where it is relative; "" is the package itself."""

    line: int
    relative: bool
    module: str


def dotted(path: str) -> str:
    """`readers/__init__.py` -> `readers`, `readers/iepile.py` -> `readers.iepile`."""
    return ".".join(PurePosixPath(path).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


def unit(module: str) -> str:
    """The name by which LAYERS knows a module."""
    return module.split(".")[0] or ROOT


@cache
def nodes(path: str, source: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return tuple(node for node in ast.walk(ast.parse(source, path)) if isinstance(node, ast.Import | ast.ImportFrom))


def imports(path: str, source: str, modules: Collection[str]) -> Iterator[Import]:
    """Every import of a file, inside functions too. `from . import a` is of `a` where that is a module."""
    for node in nodes(path, source):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, False, alias.name) for alias in node.names)
        elif not node.level:
            yield Import(node.lineno, False, node.module or "")
        else:
            folders = PurePosixPath(path).parent.parts
            base = [*folders[: len(folders) - node.level + 1], *(node.module or "").split(".")]
            origin = ".".join(filter(None, base))
            for alias in node.names:
                inner = f"{origin}.{alias.name}".removeprefix(".")
                if origin or inner in modules or alias.name != "__version__":
                    yield Import(node.lineno, True, inner if inner in modules else origin)


def problem(name: str, found: Import) -> str | None:
    """Why the module `name` may not have this import, or None."""
    top = found.module.split(".")[0]
    if name == STANDALONE and (found.relative or top == "extune"):
        return f"{name} is run by itself and may import nothing of extune"
    if not found.relative and top == "extune":
        return "imports inside extune are relative: registered models load it under another name"
    if not found.relative:
        lowest = LIBRARY_LAYERS.get(top, 0)
        return f"{top} may be imported from layer {lowest} up" if LAYER_OF[name] < lowest else None
    target = unit(found.module)
    if target not in ORDER:
        return f"{target} is not in LAYERS"
    if ORDER.index(target) > ORDER.index(name):
        return f"{target} is listed after {name}"
    return None


def problems(path: str, source: str, modules: Collection[str]) -> list[str]:
    """What one file imports against the rules, as `path:line: why`."""
    name = unit(dotted(path))
    if name not in ORDER:
        return [f"{path}:1: {name} is not in LAYERS"]
    found = ((item.line, problem(name, item)) for item in imports(path, source, modules))
    return [f"{path}:{line}: {why}" for line, why in found if why]


def cycle(sources: Mapping[str, str]) -> list[str]:
    """The modules of one import cycle, or nothing."""
    modules = {dotted(path) for path in sources}
    graph = {
        dotted(path): {item.module for item in imports(path, source, modules) if item.relative}
        for path, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_module_imports_only_what_its_layer_may() -> None:
    modules = {dotted(path) for path in SOURCES}
    found = [line for path, source in SOURCES.items() for line in problems(path, source, modules)]
    assert not found, "\n".join(["", *found])


def test_the_table_in_the_docs_names_the_modules_in_the_same_order() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d) \w[^|]*\|([^|]*)\|", text, re.M)
    assert [(int(number), tuple(re.findall(r"`(\w+)`", names))) for number, names in rows] == [*enumerate(LAYERS)]


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_has_a_line_for_every_module_in_the_same_order(name: str) -> None:
    tree = (PROJECT / name).read_text("utf-8").partition("\nsrc/extune/\n")[2].partition("\ntests/")[0]
    lines = [re.split(r"  +", line.strip())[0] for line in tree.splitlines()]
    listed = [re.sub(r"\.py$|/$", "", word) for line in lines for word in line.split(", ")]
    assert listed == [name for layer in LAYERS for name in layer]


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycle(SOURCES) == []


@pytest.mark.parametrize(
    ("path", "source", "why"),
    [
        ("records.py", "from .config import Config", "records.py:1: config is listed after records"),
        ("ground.py", "def f():\n    from . import extract", "ground.py:2: extract is listed after ground"),
        ("tasks/ner.py", "from ..readers.iepile import a", "tasks/ner.py:1: readers is listed after tasks"),
        ("tasks/ner.py", "from .. import readers", "tasks/ner.py:1: readers is listed after tasks"),
        ("prompt.py", "def f():\n    import torch.nn", "prompt.py:2: torch may be imported from layer 4 up"),
        ("extract.py", "from peft import PeftModel", "extract.py:1: peft may be imported from layer 4 up"),
        ("model.py", "import json, mlflow", "model.py:1: mlflow may be imported from layer 5 up"),
        ("score.py", "import extune.records", "score.py:1: imports inside extune are relative"),
        ("__init__.py", "from extune import records", "__init__.py:1: imports inside extune are relative"),
        ("cli.py", "from . import load", "cli.py:1: extune/__init__ is listed after cli"),
        ("cli.py", "from .surprise import load", "cli.py:1: surprise is not in LAYERS"),
        ("surprise.py", "", "surprise.py:1: surprise is not in LAYERS"),
        ("pyfunc.py", "def f():\n    from .records import Record", "pyfunc.py:2: pyfunc is run by itself"),
        ("pyfunc.py", "from extune import load", "pyfunc.py:1: pyfunc is run by itself"),
    ],
)
def test_a_planted_import_against_the_rules_is_found(path: str, source: str, why: str) -> None:
    (found,) = problems(path, source, {"extract", "readers", "readers.iepile"})
    assert found.startswith(why)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("model.py", "import torch\nfrom .tokens import ChatEncoder"),
        ("registry.py", "import mlflow, torch"),
        ("pyfunc.py", "import mlflow"),
        ("registry.py", "from . import __version__, tracking"),
        ("readers/__init__.py", "from ..tasks import TASKS\nfrom .iepile import read"),
        ("__init__.py", "from .cli import main"),
    ],
)
def test_an_import_within_the_rules_passes(path: str, source: str) -> None:
    assert problems(path, source, {"tracking", "readers", "readers.iepile"}) == []


def test_a_planted_circle_inside_a_package_is_found() -> None:
    circle = {"readers/__init__.py": "from .iepile import read", "readers/iepile.py": "from . import FORMATS"}
    assert set(cycle(circle)) == {"readers", "readers.iepile"}
