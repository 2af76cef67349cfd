"""Models of the Hugging Face hub: which files are taken, from which commit, and why they cannot be had."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import ModelError


class Wanted(NamedTuple):
    """What is looked for on the hub: in words, by which key of params.yaml, and how its revision and name are set."""

    what: str
    key: str
    revision: str
    name: str


BASE = Wanted(
    "base model",
    "model.base",
    "Set model.revision to one of its commits",
    "Set model.base to `embedded`, a folder or OWNER/NAME",
)
ADAPTER = Wanted(
    "adapter",
    "train.adapter",
    "Write OWNER/NAME@REVISION with one of its commits",
    "Set train.adapter to a folder, models:/NAME/N or OWNER/NAME",
)


def download(name: str, revision: str | None, patterns: Sequence[str], wanted: Wanted = BASE) -> Path:
    """The folder of the Hugging Face cache with a model's files of these names; what is missing there is downloaded.

    Folders inside the repository are left out: nothing reads them, and they often hold the weights once more. Raises
    ModelError (exit 3). https://huggingface.co/docs/huggingface_hub/guides/download
    """
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(name, revision=revision, allow_patterns=list(patterns), ignore_patterns=["*/*"])
    except Exception as exc:  # the hub's client, its transports and the disk have errors of their own
        what, remedy = _reason(exc, revision, wanted)
        raise ModelError(f"no {wanted.what} {name!r}: {what}", where=wanted.key, remedy=remedy) from exc
    return Path(found)


def commit(folder: Path) -> str | None:
    """The commit that a folder of the Hugging Face cache holds, None for any other folder."""
    return folder.name if folder.parent.name == "snapshots" else None


TOKEN = "log in with `hf auth login` or set HF_TOKEN"


def _reason(exc: BaseException, revision: str | None, wanted: Wanted) -> tuple[str, str]:
    """What went wrong, and the remedy."""
    from huggingface_hub import errors

    known = {
        errors.GatedRepoError: ("its owner must grant access", f"Ask for it on the model's page, then {TOKEN}"),
        errors.RepositoryNotFoundError: (
            "neither a folder nor a model that the hub shows you",
            f"Check the spelling; if it is private, {TOKEN}",
        ),
        errors.RevisionNotFoundError: (
            f"the hub has no revision {revision!r} of it",
            wanted.revision,
        ),
        errors.HFValidationError: ("neither a folder nor a Hugging Face id", wanted.name),
        errors.OfflineModeIsEnabled: (
            "not whole in the Hugging Face cache, and HF_HUB_OFFLINE forbids to download it",
            f"Run it once with HF_HUB_OFFLINE=0, or set {wanted.key} to a folder",
        ),
    }
    chain = list(_causes(exc))
    told = next((known[kind] for kind in known if any(isinstance(cause, kind) for cause in chain)), None)
    return told or _refused(chain[-1])


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__


def _refused(exc: BaseException) -> tuple[str, str]:
    """An answer or a failure of the network that has no name of its own."""
    response = getattr(exc, "response", None)
    status = getattr(response, "status_code", None)
    if status in (401, 403):
        return f"the hub refuses it (HTTP {status})", f"If you may use it, {TOKEN}"
    said = f"HTTP {status}" if status else (str(exc).strip() or type(exc).__name__).splitlines()[0]
    return (
        f"the download failed ({said})",
        "Check network, proxy and HF_ENDPOINT, then run it again: whole files stay in the cache",
    )
