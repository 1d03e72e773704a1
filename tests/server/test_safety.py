"""Who may ask the server, and what no request reaches."""

import json
import shutil
import socket
from urllib.parse import quote

import pytest
import soundfile

from speechalign.errors import InputError
from speechalign.pipeline.manifest import MANIFEST
from speechalign.server.http import HttpError, Server, byte_range
from speechalign.server.view_api import view_routes
from speechalign.server.workspace import Workspace


def rewrite(out, **values):
    """Change every line of a manifest."""
    path = out / MANIFEST
    lines = [json.loads(line) | values for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def raw(client, text):
    """Send bytes; return what comes back until the server closes."""
    host, port = client.server.server_address[:2]
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(text.encode())
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces).decode()


def api_paths(client):
    return [(m, p) for (m, p), route in client.server.routes.items() if not route.public]


def test_every_request_of_data_needs_the_token(client):
    paths = api_paths(client)
    assert len(paths) == 8
    for method, path in paths:
        for given in (None, "Bearer ", "Bearer wrong", f"Basic {client.server.token}"):
            assert client(method, path[1:], Authorization=given)[0] == 401
    assert (
        client("GET", f"api/utterances?token={client.server.token}", Authorization=None)[0] == 200
    )


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example"])
def test_another_name_for_this_machine_is_refused(client, host):
    assert client("GET", "api/utterances", Host=host)[0] == 403
    assert client("GET", "", Host=host)[0] == 403  # the page itself, too


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:99", "[::1]"])
def test_its_own_names_are_not(client, host):
    assert client("GET", "api/utterances", Host=host)[0] == 200


def test_it_listens_on_this_machine_only(client):
    assert client.server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/view.css/../../x",
        "/..%5c..%5cetc%5cpasswd", "/data/view.html", "/http.py", "/view.css%00.html",
        "/static/../view.css",
    ],
)  # fmt: skip
def test_no_path_leads_to_other_files(client, path):
    answer = raw(
        client,
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {client.server.token}\r\n\r\n",
    )
    assert answer.startswith("HTTP/1.1 404")


@pytest.mark.parametrize(
    "name", ["../out/slt/tea", "/etc/passwd", "slt/tea.TextGrid", "slt/../slt/tea"]
)
def test_no_name_leads_to_other_recordings(client, name):
    for path in ("recording", "audio", "peaks", "spectrogram"):
        query = "&start=0&end=1&count=9&level=0&tile=0"
        status, _, content = client("GET", f"api/{path}?id={quote(name, safe='')}{query}")
        assert status == 422
        assert b"no such recording" in content


def test_a_manifest_cannot_name_files_elsewhere(client, out, tmp_path):
    secret = shutil.copy(out / "slt/tea.TextGrid", tmp_path / "secret.TextGrid")
    for name in ("../secret.TextGrid", str(secret)):
        rewrite(out, outputs=[name])
        found = client.json("GET", "api/recording?id=slt/tea")
        assert "outside" in found["problem"]
        assert found["revision"] is None
        body = {"revision": "x", "tiers": []}
        assert client("PUT", "api/recording?id=slt/tea", body)[0] == 422
    assert secret.read_text() == (out / "slt/tea.TextGrid").read_text()


def test_links_out_of_the_folders_are_not_followed(out, tmp_path, serve, examples):
    outside = shutil.copy(out / "slt/tea.TextGrid", tmp_path / "secret.TextGrid")
    (out / "slt/tea.TextGrid").unlink()
    (out / "slt/tea.TextGrid").symlink_to(outside)
    corpus = tmp_path / "corpus"
    (corpus / "slt").mkdir(parents=True)
    (corpus / "slt/tea.flac").symlink_to(examples / "slt/tea.flac")
    client = serve(view_routes(Workspace(out, corpus)))
    found = client.json("GET", "api/recording?id=slt/tea")
    assert "outside" in found["problem"]
    assert "outside" in found["sound"]["problem"]
    assert client("GET", "api/audio?id=slt/tea")[0] == 422
    shutil.copy(examples / "slt/harbour.flac", corpus / "slt")
    assert client("GET", "api/audio?id=slt/harbour")[0] == 200


def test_only_sound_is_sent(out, tmp_path, serve):
    (tmp_path / "secret.flac").write_text("not a sound")
    rewrite(out, audio=str(tmp_path / "secret.flac"))
    client = serve(view_routes(Workspace(out)))
    status, _, content = client("GET", "api/audio?id=slt/tea")
    assert status == 422
    assert b"not a sound file" in content


def test_large_and_endless_requests_are_refused(client):
    for length in ("99999999999", "-1", "1e9", ""):
        answer = raw(
            client,
            "PUT /api/recording?id=slt/tea HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {client.server.token}\r\nContent-Length: {length}\r\n\r\n",
        )
        assert answer.startswith("HTTP/1.1 41")
    answer = raw(
        client,
        "PUT /api/recording?id=slt/tea HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {client.server.token}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    )
    assert answer.startswith("HTTP/1.1 411")


@pytest.mark.parametrize(
    "tiers",
    [
        [{"name": "words", "intervals": [[0.5, 0.4, "a"]]}],
        [{"name": "words", "intervals": [[0, 1, "a"], [0.5, 2, "b"]]}],
        [{"name": "words", "intervals": [[0, 1e9, "a"]]}],
        [{"name": "words", "intervals": [[0, "nan", "a"]]}],
        [{"name": "words", "intervals": [[0, 1, None]]}],
        [{"name": "words", "intervals": [[0, 1, "a\0b"]]}],
        [{"name": "words", "intervals": [[0, 1]]}],
        [{"name": "words", "intervals": []}, {"name": "words", "intervals": []}],
        [{"name": None, "intervals": []}],
        "words",
    ],
)
def test_tiers_that_are_none_leave_the_file(client, out, tiers):
    before = (out / "slt/tea.TextGrid").read_bytes()
    revision = client.json("GET", "api/recording?id=slt/tea")["revision"]
    body = {"revision": revision, "tiers": tiers}
    assert client("PUT", "api/recording?id=slt/tea", body)[0] in (400, 422)
    assert client("PUT", "api/recording?id=slt/tea", b"[" * 100_000)[0] == 400
    assert (out / "slt/tea.TextGrid").read_bytes() == before


def test_answers_forbid_scripts_of_others_and_guessed_types(client):
    _, headers, _ = client("GET", "")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"  # the address has the token


def test_a_port_in_use_is_named(client):
    port = client.server.server_address[1]
    with pytest.raises(InputError, match=f"port {port}: cannot be listened on: .* --port"):
        Server({}, port=port)


def test_a_range_of_the_sound_is_those_bytes(client, examples):
    status, _, whole = client("GET", "api/audio?id=slt/tea")
    assert status == 200
    with soundfile.SoundFile(examples / "slt/tea.flac") as sound:
        assert len(whole) == 44 + 2 * sound.frames
    for span in ("10-50", "43-44", "45-46", "1001-2000", f"{len(whole) - 3}-"):
        status, headers, part = client("GET", "api/audio?id=slt/tea", Range=f"bytes={span}")
        first, last = span.split("-")
        assert part == whole[int(first) : int(last) + 1 if last else None]
        assert status == 206
        assert (
            headers["Content-Range"] == f"bytes {first}-{int(first) + len(part) - 1}/{len(whole)}"
        )
    assert client("GET", "api/audio?id=slt/tea", Range=f"bytes={len(whole)}-")[0] == 416


@pytest.mark.parametrize("header", ["bytes=a-b", "items=0-1", "bytes=-", "bytes=0-1,3-4", "0-1"])
def test_a_range_that_is_none_is_the_whole(header):
    assert byte_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=5-4", "bytes=10-", "bytes=-0"])
def test_a_range_without_a_byte_is_refused(header):
    with pytest.raises(HttpError, match="expected bytes below 10"):
        byte_range(header, 10)
