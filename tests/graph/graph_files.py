"""Small graph files, right and wrong: readers, JSON Schema and editor are asked about the same ones."""

from __future__ import annotations


def of_node(lines: str, head: str = "") -> str:
    """A graph file whose node `a` has these keys beside `uses`, and `head` above `nodes`."""
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    return f"version: 1\n{head}nodes:\n  a:\n    uses: m:f\n{indented}  b: {{uses: 'm:g'}}\n"


def of_graph(lines: str) -> str:
    """A graph file with one node and these lines above it."""
    return f"version: 1\n{lines}nodes:\n  a: {{uses: 'm:f'}}\n"


def of_input(declaration: str) -> str:
    """A graph file with one input, declared so."""
    return of_graph(f"inputs:\n  x: {declaration}\n")


BROKEN = {
    # The file as a whole.
    "a text": "version 1\n",
    "a list": "- version: 1\n- nodes: {a: {uses: 'm:f'}}\n",
    "no version": "nodes: {a: {uses: 'm:f'}}\n",
    "empty version": "version:\nnodes: {a: {uses: 'm:f'}}\n",
    "version 2": "version: 2\nnodes: {a: {uses: 'm:f'}}\n",
    "version as a text": "version: '1'\nnodes: {a: {uses: 'm:f'}}\n",
    "version true": "version: true\nnodes: {a: {uses: 'm:f'}}\n",
    "no nodes": "version: 1\n",
    "nodes empty": "version: 1\nnodes:\n",
    "nodes without a node": "version: 1\nnodes: {}\n",
    "nodes as a list": "version: 1\nnodes:\n  - a: {uses: 'm:f'}\n",
    "misspelt key of the graph": of_graph("taregts: [a]\n"),
    "key of a node at the top": of_graph("config: {x: 1}\n"),
    "name as a number": of_graph("name: 3\n"),
    "blank name": of_graph("name: ' '\n"),
    "name of a space that isn't ASCII": of_graph('name: "\\u2003"\n'),
    "name with a NUL": of_graph('name: "a\\0b"\n'),
    "unknown recipe": of_graph("recipe: graph.v2\n"),
    "recipe as a list": of_graph("recipe: [graph.v1]\n"),
    "targets as a text": of_graph("targets: a\n"),
    "target as a number": of_graph("targets: [1]\n"),
    "target that is no name": of_graph("targets: ['a b']\n"),
    "target of a node's key": of_graph("targets: ['a[x]']\n"),
    # Inputs.
    "inputs as a list": of_graph("inputs: [x]\n"),
    "input as a type alone": of_input("int"),
    "input as a list": of_input("[int]"),
    "name of an input": of_graph("inputs: {'a-b c': {type: int}}\n"),
    "name of an input with a digit first": of_graph("inputs: {1st: {type: int}}\n"),
    "unknown type": of_input("{type: integer}"),
    "type in capitals": of_input("{type: Int}"),
    "misspelt key of an input": of_input("{type: int, defualt: 3}"),
    "int that is a text": of_input("{type: int, default: '3'}"),
    "int with a fraction": of_input("{type: int, default: 3.5}"),
    "int that is true": of_input("{type: int, default: true}"),
    "int that is null": of_input("{type: int, default: null}"),
    "float that is a text": of_input("{type: float, default: fast}"),
    "float that is true": of_input("{type: float, default: true}"),
    "str that is a number": of_input("{type: str, default: 3}"),
    "bool that is yes": of_input("{type: bool, default: yes}"),
    "bool that is a number": of_input("{type: bool, default: 1}"),
    "path that is a list": of_input("{type: path, default: [data]}"),
    "empty path": of_input("{type: path, default: ''}"),
    # Nodes and their names.
    "node as a text": "version: 1\nnodes: {a: 'm:f'}\n",
    "node as a list": "version: 1\nnodes: {a: [{uses: 'm:f'}]}\n",
    "node empty": "version: 1\nnodes:\n  a:\n",
    "name of a node with a space": "version: 1\nnodes: {a b: {uses: 'm:f'}}\n",
    "name of a node with a digit first": "version: 1\nnodes: {1a: {uses: 'm:f'}}\n",
    "name of a node outside ASCII": "version: 1\nnodes: {größe: {uses: 'm:f'}}\n",
    "name of a node with a line end": "version: 1\nnodes: {\"a\\n\": {uses: 'm:f'}}\n",
    "name of a node that is too long": f"version: 1\nnodes: {{{'a' * 129}: {{uses: 'm:f'}}}}\n",
    "misspelt key of a node": of_node("confg: {x: 1}"),
    "key of the graph in a node": of_node("targets: [b]"),
    # uses
    "no uses": "version: 1\nnodes: {a: {config: {x: 1}}}\n",
    "empty uses": "version: 1\nnodes: {a: {uses: }}\n",
    "uses as a number": "version: 1\nnodes: {a: {uses: 3}}\n",
    "uses without a module": "version: 1\nnodes: {a: {uses: load}}\n",
    "uses as a path": "version: 1\nnodes: {a: {uses: 'src/pipeline.py:load'}}\n",
    "uses with two colons": "version: 1\nnodes: {a: {uses: 'm:f:g'}}\n",
    "uses with an empty part": "version: 1\nnodes: {a: {uses: 'm..f'}}\n",
    "uses with nothing behind the colon": "version: 1\nnodes: {a: {uses: 'm:'}}\n",
    "uses with a dash": "version: 1\nnodes: {a: {uses: 'my-module:f'}}\n",
    "uses with a space": "version: 1\nnodes: {a: {uses: 'm: f'}}\n",
    "uses with a line end": 'version: 1\nnodes: {a: {uses: "m:f\\n"}}\n',
    # needs
    "needs as a text": of_node("needs: b"),
    "needs as a number": of_node("needs: 3"),
    "need that is a list": of_node("needs: {x: [b]}"),
    "need that is empty": of_node("needs: {x: }"),
    "need that is no name": of_node("needs: {x: 'b c'}"),
    "need with an empty key": of_node("needs: {x: 'b[]'}"),
    "need with two keys": of_node("needs: {x: 'b[c][d]'}"),
    "need with an open bracket": of_node("needs: {x: 'b[c'}"),
    "mappings in a list of needs": of_node("needs: [{x: b}]"),
    "number in a list of needs": of_node("needs: [3]"),
    "key of a node in a list of needs": of_node("needs: ['b[c]']"),
    "need that stands twice": of_node("needs: [b, b]"),
    # config and what is about it
    "config as a list": of_node("config: [x]"),
    "config as a text": of_node("config: x"),
    "secret as a mapping": of_node("config: {x: '${X}'}\nsecret: {x: 1}"),
    "secret as a number": of_node("config: {x: '${X}'}\nsecret: [1]"),
    "ignore_config as a number": of_node("ignore_config: 1"),
    "empty text in ignore_config": of_node("ignore_config: ['']"),
    # fn, constructor_name, resource
    "fn with a space": of_node("fn: a b"),
    "fn with a dot": of_node("fn: Model.train"),
    "fn as a number": of_node("fn: 3"),
    "constructor_name that is empty": of_node("constructor_name: ''"),
    "constructor_name with a dash": of_node("constructor_name: from-file"),
    "resource as a number": of_node("resource: 3"),
    "resource without a name": of_node("resource: {output_fingerprint: a}"),
    "resource with a misspelt key": of_node("resource: {name: a, fingerprint: b}"),
    "identity of a resource as a number": of_node("resource: {name: a, output_fingerprint: 0}"),
    # Words and truths
    "is_target yes": of_node("is_target: yes"),
    "is_input as a number": of_node("is_input: 1"),
    "eager as a text": of_node("eager: 'true'"),
    "misspelt cache mode": of_node("cache: recomptue"),
    "cache false": of_node("cache: false"),
    "unknown track": of_node("track: all"),
    # files, env, export
    "files as a number": of_node("files: 3"),
    "file as a number": of_node("files: [3]"),
    "absolute file": of_node("files: [/data/a.csv]"),
    "file at home": of_node("files: ~/a.csv"),
    "file on a drive": of_node("files: ['C:\\data\\a.csv']"),
    "blank file": of_node("files: [a.csv, ' ']"),
    "env with a value": of_node("env: [LANG=C]"),
    "env with a dollar sign": of_node("env: $LANG"),
    "env with a list in a text": of_node("env: LANG, TZ"),
    "env with a wildcard": of_node("env: [LC_*]"),
    "env as a mapping": of_node("env: {LANG: C}"),
    "absolute export": of_node("export: /tmp/reports"),
    "export above the folder": of_node("export: ../reports"),
    "export out and in again": of_node("export: reports/../../reports"),
    "export into the folder itself": of_node("export: ./"),
    "export as a list": of_node("export: [reports]"),
    # Numbers
    "version of a node with a fraction": of_node("version: 1.5"),
    "version of a node that is true": of_node("version: true"),
    "retries below 0": of_node("retries: -1"),
    "retries with a fraction": of_node("retries: 1.5"),
    "retries as a text": of_node("retries: '2'"),
    "timeout of 0": of_node("timeout_s: 0"),
    "timeout as a text": of_node("timeout_s: 10 min"),
    "resources as a list": of_node("resources: [cpu]"),
    "unknown key of resources": of_node("resources: {ram: 8GB}"),
    "no cpu": of_node("resources: {cpu: 0}"),
    "cpu as a text": of_node("resources: {cpu: '4'}"),
    "gpu below 0": of_node("resources: {gpu: -1}"),
    "memory of 0": of_node("resources: {memory: 0}"),
    "memory of 0.0 GB": of_node("resources: {memory: 0.0GB}"),
    "memory in elephants": of_node("resources: {memory: 8 elephants}"),
    "memory with a fraction of bytes": of_node("resources: {memory: 1.5}"),
}
"""What is wrong → a text that is refused as a graph, by the schema as well."""

GOOD = {
    "the least": "version: 1\nnodes: {a: {uses: 'm:f'}}\n",
    "JSON": '{"version": 1, "nodes": {"a": {"uses": "m:f"}}}\n',
    "everything empty that may be": "version: 1\nname:\nrecipe:\ntargets:\ninputs:\n"
    "nodes:\n  a:\n    uses: m:f\n    needs:\n    config:\n    fn:\n    constructor_name:\n"
    "    eager:\n    is_target:\n    is_input:\n    resource:\n    files:\n    env:\n    secret:\n"
    "    cache:\n    version:\n    ignore_config:\n    track:\n    export:\n    retries:\n"
    "    timeout_s:\n    resources:\n",
    "every key of the graph": of_graph(
        "name: Intents of 2026\nrecipe: graph.v1\ntargets: [a, a]\ninputs: {x: , y-1.b: {}}\n"
    ),
    "every type of input": of_graph(
        "inputs:\n"
        "  i1: {type: int, default: -3}\n  f1: {type: float, default: 3}\n  f2: {type: float, default: 0.5}\n"
        "  s: {type: str, default: ''}\n  t: {type: bool, default: false}\n"
        "  p: {type: path, default: /data}\n"
        "  j1: {type: json, default: {x: [1, null]}}\n  j2: {default: null}\n  j3: {type: , default: [1]}\n"
        "  i2: {type: int}\n"
    ),
    "names": "version: 1\nnodes:\n  _a.b-C9: {uses: 'm:f'}\n  " + "a" * 128 + ": {uses: 'm:f'}\n",
    "uses of all kinds": "version: 1\nnodes:\n  a: {uses: m.f}\n  b: {uses: 'a.b:C.d'}\n"
    "  c: {uses: _m1:_f1}\n",
    "identifiers outside ASCII": of_node("fn: größe\nconstructor_name: 作成").replace("m:g", "паке́т:größe"),
    "needs as a mapping": of_node('needs: {x: b, y: "b[c]", z: "b[key of a dict]", w: __reserved__}'),
    "needs as a list": of_node("needs: [b, x]", "inputs: {x: {type: int}}\n"),
    "no needs": of_node("needs: []\nconfig: {}"),
    "config of all kinds": of_node("config: {a: 1, b: [.inf, null], 'c d': {e: false}, f: 2026-11-23}"),
    "a secret": of_node("config: {token: '${TOKEN}'}\nsecret: token"),
    "secrets": of_node("config: {u: '${USER}', p: '${PW}'}\nsecret: [u, p]\nignore_config: [u]"),
    "resource": of_node("resource: {name: a, output_fingerprint: }"),
    "resource with an identity": of_node("resource: {name: a, output_fingerprint: 0f}"),
    "resource by name": of_node("resource: a model"),
    "files": of_node("files: ['data/*.csv', ../shared/x, a b, .x, '**']\nenv: [LANG, my.var-1]"),
    "one file": of_node("files: data\nenv: LANG"),
    "exports": of_node("export: ./out/..a/b..") + "  c: {uses: 'm:f', export: 'out\\sub'}\n",
    "cache modes": "".join(
        ["version: 1\nnodes:\n"]
        + [
            f"  {mode}: {{uses: 'm:f', cache: {mode}}}\n"
            for mode in ("default", "recompute", "disable", "ignore")
        ]
    ),
    "truths": of_node("is_target: true\nis_input: false\neager: True\ntrack: report"),
    "version as a number": of_node("version: 7\nretries: 0"),
    "version as a text": of_node("version: '1.5'\nretries: 3"),
    "resources": of_node("resources: {cpu: 0.5, gpu: 0, memory: 8 GB}"),
    "bytes": of_node("resources: {memory: 1048576, cpu: , gpu: 1.5}"),
    "sizes": "version: 1\nnodes:\n"
    + "".join(
        f"  n{index}: {{uses: 'm:f', resources: {{memory: '{size}'}}}}\n"
        for index, size in enumerate(("1", "0.5kB", "1.25 GiB", "3T", "10MB", "7kiB", "100"))
    ),
}
"""What is shown → a text that is a graph, to the schema as well."""

BEYOND = {
    "unknown need": of_node("needs: [c]"),
    "unknown target": of_graph("targets: [b]\n"),
    "cycle": of_node("needs: [a]"),
    "name of a node and of an input": of_graph("inputs: {a: {type: int}}\n"),
    "key of an input": of_node('needs: {y: "x[k]"}', "inputs: {x: {type: json}}\n"),
    "parameter in needs and config": of_node("needs: [b]\nconfig: {b: 1}"),
    "secret that isn't in config": of_node("secret: [token]"),
    "secret that is written out": of_node("config: {token: abc}\nsecret: [token]"),
    "identifier of what is no letter": of_node("fn: a€"),
    "whole number with a point": of_node("retries: 1.0"),
    "version with a point": of_node("version: 2.0"),
    "number that isn't finite": of_node("timeout_s: .inf"),
    "number that isn't one": of_node("resources: {cpu: .nan}"),
    "number of hundreds of digits": of_node(f"resources: {{cpu: {'9' * 400}}}"),
}
"""What is wrong → a text that is refused as a graph, and in which no JSON Schema can see it."""
