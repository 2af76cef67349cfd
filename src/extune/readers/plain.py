"""What readers of plain lines (not JSON) share."""

from ..files import Unread
from ..records import Rejected
from .lines import KEPT, reason


def decoded(raw: bytes) -> str:
    """The line as text. Raises ValueError with a reason for a person: not UTF-8, or too long to be held in memory."""
    if isinstance(raw, Unread):
        raise ValueError(raw.reason)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ValueError(reason(exc)) from None


def refused(where: str, exc: object, raw: bytes) -> Rejected:
    """The line as it goes to the quarantine file."""
    return Rejected(where, str(exc), raw.decode("utf-8", "backslashreplace")[:KEPT])
