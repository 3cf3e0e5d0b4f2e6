"""``kws studio``: the verbs on a local page. The folder on disk is the only truth: no database, no second way."""
