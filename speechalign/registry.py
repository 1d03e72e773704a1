"""Registries: a name leads to an object that is imported on first use."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points

from speechalign.errors import InputError


class Registry(Mapping[str, object]):
    """Map names to objects without importing the modules that hold them.

    Other packages add names through the entry-point group of the same name as ours.

    Parameters
    ----------
    group : str
        Entry-point group, such as ``speechalign.models``.
    entries : Mapping[str, str]
        Name to ``"module:attribute"``, or ``"module"`` for the module itself.

    Examples
    --------
    >>> roots = Registry("doctest.roots", {"sqrt": "math:sqrt"})
    >>> roots["sqrt"](9.0)
    3.0
    >>> roots["cbrt"]
    Traceback (most recent call last):
    speechalign.errors.InputError: doctest.roots: no entry 'cbrt'; there is: sqrt
    """

    def __init__(self, group: str, entries: Mapping[str, str]) -> None:
        self._group = group
        self._entries = dict(entries)
        self._foreign_read = False

    def _read_entry_points(self) -> None:
        if not self._foreign_read:
            for point in entry_points(group=self._group):
                self._entries.setdefault(point.name, point.value)
            self._foreign_read = True

    def __getitem__(self, name: str) -> object:
        if name not in self._entries:
            self._read_entry_points()
        if name not in self._entries:
            known = ", ".join(sorted(self._entries))
            raise InputError(f"{self._group}: no entry {name!r}; there is: {known}")
        module, _, attribute = self._entries[name].partition(":")
        loaded = importlib.import_module(module)
        return getattr(loaded, attribute) if attribute else loaded

    def __contains__(self, name: object) -> bool:
        if name not in self._entries:
            self._read_entry_points()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._read_entry_points()
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        self._read_entry_points()
        return len(self._entries)
