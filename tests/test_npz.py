"""Files of NumPy with a wrong byte: named, or made again, whatever NumPy and zipfile say to it."""

from __future__ import annotations

import numpy as np
import pytest

from kws import runs
from kws.errors import KwsError
from kws.network import LstmConfig
from kws.quantize import noise
from kws.training import checkpoint, features, long_features

ARRAY = np.zeros((1, 1, 2, 3), np.int8)
CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


def _set(content: bytes, begin: bytes, offset: int, value: int) -> bytes:
    """Content with another byte in the first of the headers that begin so."""
    changed = bytearray(content)
    changed[content.index(begin) + offset] = value
    return bytes(changed)


DAMAGES = {
    "a compression that there is not": lambda c: _set(c, CENTRAL, 10, 77),
    "a version that there is not": lambda c: _set(c, CENTRAL, 6, 218),
    "encrypted": lambda c: _set(_set(c, CENTRAL, 8, 1), LOCAL, 6, 1),
    "deflated": lambda c: _set(_set(c, CENTRAL, 10, 8), LOCAL, 8, 8),
    "a header that does not end": lambda c: _set(c, b"), }", 0, ord("(")),
    "cut off": lambda c: c[: len(c) // 2],
    "nothing": lambda c: b"",
}


@pytest.fixture(params=DAMAGES.values(), ids=DAMAGES)
def damaged(request, tmp_path):
    path = tmp_path / "good.npz"
    np.savez(path, features=ARRAY, ends=ARRAY[0, :, :1, 0], bounds=ARRAY[0, 0, 0])
    return request.param(path.read_bytes())


def test_a_checkpoint(damaged, tmp_path):
    path = tmp_path / runs.CHECKPOINT
    path.parent.mkdir()
    path.write_bytes(damaged)
    with pytest.raises(KwsError, match=r"last\.npz is damaged .* train with --restart"):
        checkpoint.load(tmp_path)


def test_weights(damaged, tmp_path):
    (tmp_path / runs.WEIGHTS).write_bytes(damaged)
    with pytest.raises(KwsError, match="does not hold a network's weights"):
        LstmConfig.float_network.load(tmp_path / runs.WEIGHTS)


def test_caches(damaged, tmp_path):
    """They are made again."""
    path = tmp_path / "clips.npz"
    path.write_bytes(damaged)
    assert features._cached(path, ARRAY.shape) is None
    (tmp_path / "long-0.int8").touch()
    (tmp_path / "long-0.npz").write_bytes(damaged)

    def write(file):
        file.write(bytes(6))
        return {"bounds": np.array([0, 2])}

    made, table = long_features.kept(tmp_path, "long", "0", 3, lambda _: True, write, False)
    assert (made.shape, table["bounds"].tolist()) == ((2, 3), [0, 2])


def test_a_single_array_whose_header_does_not_end(tmp_path):
    path = tmp_path / runs.CALIBRATION
    np.save(path, ARRAY)
    path.write_bytes(DAMAGES["a header that does not end"](path.read_bytes()))
    with pytest.raises(KwsError, match=r"cannot read .*calibration\.npy .*; run `kws train` again"):
        noise.of_run(tmp_path, None)
