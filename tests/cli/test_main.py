"""The group: help without imports, exit statuses, and both spellings of options."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import speechalign
from speechalign.cli import main as module
from speechalign.cli.main import COMMANDS, cli
from speechalign.errors import FormatError


def run(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_help_imports_no_command():
    code = (
        "import sys; sys.argv = ['speechalign', '--help']\n"
        "from speechalign.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print([m for m in sys.modules if m == 'speechalign.cli.align'])"
    )
    out = python(code).stdout
    assert out.splitlines()[-1] == "[]"
    assert all(f"  {name} " in out and entry.help in out for name, entry in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    for flag in ("--help", "-h"):
        result = run(name, flag)
        assert result.exit_code == 0
        assert result.output.startswith(f"Usage: cli {name} ")


def test_version():
    assert run("--version").output == f"speechalign, version {speechalign.__version__}\n"


def test_unknown_command_and_option_are_usage_errors():
    assert run("aligne").exit_code == 2
    assert run("compare", "--nonsense").exit_code == 2
    assert run("compare", "/nowhere", "/nowhere").exit_code == 2


def raising(error):
    """Return a command that fails."""

    @click.command()
    @click.option("--some-option")
    def command(some_option):
        if some_option is None:
            raise error
        click.echo(some_option)

    return command


@pytest.fixture
def failing(monkeypatch):
    """Put a command that raises an error into the table, and run it."""

    def run_failing(error, *arguments):
        monkeypatch.setattr(module, "failing", raising(error), raising=False)
        entry = COMMANDS["model"]._replace(target=f"{module.__name__}:failing")
        monkeypatch.setitem(COMMANDS, "fail-now", entry)
        return run(*(arguments or ("fail-now",)))

    return run_failing


@pytest.mark.parametrize(
    ("error", "status", "stderr"),
    [
        (FormatError("x: bad\nline 2"), 4, "error: x: bad\nline 2\n"),
        (FileNotFoundError(2, "No such file or directory", "x.wav"), 4,
         "error: x.wav: No such file or directory\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)  # fmt: skip
def test_errors_end_in_a_line_and_a_status(failing, error, status, stderr):
    result = failing(error)
    assert (result.exit_code, result.stderr, result.stdout) == (status, stderr, "")


def test_a_bug_is_not_disguised(failing):
    result = failing(ZeroDivisionError("bug"))
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)
    assert isinstance(failing(OSError("no file in it")).exception, OSError)


def test_underscores_do_for_hyphens(failing):
    assert failing(None, "fail_now", "--some_option", "a_b").output == "a_b\n"
    assert failing(None, "fail-now", "--some-option", "a_b").output == "a_b\n"


def test_a_closed_pipe_is_quiet(tmp_path):
    code = (
        "import sys, click\n"
        "from speechalign.cli import main as m\n"
        "@click.command()\n"
        "def endless():\n"
        "    while True: click.echo('y' * 1000)\n"
        "m.endless = endless\n"
        "entry = m.COMMANDS['model']\n"
        "m.COMMANDS['endless'] = entry._replace(target='speechalign.cli.main:endless')\n"
        "sys.argv = ['speechalign', 'endless']\n"
        "m.main()\n"
    )
    script = tmp_path / "endless.py"
    script.write_text(code)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline().startswith(b"y")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=20) == 0
