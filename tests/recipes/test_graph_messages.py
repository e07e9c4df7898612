"""The exact words for the mistakes that people make most."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.recipes.graph_file import read_graph_file

HEAD = "version: 1\nnodes:\n  corpus: {uses: 'pipeline:load'}\n"

MESSAGES = {
    "misspelt key": (
        HEAD + "  features:\n    uses: pipeline:Vectorizer\n    confg: {ngrams: [1, 2]}\n",
        """\
fr.yml:6:5: 'confg' isn't a key of a node (node 'features', key 'confg')
  hint: did you mean 'config'?
nothing ran and nothing changed""",
    ),
    "misspelt need": (
        HEAD + "  features:\n    uses: pipeline:Vectorizer\n    needs: [corpsu]\n",
        """\
fr.yml:6:13: it needs 'corpsu', which is no node and no input (node 'features', key 'needs.corpsu')
  hint: did you mean 'corpus'?
nothing ran and nothing changed""",
    ),
    "cycle": (
        "version: 1\nnodes:\n  a:\n    uses: m:f\n    needs: [b]\n  b: {uses: 'm:f', needs: [a]}\n",
        """\
fr.yml:5:5: these nodes need each other: a -> b -> a (node 'a', key 'needs')
  hint: take one of these needs away
nothing ran and nothing changed""",
    ),
    "no version": (
        "nodes:\n  a: {uses: 'm:f'}\n",
        """\
fr.yml:1:1: the graph file doesn't say its version (key 'version')
  hint: begin it with `version: 1`
nothing ran and nothing changed""",
    ),
    "no component": (
        HEAD + "  report:\n    needs: [corpus]\n",
        """\
fr.yml:4:3: this node doesn't say which component it `uses` (node 'report')
  hint: add `uses: module:attribute`
nothing ran and nothing changed""",
    ),
    "unquoted key of a node": (
        HEAD + "  features:\n    uses: pipeline:Vectorizer\n    needs: {corpus: corpus[train]}\n",
        """\
fr.yml:6:27: this isn't YAML: brackets inside brackets need quotes
  6 |     needs: {corpus: corpus[train]}
    |                           ^
  hint: write "corpus[train]"
nothing ran and nothing changed""",
    ),
    "key of a node in a list": (
        HEAD + "  features:\n    uses: pipeline:Vectorizer\n    needs:\n      - corpus[train]\n",
        """\
fr.yml:7:9: 'corpus[train]' in a list doesn't say which parameter gets it (node 'features', key 'needs.0')
  hint: write a mapping: `needs: {train: "corpus[train]"}`
nothing ran and nothing changed""",
    ),
    "tab": (
        HEAD + "  features:\n\tuses: pipeline:Vectorizer\n",
        """\
fr.yml:5:1: this isn't YAML: a tab can't indent
  5 | →uses: pipeline:Vectorizer
    | ^
  hint: indent with spaces
nothing ran and nothing changed""",
    ),
    "duplicate node": (
        HEAD + "  corpus: {uses: 'pipeline:load'}\n",
        """\
fr.yml:4:3: the key 'corpus' stands here a second time
  4 |   corpus: {uses: 'pipeline:load'}
    |   ^
  hint: the first is in line 3; keep one of the two
nothing ran and nothing changed""",
    ),
    "yes for true": (
        HEAD + "  report:\n    uses: pipeline:report\n    is_target: yes\n",
        """\
fr.yml:6:5: `is_target` is the text 'yes', not true or false (node 'report', key 'is_target')
  hint: write true or false; 'yes' is a text in YAML 1.2
nothing ran and nothing changed""",
    ),
    "path for a module": (
        "version: 1\nnodes:\n  a:\n    uses: src/pipeline.py:load\n",
        """\
fr.yml:4:5: 'src/pipeline.py:load' isn't an import path (node 'a', key 'uses')
  hint: write the module as `import` does: pipeline.features:build, not pipeline/features.py:build
nothing ran and nothing changed""",
    ),
    "misspelt target": (
        "version: 1\ntargets: [corpsu]\n" + HEAD[len("version: 1\n") :],
        """\
fr.yml:2:11: the target 'corpsu' is no node (key 'targets.0')
  hint: did you mean 'corpus'?
nothing ran and nothing changed""",
    ),
    "nodes as a list": (
        "version: 1\nnodes:\n  - corpus: {uses: 'pipeline:load'}\n",
        """\
fr.yml:2:1: `nodes` is a list, not a mapping (key 'nodes')
  hint: write nodes by name, without dashes: `nodes: {first: {uses: module:function}}`
nothing ran and nothing changed""",
    ),
    "a parameter twice, and a secret in the file": (
        HEAD
        + "  b:\n    uses: m:f\n    needs: [corpus]\n    config:\n      corpus: 3\n      token: hunter2\n"
        "    secret: [token]\n",
        """\
fr.yml:8:7: the parameter 'corpus' is given by both `needs` and `config` (node 'b', key 'config.corpus')
  hint: keep one of the two
fr.yml:9:7: the secret 'token' stands in the config itself (node 'b', key 'config.token')
  hint: write ${VAR} in its place and put the value into that environment variable
2 problems: nothing ran and nothing changed""",
    ),
    "an unclosed bracket": (
        "version: 1\nnodes: {a: {uses: 'm:f'}\n",
        """\
fr.yml:2:8: this isn't YAML: a bracket isn't closed, or a text in it isn't quoted
  2 | nodes: {a: {uses: 'm:f'}
    |        ^
  hint: close it, and quote a text that holds any of [ ] { } ,
nothing ran and nothing changed""",
    ),
}


@pytest.mark.parametrize("mistake", MESSAGES)
def test_the_message_for(mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Place, headline, hint and consequence, word for word."""
    text, message = MESSAGES[mistake]
    monkeypatch.chdir(tmp_path)
    Path("fr.yml").write_text(text)
    with pytest.raises(InvalidGraph) as caught:
        read_graph_file("fr.yml")
    assert str(caught.value) == message
