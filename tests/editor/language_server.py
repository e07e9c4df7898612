"""`LanguageServer`: the YAML language server, spoken to as an editor does, over stdio.

Invariants: a text is opened once and never changed, so what is found belongs to it; every wait ends; what
the server asks for in between is answered, and lets it look for no schema but the one that a file names.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE_S = 60
SETTINGS = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}


class LanguageServer:
    """A running server; a context manager that ends it.

    Args:
        command: how it is started.
        folder: where the files are that are opened.
    """

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._asked = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._found: dict[str, list[dict[str, Any]]] = {}
        markdown = ["markdown", "plaintext"]
        self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
                "capabilities": {
                    "workspace": {"configuration": True},
                    "textDocument": {
                        "hover": {"contentFormat": markdown},
                        "completion": {
                            "completionItem": {"documentationFormat": markdown, "snippetSupport": True}
                        },
                    },
                },
            },
        )
        self._send({"method": "initialized", "params": {}})

    def __enter__(self) -> LanguageServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def request(self, method: str, parameters: dict[str, Any]) -> Any:
        """The server's answer."""
        self._asked += 1
        number = self._asked
        self._send({"id": number, "method": method, "params": parameters})
        self._wait(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, path: Path, text: str) -> None:
        """Open a text under a path that wasn't opened before; no file needs to be there."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def diagnostics(self, path: Path) -> list[dict[str, Any]]:
        """What is marked in a text that was opened."""
        uri = path.as_uri()
        self._wait(lambda: uri in self._found)
        return self._found[uri]

    def completions(self, path: Path, line: int, column: int) -> list[dict[str, Any]]:
        """What is offered at a place (both from 0)."""
        found = self.request("textDocument/completion", _at(path, line, column))
        items: list[dict[str, Any]] = found if isinstance(found, list) else found["items"]
        return items

    def hover(self, path: Path, line: int, column: int) -> str:
        """What is shown of a place (both from 0), as Markdown."""
        found = self.request("textDocument/hover", _at(path, line, column))
        return "" if found is None else str(found["contents"]["value"])

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _wait(self, is_there: Callable[[], bool]) -> None:
        while not is_there():
            message = self._messages.get(timeout=PATIENCE_S)
            assert message is not None, "the language server has ended"
            if "method" not in message:
                self._answers[message["id"]] = message
            elif message["method"] == "textDocument/publishDiagnostics":
                self._found[message["params"]["uri"]] = message["params"]["diagnostics"]
            elif message["method"] == "workspace/configuration":
                asked = [item.get("section") for item in message["params"]["items"]]
                result = [SETTINGS if section == "yaml" else {} for section in asked]
                self._send({"id": message["id"], "result": result})
            elif "id" in message:
                self._send({"id": message["id"], "result": None})

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while True:
            length = 0
            while line := stream.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if length == 0:
                self._messages.put(None)
                return
            self._messages.put(json.loads(stream.read(length)))


def _at(path: Path, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}}
