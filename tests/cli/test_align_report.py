"""``align --report`` and ``align-one --plot``: what a user looks at after a run."""

import numpy as np
import pytest
import soundfile
from browser import wait_until
from click.testing import CliRunner

from speechalign.cli.main import cli

pytestmark = pytest.mark.usefixtures("loaded_once")


def run(*arguments):
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture
def long(tmp_path, examples):
    """Return a corpus of one recording of more than a minute."""
    folder = tmp_path / "book"
    folder.mkdir()
    pieces, texts = [], []
    for sound in sorted(examples.rglob("*.flac")) * 5:
        samples, rate = soundfile.read(sound, dtype="float32")
        pieces.append(samples)
        texts.append(sound.with_suffix(".lab").read_text().strip())
    soundfile.write(folder / "chapter.wav", np.concatenate(pieces), rate)
    (folder / "chapter.txt").write_text("\n".join(texts))
    return folder


def test_pictures_of_a_long_recording(long, page, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    report = tmp_path / "new/report"
    result = run("align", long, tmp_path / "out", "--report", report)
    assert result.exit_code == 0, result.output
    assert f"report: {report / 'index.html'}\n" in result.stderr
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((report / "index.html").as_uri())
    assert page.locator(".paths img").evaluate("image => image.naturalWidth") > 500
    wait_until(page, "document.querySelectorAll('[data-ready=yes]').length == 1")
    assert page.locator("section h2").all_text_contents() == ["chapter"]
    assert not [url for url in asked if not url.startswith(("file:", "blob:", "data:"))]

    picture = tmp_path / "path.png"
    result = run("align-one", long / "chapter.wav", long / "chapter.txt", "--plot", picture)
    assert result.exit_code == 0, result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_shard_has_no_report(long, tmp_path):
    result = run("align", long, tmp_path / "out", "--shard", "1/2", "--report", tmp_path / "r")
    assert result.exit_code == 2
    assert "--report: a shard has none; merge the shards first" in result.stderr
