"""Captured output: everything is caught, in order, at any level, and nothing is left behind."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from fingerprint_runner.runners.capture import TAIL_BYTES, captured_output


def test_python_descriptors_and_children_are_caught_in_order() -> None:
    """print, os.write and a child's output arrive in the order they were made."""
    pieces: list[bytes] = []
    with captured_output(pieces.append) as tail:
        print("one")
        os.write(1, b"two\n")
        subprocess.run([sys.executable, "-c", "print('three')"], check=True)
        print("four", file=sys.stderr)
    assert tail.text() == "one\ntwo\nthree\nfour\n"
    assert b"".join(pieces) == tail.text().encode()


def test_only_the_last_64_kib_are_kept() -> None:
    """A node that prints without end leaves a bounded tail, which ends with what came last."""
    with captured_output(None) as tail:
        for number in range(40_000):
            print(number)
    text = tail.text()
    assert len(text) == TAIL_BYTES
    assert text.endswith("39998\n39999\n")


def test_streams_are_as_before_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    """What is printed after the block goes where it went before it."""
    before = sys.stdout
    with pytest.raises(ZeroDivisionError), captured_output(None):
        print("inside")
        print(1 / 0)
    assert sys.stdout is before
    os.write(1, b"outside\n")
    assert capfd.readouterr().out == "outside\n"


def test_each_block_has_its_own_output() -> None:
    """Two blocks in a row don't mix."""
    tails = []
    for number in range(50):
        with captured_output(None) as tail:
            print("block", number)
        tails.append(tail.text())
    assert tails == [f"block {number}\n" for number in range(50)]


def test_a_failing_sink_fails_nobody() -> None:
    """The screen's trouble isn't the node's."""

    def broken(chunk: bytes) -> None:
        raise OSError("no screen")

    with captured_output(broken) as tail:
        print("still here")
    assert tail.text() == "still here\n"


def test_logging_to_stderr_is_caught() -> None:
    """A handler made inside the block writes into it."""
    with captured_output(None) as tail:
        handler = logging.StreamHandler()
        handler.emit(logging.LogRecord("n", logging.INFO, "p", 1, "logged", None, None))
    assert tail.text() == "logged\n"
