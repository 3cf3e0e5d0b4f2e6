"""A module a verb: ``options`` declares its arguments, ``run`` calls one module and prints what it found."""
