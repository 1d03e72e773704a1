"""Alignment by request: a recording and its transcript in, times of words out, like OpenAI's audio.

Models stay loaded. So many requests are aligned at once, so many wait for their turn; others are
told to come again. An upload is a temporary file of a private folder, which goes with the request.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from threading import BoundedSemaphore, Lock

from speechalign import __version__
from speechalign.aligners.aligner import Aligner
from speechalign.aligners.result import AlignedUtterance
from speechalign.audio.sound_file import sound_info
from speechalign.errors import BackendError, SpeechAlignError
from speechalign.formats import FORMATS, write_alignment
from speechalign.server.http import HttpError, Request, Response, Route, Routes, as_json

try:
    from multipart import MultipartError, MultipartParser, MultipartPart, parse_options_header
except ImportError as missing:
    raise BackendError(f"serve: {missing}; pip install 'speechalign[serve]'") from None

RESPONSES = {
    "json": "application/json",
    "textgrid": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
"""Media type of each ``response_format``."""

_FIELDS = ("file", "text", "model", "language", "response_format")
_MIB = 1 << 20
_TEXT_BYTES = _MIB
_LANGUAGES = 32  # aligners of a model for other languages that are kept


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Parameters
    ----------
    upload : int
        Largest request, bytes.
    seconds : float
        Longest recording.
    at_once : int
        Requests that are aligned at the same time.
    waiting : int
        Requests that wait for their turn.
    patience : float
        Seconds that a request waits at most.
    """

    upload: int = 100 * _MIB
    seconds: float = 3600.0
    at_once: int = 2
    waiting: int = 100
    patience: float = 120.0


class AlignmentService:
    """Aligns what clients send, with models that stay loaded.

    Parameters
    ----------
    models : Sequence[str]
        Names of the models that clients may choose, as `load_model` takes them; the first is the
        default. All are loaded now.
    load_aligner : callable
        From such a name and a language, or None for the model's, to an `Aligner`.
    limits : Limits
        What the server takes on.

    Raises
    ------
    InputError, BackendError
        A model cannot be loaded.
    """

    def __init__(
        self,
        models: Sequence[str],
        load_aligner: Callable[[str, str | None], Aligner],
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._load = load_aligner
        # Names as clients say them: a folder's own name, not the way to it.
        self._sources = {
            Path(model).name if Path(model).is_dir() else model: model for model in models
        }
        self._aligners = {(name, ""): load_aligner(m, None) for name, m in self._sources.items()}
        self._loading = Lock()
        self._turn = BoundedSemaphore(self.limits.at_once)
        self._taken = BoundedSemaphore(self.limits.at_once + self.limits.waiting)

    def routes(self) -> Routes:
        """Return the routes of the service."""
        return {
            ("GET", "/health"): Route(self._health, public=True),
            ("GET", "/openapi.json"): Route(self._description, public=True),
            ("GET", "/v1/models"): Route(self._models),
            ("POST", "/v1/audio/alignments"): Route(self._align, self.limits.upload),
        }

    def _health(self, _: Request) -> Response:
        return as_json({"status": "ok", "version": __version__})

    def _description(self, _: Request) -> Response:
        text = resources.files("speechalign.server").joinpath("data", "openapi.json").read_text()
        return as_json(json.loads(text.replace("VERSION", __version__)))

    def _models(self, _: Request) -> Response:
        found = [
            {"id": name, "object": "model", "owned_by": "speechalign",
             "language": self._aligners[name, ""].language}
            for name in self._sources
        ]  # fmt: skip
        return as_json({"object": "list", "data": found})

    def _align(self, request: Request) -> Response:
        if not self._taken.acquire(blocking=False):
            raise HttpError(429, f"{self.limits.waiting} requests wait already; try again later")
        try:
            with tempfile.TemporaryDirectory(prefix="speechalign-") as folder:
                return self._answer(request, Path(folder))
        finally:
            self._taken.release()

    def _answer(self, request: Request, folder: Path) -> Response:
        given = _form(request, folder)
        for name in ("file", "text"):
            if name not in given:
                raise HttpError(400, f"the field {name} is missing")
        kind = given.get("response_format", "json")
        if kind not in RESPONSES:
            raise HttpError(400, f"response_format: expected {', '.join(RESPONSES)}, got {kind!r}")
        aligner = self._aligner(given.get("model"), given.get("language"))
        upload = folder / "file"
        try:
            seconds = sound_info(upload).duration
            if seconds > self.limits.seconds:
                longest = f"{self.limits.seconds:g} s of sound"
                raise HttpError(413, f"file: expected at most {longest}, got {seconds:.0f} s")
            with self._own_turn():
                result = aligner.align(upload, given["text"])
        except SpeechAlignError as error:
            # Clients know the field, not the temporary file.
            raise HttpError(422, str(error).replace(str(upload), "file")) from None
        if kind == "json":
            return as_json(_described(result, aligner))
        written = folder / "alignment"
        write_alignment(result.alignment, written, format=kind)
        return Response(written.read_bytes(), RESPONSES[kind])

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self.limits.patience):
            raise HttpError(503, f"no turn within {self.limits.patience:g} s; try again later")
        try:
            yield
        finally:
            self._turn.release()

    def _aligner(self, model: str | None, language: str | None) -> Aligner:
        name = model or next(iter(self._sources))
        if name not in self._sources:
            raise HttpError(404, f"model: expected {', '.join(self._sources)}, got {name!r}")
        key = name, language or ""
        with self._loading:
            found = self._aligners.get(key)
            if found is None:
                try:
                    found = self._load(self._sources[name], language)
                except SpeechAlignError as error:
                    raise HttpError(400, str(error)) from None
                if len(self._aligners) < _LANGUAGES + len(self._sources):
                    self._aligners[key] = found
            return found


def _form(request: Request, folder: Path) -> dict[str, str]:
    """Read the fields of a form; the upload goes to ``file`` in the folder."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise HttpError(415, "expected a form, multipart/form-data with file and text")
    parts: list[MultipartPart] = []
    found: dict[str, str] = {}
    try:
        parser = MultipartParser(
            request.body, boundary, request.length, part_limit=len(_FIELDS) + 3, strict=True
        )
        for part in parser:
            parts.append(part)
            if part.name not in _FIELDS or part.name in found:
                raise HttpError(400, f"expected each of {', '.join(_FIELDS)} once at most, "
                                f"got {part.name!r}")  # fmt: skip
            if part.name == "file":
                with (folder / "file").open("xb") as sink:
                    shutil.copyfileobj(part.file, sink)
                found["file"] = "file"
            elif part.size > _TEXT_BYTES:
                raise HttpError(413, f"{part.name}: expected at most {_TEXT_BYTES} bytes")
            else:
                found[part.name] = part.value
    except (MultipartError, UnicodeDecodeError) as error:
        raise HttpError(400, f"not a form that can be read: {error}") from None
    finally:
        for part in parts:
            part.close()
    return found


def _described(result: AlignedUtterance, aligner: Aligner) -> dict[str, object]:
    return {
        "model": aligner.model.name,
        "language": aligner.language,
        **result.to_dict(),
        "tiers": {
            name: [{"label": i.label, "start": i.start, "end": i.end} for i in intervals]
            for name, intervals in result.alignment.tiers.items()
        },
    }


assert set(RESPONSES) <= set(FORMATS)
