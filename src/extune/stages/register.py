"""register: the adapter becomes a registered version."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..artefact import read_spec
from ..config import Config
from ..files import read_json, write_json
from ..lineage import git_state, md5
from ..prompt import PROMPT_VERSION
from ..records import Record
from ..tasks import task
from .continuing import ADAPTER
from .data import SFT, read_records
from .training import RUN, chosen_params

log = logging.getLogger(__name__)

REGISTERED = Path("models/registered.json")


def register(config: Config, root: Path) -> dict[str, Any]:
    """Register models/adapter; write models/registered.json.

    The adapter that DVC holds is the source of truth: where the store does not know its run (it was deleted, or this is
    another server) a new run is made for it, tagged with the old id.
    """
    from ..delivery import sync
    from ..registry import register as register_version
    from ..tracking import connect, find_run, has_run, leave_outer_run

    leave_outer_run()
    client = connect(root, config.tracking.experiment)
    sync(client, root)
    trained = read_json(root / RUN, "Run `dvc repro train`")
    run_id = trained["run_id"] or find_run(client, config.tracking.experiment, trained["token"]) or trained["token"]
    if not has_run(client, run_id):
        run_id = _new_run(client, config, root, run_id)
    known = register_version(
        client,
        config.tracking.model,
        root / ADAPTER,
        run_id,
        _tags(config, root, trained),
        _example(config, root),
        config.decode.model_dump(),
    )
    write_json(root / REGISTERED, known)
    return {**known, "load": f"models:/{known['name']}/{known['version']}"}


def _new_run(client: Any, config: Config, root: Path, old: str) -> str:
    from ..tracking import log_data, log_params, run

    log.warning("the tracking store does not know run %s: registering the adapter under a new run", old)
    tags = {**git_state(root), "source.run_id": old}
    with run(client, config.tracking.experiment, tags) as run_id:
        log_params(client, run_id, chosen_params(config, read_spec(root / ADAPTER).base))
        log_data(client, run_id, str(SFT / "train.jsonl"), md5(root / SFT / "train.jsonl"), "training")
    return run_id


def _tags(config: Config, root: Path, trained: Mapping[str, Any]) -> dict[str, str]:
    base = read_spec(root / ADAPTER).base
    return {
        "adapter.sha256": trained["adapter_sha256"],
        "base.name": base["name"],
        "base.fingerprint": base["fingerprint"],
        **({"base.revision": base["revision"]} if base["revision"] else {}),
        "data.train.md5": md5(root / SFT / "train.jsonl"),
        "prompt.version": PROMPT_VERSION,
        "task": config.task.name,
        "notation": config.task.notation,
        **git_state(root),
    }


def _example(config: Config, root: Path) -> dict[str, str]:
    """A row of the training data with something in it, to show what one looks like."""
    asked = task(config.task.name)
    return next((asking(record) for record in read_records(root, "train") if asked.items(record)), {"text": ""})


def asking(record: Record) -> dict[str, str]:
    """The row that a registered version is asked about a record by."""
    return {"text": record.text, **({"question": record.qa.question} if record.qa else {})}
