"""The help of every command: light, in groups, and in one style."""

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from speechalign.cli.main import COMMANDS, cli

HEAVY = ("numpy", "numba", "torch", "rich", "soundfile", "matplotlib")


def commands(group=cli, way=()):
    """Return every command with the words that call it."""
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            found += commands(command, (*way, name))
        else:
            found.append(pytest.param((*way, name), command, id=" ".join((*way, name))))
    return found


def options(command):
    """Return the options of a command, but not ``--help``."""
    return [p for p in command.params if isinstance(p, click.Option) and p.name != "help"]


def test_there_are_commands_in_groups():
    ways = [parameter.values[0] for parameter in commands()]
    assert len(ways) > len(COMMANDS)
    assert {("score", "aer"), ("g2p", "train"), ("model", "list")} < set(ways)


@pytest.mark.parametrize(("way", "command"), commands())
def test_options_are_phrases_that_state_their_default(way, command):  # noqa: ARG001
    for option in options(command):
        text = option.help
        assert re.fullmatch(r"[A-Z][^\n]*[.]", text), (option.name, text)
        assert not re.search(r"[Ww]ithout:|\bOf the\b", text), (option.name, text)
        stated = re.search(r"\((default: .+|required.*)\)", text)
        assert option.is_flag or stated, (option.name, text)


@pytest.mark.parametrize(("way", "command"), commands())
def test_many_options_are_in_groups(way, command):
    result = CliRunner().invoke(cli, [*way, "--help"])
    assert result.exit_code == 0
    headings = re.findall(r"^(\w+):$", result.output, re.M)
    shown = re.findall(r"^  (?:-\w, )?(--[\w-]+)", result.output, re.M)
    assert sorted(shown) == sorted([*(o.opts[-1] for o in options(command)), "--help"])
    if len(shown) > 6:
        assert headings[-1] == "Run"
        assert "Options" not in headings
        for option in options(command):
            assert option.group is not None, option.name
    assert not re.search(r"\[x|\[required|\[default", result.output)


@pytest.mark.parametrize("way", [" ".join(p.values[0]) for p in commands()])
def test_help_imports_nothing_heavy(way):
    code = (
        f"import sys; sys.argv = ['speechalign', *{way.split()}, '--help']\n"
        "from speechalign.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
