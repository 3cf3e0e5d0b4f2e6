"""kws: keyword spotting from recordings to a flashed microcontroller, checked bit for bit."""

__version__ = "0.1.0"
