"""The one exception type a user sees as a sentence instead of a traceback."""


class KwsError(Exception):
    """Something the user can mend; the message says what was wrong and what to do."""
