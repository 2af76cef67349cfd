"""Every error a user can cause, each with what happened, where, and the remedy.

ExtuneError (exit 2)
├── ConfigError       params.yaml, a preset or --set is wrong
├── DataError         an input file is missing, broken, empty or too bad to train on
├── AnswerError       a model's answer cannot be read (caught and counted, never fatal)
└── EnvironmentProblem (exit 3)
    ├── ModelError    a base model or adapter is missing, changed or does not fit
    └── TrackingError the MLflow server or registry cannot be used
        └── NoAnswer  the server does not answer just now
CheckFailed (exit 1)  a gate or limit said no; nothing is broken
"""


class ExtuneError(Exception):
    """A problem the user can mend; the command line prints it as one line, without a traceback."""

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.remedy = what, where, remedy

    def __reduce__(self) -> tuple[object, ...]:
        """As it was, on its way out of a worker process."""
        return _again, (type(self), self.what, self.where, self.remedy)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f". {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{advice}"


def _again(kind: type[ExtuneError], what: str, where: str, remedy: str) -> ExtuneError:
    return kind(what, where=where, remedy=remedy)


class ConfigError(ExtuneError):
    """A key or value of params.yaml, of a preset or of --set is wrong."""


class DataError(ExtuneError):
    """An input file is missing, broken, empty or too bad to train on."""


class AnswerError(ExtuneError):
    """A model's answer does not follow its notation."""


class EnvironmentProblem(ExtuneError):
    """Something outside the project's files is missing: a package, a server, a model."""

    exit_code = 3


class ModelError(EnvironmentProblem):
    """A base model or an adapter is missing, changed or does not fit the other."""


class TrackingError(EnvironmentProblem):
    """The MLflow tracking server or registry cannot be reached or lacks what was asked for."""


class NoAnswer(TrackingError):
    """The tracking server is down or away: nobody's mistake, and a training goes on without it."""


class CheckFailed(ExtuneError):
    """A gate or a limit said no; the inputs were fine."""

    exit_code = 1


def ours(exc: BaseException) -> ExtuneError | None:
    """The same error of this package, where a registered version's own copy of the code raised it; None for others."""
    kind = globals().get(type(exc).__name__)
    if not type(exc).__module__.endswith(".errors") or not isinstance(kind, type) or not issubclass(kind, ExtuneError):
        return None
    return kind(str(getattr(exc, "what", exc)), where=getattr(exc, "where", ""), remedy=getattr(exc, "remedy", ""))
