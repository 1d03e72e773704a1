"""The requests of the page: lists, tiers, sound, and corrections of an output folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import resources

from speechalign.server.http import HttpError, Request, Response, Route, Routes, as_json, byte_range
from speechalign.server.sound_view import LEVELS
from speechalign.server.workspace import Conflict, Rows, Workspace

# Tiers of some hours of speech; a transcript.
_TIERS_BYTES, _TEXT_BYTES = 64 << 20, 1 << 20
_MOST_PEAKS = 10_000
_FILES = {
    "/": ("speechalign.server", "view.html", "text/html; charset=utf-8"),
    "/view.css": ("speechalign.server", "view.css", "text/css; charset=utf-8"),
    "/tiers.js": ("speechalign.viz", "tiers.js", "text/javascript; charset=utf-8"),
    **{
        f"/{name}": ("speechalign.server", name, "text/javascript; charset=utf-8")
        for name in ("edits.js", "list.js", "sound.js", "view.js")
    },
}
"""Paths of the page's own files: package, name, media type."""


def view_routes(workspace: Workspace) -> Routes:
    """Return the routes of the page of an output folder."""
    routes = {
        ("GET", path): Route(partial(_static, *file), public=True) for path, file in _FILES.items()
    }

    def add(method: str, name: str, answer: Callable[[Request], Response], limit: int = 0) -> None:
        routes[method, f"/api/{name}"] = Route(answer, limit)

    add("GET", "utterances", lambda _: as_json(workspace.table()))
    add("GET", "recording", lambda request: as_json(workspace.show(request["id"])))
    add("PUT", "recording", partial(_save, workspace), _TIERS_BYTES)
    add("PUT", "checked", partial(_check, workspace), _TEXT_BYTES)
    add("POST", "align", partial(_align, workspace), _TEXT_BYTES)
    add("GET", "audio", partial(_audio, workspace))
    add("GET", "peaks", partial(_peaks, workspace))
    add("GET", "spectrogram", partial(_spectrogram, workspace))
    return routes


def _static(package: str, name: str, media_type: str, _: Request) -> Response:
    content = resources.files(package).joinpath("data", name).read_bytes()
    return Response(content, media_type, headers={"Cache-Control": "no-cache"})


def _save(workspace: Workspace, request: Request) -> Response:
    given = request.json()
    tiers: dict[str, Rows] = {}
    try:
        for tier in given["tiers"]:
            rows = [(float(row[0]), float(row[1]), _string(row[2])) for row in tier["intervals"]]
            if tier["name"] in tiers:
                raise HttpError(400, f"two tiers are called {tier['name']!r}")
            tiers[_string(tier["name"])] = rows
        revision = _string(given["revision"])
    except (KeyError, TypeError, ValueError, IndexError):
        raise HttpError(400, "expected revision, and tiers with name and intervals") from None
    try:
        return as_json(workspace.save(request["id"], revision, tiers))
    except Conflict as error:
        raise HttpError(409, str(error)) from None


def _check(workspace: Workspace, request: Request) -> Response:
    given = request.json()
    if not isinstance(given.get("checked"), bool):
        raise HttpError(400, "expected checked, true or false")
    return as_json(workspace.check(request["id"], given["checked"]))


def _align(workspace: Workspace, request: Request) -> Response:
    text = request.json().get("text")
    if not isinstance(text, str):
        raise HttpError(400, "expected a text")
    return as_json(workspace.align(request["id"], text))


def _audio(workspace: Workspace, request: Request) -> Response:
    """Return the sound as a WAV file, or bytes of it."""
    sound = workspace.sound_of(request["id"])
    first, last = 0, sound.wav_size
    span = byte_range(request.headers.get("range"), sound.wav_size)
    headers = {"Accept-Ranges": "bytes"}
    if span is not None:
        first, last = span
        headers["Content-Range"] = f"bytes {first}-{last - 1}/{sound.wav_size}"
    status = 200 if span is None else 206
    return Response(sound.wav(first, last), "audio/wav", status, last - first, headers)


def _peaks(workspace: Workspace, request: Request) -> Response:
    start, end = request.number("start"), request.number("end")
    count = request.number("count")
    if not (start < end and 1 <= count <= _MOST_PEAKS):
        raise HttpError(400, f"expected start < end, and a count of 1 to {_MOST_PEAKS}")
    peaks = workspace.sound_of(request["id"]).peaks(start, end, int(count))
    return Response(peaks.tobytes(), "application/octet-stream")


def _spectrogram(workspace: Workspace, request: Request) -> Response:
    level, number = int(request.number("level")), int(request.number("tile"))
    if not (0 <= level < LEVELS and 0 <= number < 1 << 24):
        raise HttpError(400, f"expected a level from 0 to {LEVELS - 1}, and a tile from 0")
    sound = workspace.sound_of(request["id"])
    return Response(
        sound.spectrogram(level, number), "image/png", headers={"Cache-Control": "max-age=600"}
    )


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value
