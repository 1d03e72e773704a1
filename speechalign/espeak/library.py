"""The library of eSpeak NG: loading it, and what voices it has."""

from __future__ import annotations

import ctypes
import ctypes.util
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType

from speechalign.errors import BackendError, InputError
from speechalign.language_codes import short_code

# From speak_lib.h of eSpeak NG.
_SYNCHRONOUS, _PHONEME_EVENTS, _IPA_EVENTS, _DONT_EXIT = 2, 1, 2, 0x8000
UTF8 = 1
"""How texts are encoded, for the library."""
_BUFFER = 2000  # ms
_SEED = 1
_LOCK = threading.Lock()


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


def languages() -> Mapping[str, str]:
    """List the languages that can be spoken.

    Returns
    -------
    Mapping[str, str]
        Code, such as ``en-us`` or ``de``, to the name of the voice.

    Raises
    ------
    BackendError
        eSpeak NG is not there.
    """
    return MappingProxyType({code: name for code, (_, name) in _voices().items()})


@contextmanager
def loaded_library() -> Iterator[ctypes.CDLL]:
    """Load the library, with no trace of what was said before, and unload it."""
    path, data = _locate()
    with _LOCK:
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            raise BackendError(
                f"eSpeak NG cannot be loaded: {error}; pip install 'speechalign[espeak]'"
            ) from None
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        library.espeak_Info.restype = ctypes.c_char_p
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        options = _PHONEME_EVENTS | _IPA_EVENTS | _DONT_EXIT
        if library.espeak_Initialize(_SYNCHRONOUS, _BUFFER, data, options) < 0:
            raise BackendError(
                f"{path}: eSpeak NG finds no data; pip install 'speechalign[espeak]'"
            )
        _seed(library)
        try:
            yield library
        finally:
            library.espeak_Terminate()
            handle = ctypes.c_void_p(library._handle)
            del library
            ctypes.CDLL(None).dlclose(handle)


@contextmanager
def loaded_voice(voice: str) -> Iterator[ctypes.CDLL]:
    """Load the library, and choose a voice."""
    identifier = find_voice(voice)
    with loaded_library() as library:
        if library.espeak_SetVoiceByName(identifier) != 0:
            raise BackendError(f"eSpeak NG cannot load the voice {voice!r}; choose another")
        yield library


def _seed(library: ctypes.CDLL) -> None:
    """Fix the breath of voices that have one."""
    if hasattr(library, "espeak_ng_SetRandSeed"):  # from 1.52 on
        library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    else:
        ctypes.CDLL(None).srand(_SEED)


@cache  # looking for a system library starts other programs
def _locate() -> tuple[str, bytes | None]:
    """Find the library and, where it does not know by itself, its data."""
    try:
        import espeakng_loader
    except ImportError:
        return ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1", None
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path().encode()


def encode(text: str) -> bytes:
    """Encode what the library is to read up to the first zero byte."""
    if "\0" in text:
        raise InputError(f"text: expected no NUL character, got one in {text!r}; remove it")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"text: {text!r} cannot be encoded: {error.reason}; repair it") from None


def find_voice(voice: str) -> bytes:
    """Return what the library calls a voice, with its variant."""
    language, plus, variant = voice.partition("+")
    known = _voices()
    codes = {code.lower(): code for code in known}
    code = codes.get(language.lower()) or codes.get(short_code(language))
    if code is None:
        raise InputError(
            f"eSpeak NG has no language {language!r}{_near(_called(language))}; expected a code "
            "such as de, pt-br or cmn"
        )
    if plus and variant not in _variants():
        near = _near(get_close_matches(variant, _variants(), n=5, cutoff=0.3))
        raise InputError(f"eSpeak NG has no variant {variant!r} of the voice {language!r}{near}")
    return (known[code][0] + plus + variant).encode()


def _called(language: str) -> list[str]:
    """Return the codes of languages that are called nearly so, with their names."""
    known, wanted = languages(), language.lower()
    named = [code for code, name in known.items() if wanted and wanted in name.lower()]
    names = {name.lower().partition(" ")[0]: code for code, name in reversed(list(known.items()))}
    spelt = names | {code.lower(): code for code in known}
    near = [spelt[one] for one in get_close_matches(wanted, spelt, n=3, cutoff=0.6)]
    return [f"{code} ({known[code]})" for code in list(dict.fromkeys(named or near))[:3]]


def _near(names: Sequence[str]) -> str:
    return f"; near to it: {', '.join(names)}" if names else ""


@cache
def _voices() -> Mapping[str, tuple[str, str]]:
    """Return identifier and name of the first voice for each language code."""
    found: dict[str, tuple[int, str, str]] = {}
    with loaded_library() as library:
        voices = library.espeak_ListVoices(None)
        number = 0
        while voices[number]:
            voice = voices[number].contents
            identifier, name = voice.identifier.decode(), voice.name.decode().strip()
            if not identifier.startswith("mb/"):  # those need another program and its data
                for priority, code in _codes(voice.languages):
                    found[code] = min((priority, identifier, name), found.get(code, (256, "", "")))
            number += 1
    return {code: voice for code, (_, *voice) in sorted(found.items())}  # type: ignore[misc]


def _codes(address: int) -> Iterator[tuple[int, str]]:
    """Read pairs of a priority byte and a zero-ended code, up to a priority of zero."""
    while priority := ctypes.string_at(address, 1)[0]:
        code = ctypes.string_at(address + 1)
        yield priority, code.decode()
        address += len(code) + 2


@cache
def _variants() -> tuple[str, ...]:
    """List the files that change a voice."""
    with loaded_library() as library:
        folder = ctypes.c_char_p()
        library.espeak_Info(ctypes.byref(folder))
        assert folder.value is not None
        files = Path(folder.value.decode(), "voices", "!v").iterdir()
        return tuple(sorted(file.name for file in files))
