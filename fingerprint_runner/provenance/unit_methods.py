"""Names of methods that reading knows: those that change nothing, and those that make an instance.

Invariants: a name stands in `READ_ONLY` only if a method of that name changes nothing in any library
that is in common use; a method that isn't in it may change what it is called on.
"""

# Words in a text are easier to read and sort than a list of a hundred quoted ones.
# ruff: noqa: SIM905

from __future__ import annotations

READ_ONLY = frozenset(
    """absolute any as_posix astype casefold copy count debug decode difference encode endswith error
    exception exists expanduser fetchall find format format_map from_bytes get group groups groupby hex
    index info intersection is_dir is_file isalnum isalpha isdigit isdisjoint isin isinstance issubset
    issuperset items join joinpath keys log lower lstrip match max mean min most_common relative_to replace
    resolve rfind rindex rjust ljust zfill rsplit rstrip search split splitlines startswith std strip sum
    title to_bytes tolist translate union upper values warning warn with_name with_stem with_suffix
    read_text read_bytes findall finditer fullmatch sub""".split()
)
"""Methods that change nothing, whatever they are called on."""

CONSTRUCTORS = (
    "__new__",
    "__init__",
    "__post_init__",
    "__set_name__",
    "__prepare__",
    "__attrs_post_init__",
    "__enter__",
    "__exit__",
    "__iter__",
    "__next__",
)
"""Methods that run when an instance of a class is made, or is at once used by `with` or a loop."""

OPERATOR = "<operator>"
"""Stands for the method that `a >> b`, `for each in a` or `with a` calls."""
