"""The command line: stdout is data, stderr is everything else; one line and an exit code for a user's mistake.

0 ok, 1 a check failed, 2 wrong use or input, 3 environment. Heavy imports happen inside the commands.
"""

import logging
import os
import sys

from ..errors import ExtuneError
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
    except ExtuneError as exc:
        if not record(exc):
            print(f"extune: {exc}", file=sys.stderr)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as exc:
        if not record(exc):
            raise
        sys.exit(1)


def _quiet() -> None:
    """Keep libraries from talking over our own messages; set EXTUNE_VERBOSE=1 to hear them."""
    if os.environ.get("EXTUNE_VERBOSE"):
        return
    import warnings

    warnings.filterwarnings("ignore")
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


_QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONWARNINGS": "ignore",
}
