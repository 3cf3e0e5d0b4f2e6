"""A model as C: arrays, header, test vectors."""

from kws.codegen.export import Exported, copy_library, export

__all__ = ["Exported", "copy_library", "export"]
