"""How often engines are right: a table of edits with known truth, each in a real process."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.bench import Bench, Outcome, Row
from benchmarks.edits.shop_graph import shop_project
from benchmarks.edits.table import EDITS, Edit
from benchmarks.edits.truth import Truth
from benchmarks.engines.doit import Doit
from benchmarks.engines.dvc import Dvc
from benchmarks.engines.fr import Fr
from benchmarks.engines.hamilton import Hamilton
from benchmarks.engines.joblib_memory import JoblibMemory
from benchmarks.engines.protocol import Engine
from benchmarks.engines.pytask import Pytask
from benchmarks.engines.redun import Redun
from benchmarks.graphs import Project
from benchmarks.processes import CommandFailed
from benchmarks.results import Figure, Verdict
from benchmarks.workspace import Workspace

_ENGINES: tuple[Engine, ...] = (
    Fr(),
    Hamilton(),
    Redun(),
    JoblibMemory(),
    Pytask(),
    Pytask(watch_all=True),
    Doit(),
    Dvc(),
)


@dataclass
class Score:
    """How an engine did on the table.

    Attributes:
        ran: of the nodes that must run, how many did.
        must: how many must.
        left: of the others, how many were left alone.
        others: how many others there are.
        right: edits after which exactly the right nodes ran.
        wrong: edit → what went wrong.
    """

    ran: int = 0
    must: int = 0
    left: int = 0
    others: int = 0
    right: int = 0
    wrong: dict[str, str] = field(default_factory=dict)

    def count(self, edit: Edit, names: set[str], ran: set[str], failure: str) -> None:
        """Add one edit's outcome."""
        missed, needless = edit.must - ran, (names & ran) - edit.must
        self.must += len(edit.must)
        self.ran += len(edit.must & ran)
        self.others += len(names - edit.must)
        self.left += len(names - edit.must - ran)
        self.right += not missed and not needless and not failure
        words = [f"{failure}"] if failure else []
        words += ["missed " + " ".join(sorted(missed))] if missed else []
        words += ["needlessly ran " + " ".join(sorted(needless))] if needless else []
        if words:
            self.wrong[edit.name] = "; ".join(words)


def measure_accuracy(bench: Bench) -> Outcome:
    """Every edit from the same state, through every engine."""
    project = shop_project()
    edits = EDITS[:: bench.sized(1, 8)]
    check_truth(bench, project, edits)
    workspaces = {engine.name: bench.workspace(engine, "edits", 120) for engine in _ENGINES}
    # What is counted here doesn't depend on time, so that two engines may run side by side.
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda each: scored(bench, each, project, edits), workspaces.values())
        scores = dict(zip(workspaces, found, strict=True))
    figures = [figure for name, score in scores.items() for figure in _figures(name, score, len(edits))]
    ours = scores["fr"]
    verdicts = [
        Verdict(
            f"all that must rerun, {ours.must} of {ours.must}", ours.must, "count", (ours.ran,), at_least=True
        ),
        Verdict(
            f"none that need not: {ours.others} of {ours.others} left alone",
            ours.others,
            "count",
            (ours.left,),
            at_least=True,
        ),
    ]
    return Outcome(figures, verdicts, {name: score.wrong for name, score in scores.items()})


def check_truth(bench: Bench, project: Project, edits: Sequence[Edit]) -> None:
    """Compare the table with what evaluating the project says.

    Raises:
        AssertionError: a row of the table isn't true.
    """
    truth = Truth(bench.python("fr"), project)
    for edit in edits:
        found = truth.must_run(edit.change(project))
        assert found == edit.must, f"{edit.name}: {sorted(found)} must run, not {sorted(edit.must)}"
    bench.say(f"{len(edits)} edits are as the table says")


def scored(bench: Bench, workspace: Workspace, project: Project, edits: Sequence[Edit]) -> Score:
    """Run one engine through edits, each from the state after a clean run."""
    score = Score()
    workspace.write(project)
    workspace.run()
    workspace.save()
    for edit in edits:
        edited = edit.change(project)
        workspace.write(edited)
        workspace.touch([path for path in edit.touch if path in workspace.paths])
        failure = ""
        try:
            ran = set(workspace.run_and_list())
        except CommandFailed as error:
            failure = f"failed with {error.reason}"
            ran = set(workspace.ran_before_failing())
        score.count(edit, {node.name for node in edited.nodes}, ran, failure)
        workspace.restore(project)
    workspace.remove()
    bench.say(f"{workspace.engine.name}: {score.ran} of {score.must}, {score.left} of {score.others}")
    return score


def _figures(name: str, score: Score, edits: int) -> list[Figure]:
    return [
        Figure(name, f"must run, did (of {score.must})", "count", (score.ran,)),
        Figure(name, f"needn't, left alone (of {score.others})", "count", (score.left,)),
        Figure(name, f"edits with nothing wrong (of {edits})", "count", (score.right,)),
    ]


ROWS = (Row("accuracy", "Which nodes run after an edit", measure_accuracy),)
