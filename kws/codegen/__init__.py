"""A model as C: arrays, header, test vectors."""

from kws.codegen.export import Exported, export
from kws.codegen.library import copy_library

__all__ = ["Exported", "copy_library", "export"]
