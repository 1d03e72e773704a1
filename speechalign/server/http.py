"""An HTTP server with routes: who may ask, how much, and how errors are answered.

Built on the standard library: the page has to work with the base install, where one person asks
at a time, and what the other requests wait for is the aligner, not the server.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import socket
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

from speechalign import __version__
from speechalign.errors import InputError, SpeechAlignError

# Seconds that a client may be silent in the middle of a request.
_PATIENCE = 30.0
# What is read of a request that was refused: bytes, and seconds of silence.
_DRAINED, _LAST_PATIENCE = 16 << 20, 2.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class HttpError(Exception):
    """An answer other than success.

    Parameters
    ----------
    status : int
        Of HTTP.
    message : str
        Why, and what to do.
    **fields
        Further fields of the JSON answer.
    """

    def __init__(self, status: int, message: str, **fields: object) -> None:
        super().__init__(message)
        self.status = status
        self.fields = fields


@dataclass(frozen=True)
class Request:
    """Request of a client.

    Parameters
    ----------
    query : Mapping[str, str]
        Parameters of the address; the last of several counts.
    headers : Mapping[str, str]
        Names in lower case.
    length : int
        Bytes of the body.
    body : BinaryIO
        Yields no more than ``length`` bytes.
    """

    query: Mapping[str, str]
    headers: Mapping[str, str]
    length: int
    body: BinaryIO

    def __getitem__(self, name: str) -> str:
        """Return a parameter; HttpError where it is missing."""
        if name not in self.query:
            raise HttpError(400, f"the parameter {name} is missing")
        return self.query[name]

    def number(self, name: str) -> float:
        """Return a parameter that is a finite number."""
        try:
            value = float(self[name])
        except ValueError:
            value = float("nan")
        if not abs(value) < float("inf"):
            raise HttpError(400, f"{name}: expected a number, got {self[name]!r}")
        return value

    def json(self) -> dict[str, Any]:
        """Return the body, a JSON object."""
        try:
            value = json.loads(self.body.read(self.length))
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise HttpError(400, "expected a JSON object")
        return value


@dataclass(frozen=True)
class Response:
    """Response to a client.

    Parameters
    ----------
    body : bytes or Iterable[bytes]
        The content; pieces need ``length``.
    type : str
        Its media type.
    status : int
        Of HTTP.
    length : int or None
        Bytes of the body, where it is not one piece.
    headers : Mapping[str, str]
        Further headers.
    """

    body: bytes | Iterable[bytes]
    type: str
    status: int = 200
    length: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: object, status: int = 200) -> Response:
    """Return a JSON answer."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace"), "application/json", status)


@dataclass(frozen=True)
class Route:
    """Handler of one method and path.

    Parameters
    ----------
    answer : callable
        From the request to the response; may raise SpeechAlignError and HttpError.
    limit : int
        Largest body, bytes.
    public : bool
        Whether no token is asked for.
    """

    answer: Callable[[Request], Response]
    limit: int = 0
    public: bool = False


Routes = Mapping[tuple[str, str], Route]
"""By method and path."""


class Server(ThreadingHTTPServer):
    """A server that answers requests of clients who have its token.

    Parameters
    ----------
    routes : Routes
        What it answers.
    host : str
        Address to bind to.
    port : int
        Port to bind to; 0 for any that is free.
    token : str or None
        What clients show as ``Authorization: Bearer TOKEN`` or in the address, ``?token=TOKEN``;
        None for a new one.
    names : Iterable[str]
        Names that the server may be called by, beside its addresses.

    Raises
    ------
    InputError
        The port is in use, or the address is not of this machine.

    Notes
    -----
    A page of another site may have the browser of the user send requests here. It lacks the token;
    and where it has its own name resolve to this machine, ``Host`` has that name.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        routes: Routes,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        names: Iterable[str] = (),
    ) -> None:
        self.routes = routes
        self.token = token or secrets.token_urlsafe(24)
        self.names = {"localhost", host, *names}
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise InputError(
                f"{host}, port {port}: cannot be listened on: {error.strerror}; choose "
                "another with --port or --host"
            ) from None

    def server_bind(self) -> None:
        """Bind without asking the network for the name of this machine."""
        TCPServer.server_bind(self)

    @property
    def address(self) -> str:
        """The address of the page, without the token."""
        host, port = self.server_address[:2]
        text = str(host)
        return f"http://{f'[{text}]' if ':' in text else text}:{port}/"

    def is_own(self, host: str) -> bool:
        """Return whether a ``Host`` header names this server: by an address, or by a name of it."""
        name = urlsplit(f"//{host}").hostname or ""
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names
        return True

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over clients that have gone."""


class _Limited:
    """A stream that ends after so many bytes."""

    def __init__(self, source: BinaryIO, length: int) -> None:
        self._source = source
        self.left = length

    def read(self, size: int = -1) -> bytes:
        size = self.left if size is None or size < 0 else min(size, self.left)
        found = self._source.read(size) if size else b""
        self.left -= len(found)
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = f"speechalign/{__version__}"
    sys_version = ""
    timeout = _PATIENCE

    def _answer(self) -> None:
        body = _Limited(cast(BinaryIO, self.rfile), 0)
        try:
            response = self._response(body)
        except HttpError as error:
            response = as_json({"error": {"message": str(error)}, **error.fields}, error.status)
        except SpeechAlignError as error:
            response = as_json({"error": {"message": str(error)}}, 422)
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise
            message = f"{error.filename or ''}: {error.strerror}".lstrip(": ")
            status = HTTPStatus.INSUFFICIENT_STORAGE
            response = as_json({"error": {"message": message}}, status)
        except Exception:
            traceback.print_exc()
            message = "an internal error; the terminal has its traceback"
            response = as_json({"error": {"message": message}}, 500)
        self._send(response, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer

    def _response(self, body: _Limited) -> Response:
        address = urlsplit(self.path)
        query = {name: found[-1] for name, found in parse_qs(address.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = headers.get("content-length", "0")
        body.left = int(length) if length.isdigit() else 1  # not 0: the connection is closed
        if not self.server.is_own(headers.get("host", "")):
            raise HttpError(403, "this server has another name; see --allow-host")
        method = "GET" if self.command == "HEAD" else self.command
        route = self.server.routes.get((method, address.path))
        if route is None:
            raise HttpError(404, f"there is no {method} {address.path[:100]}")
        given = headers.get("authorization", "").removeprefix("Bearer ") or query.get("token", "")
        if not route.public and not hmac.compare_digest(given.encode(), self.server.token.encode()):
            raise HttpError(401, "the token is missing or wrong; open the address that was printed")
        if "transfer-encoding" in headers or not length.isdigit():
            body.left = 1
            raise HttpError(411, "expected a request with a Content-Length")
        if int(length) > route.limit:
            raise HttpError(413, f"expected at most {route.limit} bytes, got {length}")
        return route.answer(Request(query, headers, int(length), cast(BinaryIO, body)))

    def _send(self, response: Response, body: _Limited) -> None:
        keep = not body.left
        pieces = [response.body] if isinstance(response.body, bytes) else response.body
        length = len(response.body) if isinstance(response.body, bytes) else response.length
        self.send_response(response.status)
        headers = {"Content-Type": response.type, "Content-Length": str(length), **_HEADERS}
        for name, value in {**headers, **response.headers}.items():
            self.send_header(name, value)
        if not keep:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in pieces:
            self.wfile.write(piece)
        if not keep:
            self._drain(body)

    def _drain(self, body: _Limited) -> None:
        """Read what the client still sends, within limits: who is cut off reads no answer."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_LAST_PATIENCE)
        body.left = _DRAINED
        with suppress(OSError):
            while body.read(1 << 16):
                pass

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte of a ``Range`` header, and the one after the last.

    Parameters
    ----------
    header : str or None
        Its value, such as ``bytes=100-``.
    size : int
        Bytes of the whole.

    Returns
    -------
    tuple or None
        None for the whole, as of a header that is not understood.

    Raises
    ------
    HttpError
        416: there are no such bytes.

    Examples
    --------
    >>> byte_range("bytes=2-3", 10), byte_range("bytes=-2", 10), byte_range(None, 10)
    ((2, 4), (8, 10), None)
    """
    unit, _, span = (header or "").partition("=")
    first, dash, last = span.strip().partition("-")
    if unit.strip() != "bytes" or not dash or not (first + last).isdigit():
        return None
    begin = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if not begin < end:
        raise HttpError(416, f"expected bytes below {size}, got {header}")
    return begin, end
