"""speechalign serve: the real command answers a real upload."""

import json
import signal
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest


def test_it_serves_a_model(examples):
    pytest.importorskip("multipart", reason="needs multipart")
    command = [sys.executable, "-m", "speechalign", "serve", "--token", "secret", "-q"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True,
        # A shell that runs the tests in the background has them ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        try:
            address = process.stdout.readline().strip()
            assert process.stdout.readline() == "token: secret\n"
            sound = (examples / "slt/tea.flac").read_bytes()
            parts = [
                b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nTwo cups of tea\r\n',
                b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n',
                sound, b"\r\n--b--\r\n",
            ]  # fmt: skip
            headers = {
                "Content-Type": "multipart/form-data; boundary=b",
                "Authorization": "Bearer secret",
            }
            request = Request(f"{address}v1/audio/alignments", b"".join(parts), headers)
            with urlopen(request, timeout=60) as answer:
                words = json.load(answer)["words"]
        finally:
            process.send_signal(signal.SIGINT)
    assert [word["label"] for word in words] == ["Two", "cups", "of", "tea"]
    assert process.returncode == 0
