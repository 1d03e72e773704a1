"""A small corpus that was aligned, and the page of it."""

import json
import shutil
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from speechalign.pipeline.align_corpus import align_corpus
from speechalign.server.http import Server
from speechalign.server.view_api import view_routes
from speechalign.server.workspace import Workspace


class Client:
    """Sends requests to a server, with its token."""

    def __init__(self, server):
        self.server = server
        self.page = f"{server.address}?token={server.token}"

    def __call__(self, method, path, body=None, **headers):
        """Return status, headers and content."""
        headers = {"Authorization": f"Bearer {self.server.token}", **headers}
        headers = {name: value for name, value in headers.items() if value is not None}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        request = Request(self.server.address + path, body, headers, method=method)
        try:
            with urlopen(request, timeout=300) as answer:
                return answer.status, answer.headers, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def json(self, method, path, body=None):
        """Return the content of an answer of success."""
        status, _, content = self(method, path, body)
        assert status == 200, content
        return json.loads(content)


@pytest.fixture
def serve():
    """Return what answers routes, until the test ends, and gives a client."""
    servers = []

    def start(routes, **options):
        server = Server(routes, **options)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        servers.append((server, thread))
        return Client(server)

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def aligned_examples(tmp_path_factory, examples, aligner):
    out = tmp_path_factory.mktemp("aligned") / "out"
    align_corpus(examples, aligner, out)
    return out


@pytest.fixture
def out(tmp_path, aligned_examples):
    """Return a copy of a folder that `align` wrote, to correct."""
    return shutil.copytree(aligned_examples, tmp_path / "out")


@pytest.fixture
def client(out, aligner, serve):
    """Return a client of the page of that folder."""
    return serve(view_routes(Workspace(out, load_aligner=lambda _: aligner)))
