"""`fr cache`: what is in it, what may go, what is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_project import Fr, edit


def test_stats(fr: Fr) -> None:
    """Records, artifacts, size and runs, for people and for programs."""
    found = fr.json("cache", "stats")
    assert set(found) == {
        "ok",
        "folder",
        "kept",
        "not_kept",
        "artifacts",
        "bytes",
        "runs",
        "quarantined",
        "pinned",
    }
    assert (found["kept"], found["not_kept"], found["runs"]) == (4, 0, 1)
    assert found["folder"] == str(fr.folder / ".cache" / "fr")
    lines = fr("cache", "stats").stdout.splitlines()
    assert lines[0] == found["folder"]
    assert lines[1] == "  4 records, 4 with their artifacts kept"


def test_stats_of_no_cache(fr: Fr, tmp_path: Path) -> None:
    """A folder without a cache is no error, and none is made there."""
    done = fr("cache", "stats", "--cache-dir", str(tmp_path / "none"))
    assert done.returncode == 0
    assert done.stdout.startswith("there is no cache at ")
    assert not (tmp_path / "none").exists()


def test_clearing_needs_a_yes(fr: Fr) -> None:
    """Off a terminal nothing is removed without `--yes`."""
    assert fr("cache", "clear").returncode == 2
    assert fr.json("cache", "clear", status=2)["errors"][0]["hint"] == "confirm with --yes"
    assert fr.json("plan")["counts"]["up_to_date"] == 4


def test_clearing(fr: Fr) -> None:
    """After it everything runs again."""
    found = fr.json("cache", "clear", "--yes")
    assert set(found) == {"ok", "folder", "removed"}
    assert found["removed"]["kept"] == 4
    assert fr.json("plan")["counts"]["up_to_date"] == 0
    assert fr.json("run")["counts"]["ran"] == 4


@pytest.fixture
def grown(fr: Fr) -> Fr:
    """The small project, run with two titles and large pages: `page` has two records with artifacts."""
    edit(fr.folder / "steps.py", 'f"{title}: {total}\\n"', 'f"{title}: {total}\\n" * 1000')
    assert fr("run", "-q").returncode == 0
    edit(fr.folder / "fr.yml", "title: Sum", "title: Total")
    assert fr("run", "-q").returncode == 0
    return fr


def lines_of(fr: Fr, *arguments: str) -> list[str]:
    done = fr(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_ls_lists_records_with_what_keeps_them(grown: Fr) -> None:
    """A line a record, the last used first, then how many there are and how large."""
    lines = lines_of(grown, "cache", "ls")
    assert lines[0].split("  ")[0] == "node"
    assert len(lines) == 8 and lines[-1].startswith("6 records, ")
    needed = [line.split()[0] for line in lines if "needed by the last run" in line]
    assert sorted(needed) == ["double", "numbers", "page", "total"]


def test_ls_filters_and_sorts(grown: Fr) -> None:
    """By name, state, size and age; sorted by what is asked for, and the other way round."""
    records = grown.json("cache", "ls", "pa*", "--sort", "size")["records"]
    assert [record["node"] for record in records] == ["page"] * 3
    sizes = [record["bytes"] for record in records]
    assert sizes == sorted(sizes, reverse=True)
    reverse = grown.json("cache", "ls", "pa*", "--sort", "size", "--reverse")["records"]
    assert [record["bytes"] for record in reverse] == sizes[::-1]
    assert grown.json("cache", "ls", "--unreachable")["count"] == 2
    assert grown.json("cache", "ls", "--larger-than", "1kB")["count"] == 2
    assert grown.json("cache", "ls", "--older-than", "1h")["count"] == 0
    assert grown.json("cache", "ls", "--not-kept")["count"] == 0
    assert grown.json("cache", "ls", "--kept", "-n", "2")["count"] == 6
    assert len(grown.json("cache", "ls", "--kept", "-n", "2")["records"]) == 2
    assert lines_of(grown, "cache", "ls", "nothing") == ["no record is like that"]


def test_ls_in_json_has_exact_facts(grown: Fr) -> None:
    """Bytes, seconds and times as numbers, whole fingerprints."""
    found = grown.json("cache", "ls", "page")
    assert set(found) == {"ok", "folder", "count", "bytes", "records"}
    assert set(found["records"][0]) == {
        "fingerprint",
        "node",
        "component",
        "created",
        "used",
        "seconds",
        "bytes",
        "kept",
        "dropped",
        "pinned",
        "needed",
        "origin",
        "accepted_by",
        "accepted_at",
    }
    assert found["bytes"] == sum(record["bytes"] for record in found["records"])


def test_prune_does_what_its_dry_run_said(grown: Fr) -> None:
    """The same records, counts and sizes; what the last run needs stays, and nothing runs again."""
    said = grown.json("cache", "prune", "--unreachable", "--dry-run")
    assert grown.json("cache", "stats")["bytes"] == said["before"]
    assert grown.json("cache", "ls", "--not-kept")["count"] == 0
    done = grown.json("cache", "prune", "--unreachable")
    assert {key: said[key] for key in said if key != "dry_run"} == {
        key: done[key] for key in done if key != "dry_run"
    }
    assert grown.json("cache", "stats")["bytes"] == done["after"] < done["before"]
    assert (done["gone"]["artifacts"], done["gone"]["records_dropped"]) == (2, 2)
    assert grown.json("run")["counts"]["hit"] == 4
    assert grown("cache", "verify").returncode == 0


def test_after_pruning_going_back_runs_only_what_is_wanted(grown: Fr) -> None:
    """The record still decides: what is above it doesn't run."""
    grown("cache", "prune", "--unreachable", "-q")
    edit(grown.folder / "fr.yml", "title: Total", "title: Sum")
    plan = grown.json("plan")["nodes"]["page"]
    assert (plan["status"], plan["kept"]) == ("up-to-date", False)
    assert grown.json("run")["counts"] == {"ran": 1, "hit": 3, "failed": 0, "skipped": 0, "cancelled": 0}
    assert "Sum" in (grown.folder / "out" / "page.txt").read_text()


def test_prune_says_what_went(grown: Fr) -> None:
    """A line a record, then how much, before and after; a dry run says that it would."""
    lines = lines_of(grown, "cache", "prune", "--keep-last", "1", "--dry-run")
    assert [line.split()[0] for line in lines[:-1]] == ["page", "page"]
    assert lines[-1].startswith("would drop 2 artifacts: ") and " → " in lines[-1]
    assert lines_of(grown, "cache", "prune", "--keep-last", "1")[-1].startswith("dropped 2 artifacts: ")
    assert lines_of(grown, "cache", "prune", "--keep-last", "1")[-1].startswith("dropped nothing: ")
    assert lines_of(grown, "cache", "prune", "--unreachable", "-q") == []


def test_prune_says_when_a_size_cannot_be_reached(grown: Fr) -> None:
    """And what it is that is needed."""
    lines = lines_of(grown, "cache", "prune", "--max-size", "1kB")
    assert lines[-1].startswith("it can't be made as small as asked for: needed are ")
    assert lines[-1].endswith(" by the graphs' last runs")
    assert grown.json("run")["counts"]["hit"] == 4


def test_prune_lists_dead_graphs_and_forgets_them_by_name(grown: Fr) -> None:
    """What a graph whose file is gone needed stays until it is named."""
    (grown.folder / "fr.yml").rename(grown.folder / "other.yml")
    lines = lines_of(grown, "cache", "prune", "--unreachable", "-f", "other.yml")
    assert lines[-1].endswith("let go of them by --forget small")
    error = grown.json("cache", "prune", "--forget", "smal", "-f", "other.yml", status=2)["errors"][0]
    assert (error["kind"], error["hint"]) == ("usage", "did you mean 'small'?")
    done = grown.json("cache", "prune", "--forget", "small", "-f", "other.yml")
    assert done["dead_graphs"] == [] and done["gone"]["artifacts"] == 1
    assert grown.json("cache", "ls", "--kept", "--larger-than", "5kB", "-f", "other.yml")["count"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "prune needs to be told what may go"),
        (("--max-size", "much"), "'much' isn't a size"),
        (("--older-than", "30"), "'30' isn't an age"),
        (("--older-than", "1 fortnight"), "isn't an age"),
        (("--keep-last", "-1"), "-1 is not in the range"),
    ],
)
def test_prune_refuses_what_it_cannot_read(grown: Fr, arguments: tuple[str, ...], words: str) -> None:
    """Exit 2, what is wrong, and how to write it."""
    done = grown("cache", "prune", *arguments)
    assert done.returncode == 2
    assert words in done.stderr and "hint:" in done.stderr


def test_pins_keep_what_they_name(grown: Fr) -> None:
    """A node's last record, a record by the beginning of its fingerprint, and all of a run."""
    other = grown.json("cache", "ls", "page", "--unreachable", "--larger-than", "1kB")["records"][0]
    assert lines_of(grown, "cache", "pin", "total", other["fingerprint"][:6]) == [
        f"pinned total  {grown.json('show', 'total')['record']['fingerprint'][:8]}",
        f"pinned page  {other['fingerprint'][:8]}",
    ]
    grown("cache", "prune", "--unreachable")
    assert grown.json("cache", "ls", "--pinned", "--kept")["count"] == 2
    assert lines_of(grown, "cache", "unpin", "page") == [f"unpinned page  {other['fingerprint'][:8]}"]
    assert grown.json("cache", "unpin", "--all")["unpinned"][0]["node"] == "total"
    assert grown.json("cache", "ls", "--pinned")["count"] == 0
    run = grown.json("history")["runs"][0]["run_id"]
    assert len(grown.json("cache", "pin", run)["pinned"]) == 4
    assert lines_of(grown, "cache", "unpin", "page", "numbers")[0].startswith("unpinned ")


def test_what_cannot_be_pinned_is_refused(grown: Fr) -> None:
    """Unknown words, words that mean several records, and no word at all."""
    assert grown.json("cache", "pin", "nothing", status=2)["errors"][0]["kind"] == "unknown-record"
    assert grown.json("cache", "pin", "20200101T000000-0123456789", status=2)["errors"][0]["kind"] == (
        "unknown-run"
    )
    assert grown("cache", "pin").returncode == 2
    assert grown("cache", "unpin").returncode == 2


def test_a_word_that_means_several_records_is_refused(grown: Fr, tmp_path: Path) -> None:
    """Four digits may be the beginning of two fingerprints; then they are named."""
    from fingerprint_runner.cli.found_records import find_records

    from fingerprint_runner.errors import InvalidGraph
    from fingerprint_runner.storage.model_storage import ModelStorage, open_storage

    storage = open_storage(grown.folder / ".cache")
    every = [record["fingerprint"] for record in grown.json("cache", "ls")["records"]]

    class Alike(ModelStorage):
        def records_below(self, prefix: str, limit: int = 10) -> list:  # type: ignore[type-arg]
            return list(self.records(every[:2]).values())

    with (
        Alike(storage.location) as alike,
        pytest.raises(InvalidGraph, match=f"several records begin with 'abcd': {every[0][:12]}"),
    ):
        find_records(alike, "abcd", str(grown.folder / "fr.yml"))


def test_verify_exits_with_the_worst_of_what_it_found(grown: Fr) -> None:
    """4 missing, 5 corrupt, 6 foreign; each is named, with its node, and the next run heals it."""
    done = grown("cache", "verify")
    assert (done.returncode, done.stdout.endswith(": all well\n")) == (0, True)
    blobs = {path.read_bytes()[:3]: path for path in (grown.folder / ".cache/fr/blobs").glob("*/*")}
    old, new = blobs[b"Sum"], blobs[b"Tot"]
    old.unlink()
    done = grown("cache", "verify")
    assert done.returncode == 4
    assert f" missing  {old.name} isn't there; its node runs again (page)" in done.stdout.splitlines()
    content = bytearray(new.read_bytes())
    content[7] ^= 1
    new.chmod(0o644)
    new.write_bytes(content)
    assert grown.json("cache", "verify", status=5)["counts"] == {"missing": 1, "corrupt": 1, "foreign": 0}
    (grown.folder / ".cache/fr/blobs/stray").write_text("x")
    found = grown.json("cache", "verify", status=6)
    assert found["counts"] == {"missing": 1, "corrupt": 1, "foreign": 1}
    assert {damage["what"] for damage in found["damage"]} == {old.name, new.name, "blobs/stray"}
    (grown.folder / ".cache/fr/blobs/stray").unlink()
    (grown.folder / "out" / "page.txt").unlink()
    assert grown("run").returncode == 0
    assert (grown.folder / "out" / "page.txt").read_text().startswith("Total")
    assert grown.json("cache", "verify", status=4)["counts"] == {"missing": 1, "corrupt": 0, "foreign": 0}


@pytest.mark.parametrize("command", ["ls", "verify", "stats"])
def test_where_there_is_no_cache_that_is_said(new_fr: Fr, command: str) -> None:
    """No error, and nothing is made."""
    assert lines_of(new_fr, "cache", command)[0].startswith("there is no cache at ")
    assert new_fr.json("cache", command)["ok"]
    assert lines_of(new_fr, "cache", "prune", "--unreachable")[0].startswith("there is no cache at ")
    assert not (new_fr.folder / ".cache").exists()


def test_a_cache_can_be_looked_after_without_its_graph(grown: Fr, tmp_path: Path) -> None:
    """`--cache-dir` is enough: the graph may be elsewhere."""
    elsewhere = Fr(tmp_path)
    folder = str(grown.folder / ".cache")
    assert elsewhere.json("cache", "ls", "--cache-dir", folder)["count"] == 6
    assert elsewhere("cache", "verify", "--cache-dir", folder).returncode == 0
    fingerprint = elsewhere.json("cache", "ls", "total", "--cache-dir", folder)["records"][0]["fingerprint"]
    assert elsewhere("cache", "pin", fingerprint, "--cache-dir", folder).returncode == 0
    assert elsewhere("cache", "ls").returncode == 2


def test_ages_and_sizes_are_read_as_people_write_them() -> None:
    """Seconds and bytes, whatever the unit."""
    from fingerprint_runner.cli.amounts import AGE, SIZE

    assert [AGE.convert(text, None, None) for text in ("90s", "2m", "1.5h", "1d", "2 w", "1y")] == [
        90,
        120,
        5400,
        86400,
        14 * 86400,
        365 * 86400,
    ]
    assert [SIZE.convert(text, None, None) for text in ("0", "12", "1kB", "2GB", "1GiB")] == [
        0,
        12,
        1000,
        2 * 10**9,
        2**30,
    ]
