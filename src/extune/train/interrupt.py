"""SIGTERM and SIGINT as an exception between two steps or inside one, never while a step is being taken."""

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator
from typing import Any

log = logging.getLogger(__name__)


class Interrupted(KeyboardInterrupt):
    """A signal to stop; the process exits with 128 + its number. Not an Exception, so that no library swallows it."""

    def __init__(self, number: int, what: str = "") -> None:
        super().__init__(what)
        self.number = number

    @property
    def name(self) -> str:
        """`SIGTERM` or `SIGINT`."""
        return signal.Signals(self.number).name


class Gate:
    """Turns signals into `Interrupted`: at once while open, else when it opens. One signal is heard, later ones not."""

    def __init__(self) -> None:
        self.closed, self.heard, self.raised = False, 0, False

    def on_signal(self, number: int, _: Any) -> None:
        """The handler."""
        self.heard = self.heard or number
        if not self.closed:
            self._raise()

    def close(self) -> None:
        """Hold signals back from here on."""
        self.closed = True

    def open(self) -> None:
        """Let signals through, the one that was held back first."""
        self.closed = False
        if self.heard:
            self._raise()

    def _raise(self) -> None:
        if not self.raised:
            self.raised = True
            raise Interrupted(self.heard)


@contextlib.contextmanager
def gate() -> Iterator[Gate]:
    """A gate that has the signals for as long as the body runs; in another thread than the main one it hears none."""
    made = Gate()
    if threading.current_thread() is not threading.main_thread():
        yield made
        return
    before = {number: signal.signal(number, made.on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield made
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
