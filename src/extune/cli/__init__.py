"""The command line: stdout is data, stderr is everything else; one line and an exit code for a user's mistake.

0 ok, 1 a check failed, 2 wrong use or input, 3 environment. Heavy imports happen inside the commands.
"""

import logging
import os
import sys

from ..errors import ExtuneError, ours
from ..processes import record
from . import (  # noqa: F401  they add their commands to the app
    before_after,
    compare,
    data,
    extraction,
    pipeline,
    planning,
    robustness,
    scoring,
    versions,
)
from .app import app
from .launching import note_outcome

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger(__package__.partition(".")[0]).setLevel(logging.INFO)
    _quiet()
    try:
        _call()
    except SystemExit as exc:
        note_outcome(exc.code)
        raise


def _call() -> None:
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as exc:
        known = exc if isinstance(exc, ExtuneError) else ours(exc)
        if not record(known or exc):
            if known is None:
                raise
            print(f"extune: {known}", file=sys.stderr)
        sys.exit(known.exit_code if known else 1)


def _quiet() -> None:
    """Keep libraries from reporting home and from talking over our own messages; EXTUNE_VERBOSE=1 lets them talk."""
    for name in ("MLFLOW_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ.setdefault(name, "true")
    for name, value in MEMORY.items():
        if name != "PYTORCH_ALLOC_CONF" or "PYTORCH_CUDA_ALLOC_CONF" not in os.environ:
            os.environ.setdefault(name, value)
    if os.environ.get("EXTUNE_VERBOSE"):
        return
    import warnings

    warnings.filterwarnings("ignore")
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


MEMORY = {"PYTORCH_ALLOC_CONF": "expandable_segments:True", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
"""Read when torch is imported, and at the first product on a CPU.

Memory of a GPU that grows in place: batches of many sizes otherwise leave holes, up to as much again as is in use
(https://docs.pytorch.org/docs/stable/notes/cuda.html). And how many kernels for products of some size a CPU keeps: rows
make nearly as many sizes as there are steps, and of oneDNN's own 1024 few are met again
(https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html)."""

_QUIET = {
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "PYTHONWARNINGS": "ignore",
}
