"""Networks that are layers one after another, convolutions among them: in NumPy, in Keras and as int8 graphs.

A kind of network lists its layers (`kws.network.stack.config`); all else is here.
"""
