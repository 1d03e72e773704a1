"""Alignment by request: what comes back, what is refused, and that nothing is lost under load."""

import io
import json
import re
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import soundfile

from speechalign.errors import InputError
from speechalign.formats import read_alignment

pytest.importorskip("multipart", reason="needs multipart")

from speechalign.server.align_api import AlignmentService, Limits


def form(**fields):
    """Return the body and the type of a form; bytes are a file."""
    boundary = secrets.token_hex(8)
    body = b""
    for name, value in fields.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(value, bytes):
            head += '; filename="../../etc/x.flac"\r\nContent-Type: audio/flac'
        content = value if isinstance(value, bytes) else value.encode()
        body += head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def post(client, **fields):
    body, kind = form(**fields)
    return client("POST", "v1/audio/alignments", body, **{"Content-Type": kind})


@pytest.fixture
def tea(examples):
    return (examples / "slt/tea.flac").read_bytes(), (examples / "slt/tea.lab").read_text()


@pytest.fixture
def start(serve, aligner, tmp_path, monkeypatch):
    """Return what starts a service; uploads lie below ``tmp_path/uploads``."""
    (tmp_path / "uploads").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "uploads"))

    def load(name, language):
        if language not in (None, "en"):
            raise InputError(f"language: expected 'en', got {language!r}")
        assert name == "english-sphinx"
        return aligner

    def run(**limits):
        service = AlignmentService(["english-sphinx"], load, Limits(**limits))
        return serve(service.routes())

    yield run
    assert list((tmp_path / "uploads").iterdir()) == []  # every upload is deleted


def test_the_words_of_a_request(start, tea, aligner, examples, tmp_path):
    client = start()
    sound, text = tea
    status, headers, content = post(client, file=sound, text=text)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    found = json.loads(content)
    expected = aligner.align(examples / "slt/tea.flac", text)
    assert (found["model"], found["language"]) == ("english-sphinx", "en")
    assert found["words"] == json.loads(json.dumps(expected.to_dict()["words"]))
    spans = [(i.label, i.start, i.end) for i in expected.alignment.tiers["phones"]]
    assert [tuple(phone.values()) for phone in found["tiers"]["phones"]] == spans

    _, _, content = post(client, file=sound, text=text, response_format="textgrid", language="en")
    (tmp_path / "a.TextGrid").write_bytes(content)
    assert (
        read_alignment(tmp_path / "a.TextGrid").tiers["phones"]
        == expected.alignment.tiers["phones"]
    )
    for kind, type_ in (("srt", "application/x-subrip"), ("vtt", "text/vtt")):
        _, headers, content = post(client, file=sound, text=text, response_format=kind)
        assert headers["Content-Type"] == f"{type_}; charset=utf-8"
        assert "-->" in content.decode()


def test_what_is_wrong_is_named(start, tea):
    client = start(seconds=4.0)
    sound, text = tea

    def refused(status, message, **fields):
        found, _, content = post(client, **fields)
        answer = json.loads(content)["error"]["message"]
        assert found == status, answer
        assert re.search(message, answer), answer

    refused(413, r"file: expected at most 4 s of sound, got 5 s", file=sound, text=text)
    refused(400, "the field text is missing", file=sound)
    refused(400, "the field file is missing", text=text)
    refused(400, "each of file, text.* got 'prompt'", file=sound, text=text, prompt="x")
    refused(
        400, "response_format: expected json, textgrid", file=sound, text=text, response_format="x"
    )
    refused(404, "model: expected english-sphinx, got '/etc'", file=sound, text=text, model="/etc")
    refused(400, "language: expected 'en'", file=sound, text=text, language="xx")
    refused(422, r"^file: not a sound file", file=b"no sound at all", text=text)
    refused(422, r"^file: the file has zero bytes", file=b"", text=text)
    refused(413, "text: expected at most", file=sound, text="a" * (2 << 20))
    status, _, _ = client(
        "POST", "v1/audio/alignments", b"{}", **{"Content-Type": "application/json"}
    )
    assert status == 415
    kind = "multipart/form-data; boundary=x"
    status, _, _ = client("POST", "v1/audio/alignments", b"--y\r\n", **{"Content-Type": kind})
    assert status == 400
    assert client("POST", "v1/audio/alignments", Authorization=None)[0] == 401


def test_a_transcript_that_does_not_fit_is_the_client_s_fault(start, tea):
    status, _, content = post(start(), file=tea[0], text="many words " * 500)
    assert status == 422
    assert "/" not in json.loads(content)["error"]["message"].split(";")[0]  # no path of ours


def test_large_uploads_are_refused_before_they_are_read(start):
    client = start(upload=10_000)
    status, _, content = post(client, file=bytes(3 << 20), text="x")
    assert status == 413
    assert "expected at most 10000 bytes" in json.loads(content)["error"]["message"]


def test_fifty_at_once_are_all_aligned(start, examples):
    sink = io.BytesIO()
    samples, rate = soundfile.read(examples / "slt/tea.flac", stop=12000)
    soundfile.write(sink, samples, rate, format="FLAC")
    client = start(at_once=2, waiting=60)
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda _: post(client, file=sink.getvalue(), text="Two"), range(50)))
    assert [status for status, _, _ in found] == [200] * 50
    assert len({content for _, _, content in found}) == 1


@pytest.fixture
def busy(start, tea, aligner, monkeypatch):
    """Return what starts a service that has a request to align, until the test ends."""
    begun, go_on = Event(), Event()
    align = type(aligner).align

    def slow(self, *given, **options):
        begun.set()
        go_on.wait(60)
        return align(self, *given, **options)

    monkeypatch.setattr(type(aligner), "align", slow)
    with ThreadPoolExecutor(1) as pool:

        def run(**limits):
            client = start(at_once=1, **limits)
            requests.append(pool.submit(post, client, file=tea[0], text=tea[1]))
            assert begun.wait(60)
            return client

        requests = []
        yield run
        go_on.set()
        assert requests[0].result()[0] == 200


def test_more_than_may_wait_are_told_to_come_again(busy, tea):
    status, _, content = post(busy(waiting=0), file=tea[0], text=tea[1])
    assert status == 429
    assert "0 requests wait already" in json.loads(content)["error"]["message"]


def test_who_waits_too_long_is_told(busy, tea):
    status, _, content = post(busy(waiting=1, patience=0.1), file=tea[0], text=tea[1])
    assert status == 503
    assert "no turn within 0.1 s" in json.loads(content)["error"]["message"]


def test_models_and_description(start):
    client = start()
    (model,) = client.json("GET", "v1/models")["data"]
    assert (model["id"], model["language"]) == ("english-sphinx", "en")
    status, _, content = client("GET", "health", Authorization=None)
    assert (status, json.loads(content)["status"]) == (200, "ok")
    _, _, content = client("GET", "openapi.json", Authorization=None)
    described = json.loads(content)
    paths = {(m.upper(), p) for p, methods in described["paths"].items() for m in methods}
    assert paths == set(client.server.routes)
    for (method, path), route in client.server.routes.items():
        assert (described["paths"][path][method.lower()].get("security") == []) is route.public
