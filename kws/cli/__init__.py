"""The command line: a module a verb in :mod:`kws.cli.verbs`, one line a verb in :mod:`kws.cli.registry`."""
