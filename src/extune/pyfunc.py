"""The file MLflow stores as the model's code ("models from code"): it stands alone, without the project installed.

Each registered version carries its own copy of the package as an artifact and loads it under a name made from its
content, so versions loaded in one process each run their own code.
"""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel


def load_package(folder: Path) -> str:
    """Import the package in `folder` under a name of its own and return that name."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    name = f"extune_{digest.hexdigest()[:16]}"
    known = sys.modules.get(name)
    if known is None or not Path(str(known.__file__)).exists():
        for gone in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
            del sys.modules[gone]  # its files were a download that is gone, and some are read only when needed
        found = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if found is None or found.loader is None:
            raise ImportError(f"no package in {folder}")
        module = importlib.util.module_from_spec(found)
        sys.modules[name] = module
        found.loader.exec_module(module)
    return name


class ExtractorModel(PythonModel):
    """Rows with a text in, one JSON extraction a row out."""

    def load_context(self, context: Any) -> None:
        """Load the adapter onto its base; the base is checked by fingerprint."""
        self.package = load_package(Path(context.artifacts["code"]))
        adapter = Path(context.artifacts["adapter"])
        answering = importlib.import_module(f"{self.package}.answering")
        self.extractor = answering.load(adapter, context.model_config or {})

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # MLflow would read hints
        """Columns `text`, optional `id`, `task`, `schema`, `question`; returns JSON strings in the rows' order."""
        answering = importlib.import_module(f"{self.package}.answering")
        return answering.predict(self.extractor, model_input, params or {})


mlflow.models.set_model(ExtractorModel())
