"""Arrays that memory has no room for, set aside in a file without a name, so that they can be had back and need not be made again."""

from __future__ import annotations

import mmap
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

MAPPED = 1 << 20
"""Bytes; what takes more is mapped when it is had back, and what takes less is read: each mapping holds the file open once more."""
SHARE_OF_DISK = 0.5
"""Of what is free where the file lies, the share that it may take."""
_LINE = 64
_PLAIN = (str, int, float, bool, bytes, type(None))


@dataclass(frozen=True, slots=True)
class Aside:
    """Where arrays lie in the file: *size* bytes from *at* on, and what is to be made of them *together*."""

    at: int
    size: int
    arrays: tuple[_Lies, ...]
    together: _Together


@dataclass(frozen=True, slots=True)
class _Lies:
    """Where one array begins in those bytes, and what it is."""

    begin: int
    kind: np.dtype[Any]
    shape: tuple[int, ...]
    writeable: bool


_Together = Callable[[Sequence["Array"]], Any]


class Shelf:
    """A file in *folder* that has no name, is gone with the process, and is made when something is first set aside."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._end, self._most = folder, 0, 0
        self._file: IO[bytes] | None = None

    def put(self, value: Any) -> Aside | None:
        """Set *value* aside, which is made of arrays; None where it is not, or cannot be for want of room on the disk."""
        arrays: list[Array] = []
        try:
            together = _apart(value, arrays)
            return self._written(arrays, together) if arrays else None
        except TypeError:
            return None
        except OSError:
            self._most = self._end
            return None

    def _written(self, arrays: Sequence[Array], together: _Together) -> Aside | None:
        if self._file is None:
            self._most = int(SHARE_OF_DISK * shutil.disk_usage(self._folder).free)
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - closed with the shelf
            weakref.finalize(self, self._file.close)
        begins, size = [], 0
        for array in arrays:
            begins.append(size)
            size = _whole(size + array.nbytes, _LINE)
        end = _whole(self._end + size, mmap.ALLOCATIONGRANULARITY)
        if end > self._most:
            return None
        for begin, array in zip(begins, arrays, strict=True):
            self._file.seek(self._end + begin)
            _write(self._file, array.reshape(-1).view("u1").data)
        self._file.truncate(end)
        at, self._end = self._end, end
        lie = tuple(_Lies(begin, a.dtype, a.shape, a.flags.writeable) for begin, a in zip(begins, arrays, strict=True))
        return Aside(at, size, lie, together)

    def had_back(self, aside: Aside) -> Any:
        """The value that was set *aside*; what is changed of it is not changed in the file."""
        import numpy as np

        assert self._file is not None, "something was set aside"
        whole: mmap.mmap | bytearray
        if aside.size >= MAPPED:
            whole = mmap.mmap(self._file.fileno(), aside.size, access=mmap.ACCESS_COPY, offset=aside.at)
        else:
            self._file.seek(aside.at)
            whole = bytearray(self._file.read(aside.size))
        arrays = []
        for lies in aside.arrays:
            many = int(np.prod(lies.shape, dtype=np.int64))
            array = np.frombuffer(whole, lies.kind, many, lies.begin).reshape(lies.shape)
            array.flags.writeable = lies.writeable
            arrays.append(array)
        return aside.together(arrays)


def _apart(value: Any, arrays: list[Array]) -> _Together:
    """What makes *value* of its *arrays*, which are added. Raises TypeError where it is made of something else as well."""
    import numpy as np

    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and 0 not in value.strides:
        place = len(arrays)
        arrays.append(np.ascontiguousarray(value))
        return lambda held: held[place]
    if isinstance(value, _PLAIN) or (type(value) is tuple and all(isinstance(one, _PLAIN) for one in value)):
        return lambda _: value
    if type(value) in (tuple, list):
        each, kind = [_apart(one, arrays) for one in value], type(value)
        return lambda held: kind(one(held) for one in each)
    if is_dataclass(value) and not isinstance(value, type):
        named = {one.name: _apart(getattr(value, one.name), arrays) for one in fields(value) if one.init}
        like = replace(value, **dict.fromkeys(named))
        return lambda held: replace(like, **{name: one(held) for name, one in named.items()})
    if isinstance(value, np.ndarray) and 0 in value.strides:  # it takes no room
        return lambda _: value
    raise TypeError(f"{type(value).__name__} is no array")


def _write(file: IO[bytes], raw: memoryview) -> None:
    while raw.nbytes:
        raw = raw[file.write(raw) :]


def _whole(size: int, of: int) -> int:
    return -(-size // of) * of
