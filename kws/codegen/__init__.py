"""A model as C: arrays, header, test vectors."""

from kws.codegen.export import Exported, export

__all__ = ["Exported", "export"]
