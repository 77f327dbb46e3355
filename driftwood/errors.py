"""Every exception that Driftwood raises on purpose, and the exit code each one ends a command with.

    DriftwoodError                 1   something that the message explains
    |-- ConfigError                2   a setting, flag or registered name is wrong: nothing was started
    |-- QueryError                 3   a query does not parse or cannot run
    |   `-- QueryTimeout           3   it was cancelled: it took too long
    |-- StoreError                 4   the store cannot be used
    |   |-- StoreLocked            4   another process owns it
    |   |-- StoreTooNew            4   a newer Driftwood wrote it
    |   |-- StoreRefused           -   something in the rows cannot be stored; they become dead letters
    |   `-- StoreFull              -   no room on the disk; ingestion waits, nothing is lost
    |-- Stopping                   -   the program is ending; what was not stored is read again by the next start
    |-- SourceError                5   a source cannot be opened (a path, a broker's refusal)
    |-- ServerUnreachable          6   no server answers at the URL
    |-- ServerError                6   the server answered with an error
    `-- DetectorError              7   a detector cannot learn from what it was given, or its saved state is not one

Bad *data* is never an exception: it is stored with `decode_error` or becomes a dead letter.
"""

from __future__ import annotations


class DriftwoodError(Exception):
    """What went wrong, where, and what to do about it."""

    exit_code = 1


class ConfigError(DriftwoodError):
    exit_code = 2


class QueryError(DriftwoodError):
    """A query that does not parse or cannot run. `message` is what other programs read; `hint` is for people.

    >>> print(QueryError('a string is needed', '{app="api"} |= error', at=15, hint='as in |= "error"'))
    a string is needed
      {app="api"} |= error
                     ^
      as in |= "error"
    """

    exit_code = 3

    def __init__(self, message: str, query: str = "", at: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.query = query
        self.at = at
        self.hint = hint

    def __str__(self) -> str:
        hint = f"\n  {self.hint}" if self.hint else ""
        if not self.query:
            return self.message + hint
        start = self.query.rfind("\n", 0, self.at) + 1
        end = self.query.find("\n", self.at)
        line = self.query[start : end if end >= 0 else len(self.query)]
        return f"{self.message}\n  {line}\n  {' ' * (self.at - start)}^{hint}"


class QueryTimeout(QueryError):
    pass


class StoreError(DriftwoodError):
    exit_code = 4


class StoreLocked(StoreError):
    pass


class StoreTooNew(StoreError):
    pass


class StoreRefused(StoreError):
    pass


class StoreFull(StoreError):
    pass


class Stopping(DriftwoodError):
    pass


class SourceError(DriftwoodError):
    exit_code = 5


class DetectorError(DriftwoodError):
    exit_code = 7


class ServerUnreachable(DriftwoodError):
    exit_code = 6


class ServerError(DriftwoodError):
    exit_code = 6

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
