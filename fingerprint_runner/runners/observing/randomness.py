"""`RandomnessWatch`: random numbers that a node draws without a seed, as far as that can be told.

    the global generators   of `random`, `numpy.random` and torch: another state after the call than before,
                            and no seed set in between
    new generators          `numpy.random.default_rng()` and `random.Random()`, made without a seed
    the system's own        `os.urandom`, `secrets`, `uuid.uuid4`, `random.SystemRandom`, called by the
                            node's own code

Invariants: nothing is drawn or seeded here; every function that is stood in for is put back, and copies that
modules took of a stand-in do what the function itself does.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from fingerprint_runner.runners.observing.callers import Caller, Callers, Who

_BITS_OF_A_NUMPY_SEED = 128
"""What numpy asks `secrets.randbits` for when it is given no seed."""

_FAMILIES = {
    "random": (("random", "seed"), ("random", "setstate")),
    "numpy.random": (("numpy.random", "seed"), ("numpy.random", "set_state")),
    "torch": (
        ("torch", "manual_seed"),
        ("torch.random", "manual_seed"),
        ("torch", "set_rng_state"),
        ("torch.random", "set_rng_state"),
    ),
}
"""Module with a global generator → the functions that seed it."""

_ADVICE = {
    "random": "`random.Random(seed)`",
    "numpy.random": "`numpy.random.default_rng(seed)`",
    "torch": "`torch.Generator().manual_seed(seed)`",
}

_active: RandomnessWatch | None = None


class RandomnessWatch:
    """Watches one node; entered whenever the node's code runs.

    Args:
        callers: tells who draws.
    """

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._outer: RandomnessWatch | None = None
        self._put_back: list[tuple[Any, str, Any]] = []
        self._before: dict[str, bytes] = {}
        self._in_call = False
        self._drawn: dict[str, str | None] = {}
        self._unseeded: dict[int, tuple[random.Random, str | None]] = {}

    # --- standing in ----------------------------------------------------------------------------------

    def __enter__(self) -> RandomnessWatch:
        global _active
        self._outer, _active = _active, self
        self._stand_in(os, "urandom", _noting_urandom)
        self._stand_in(random, "_urandom", _noting_urandom)
        self._stand_in(random.Random, "seed", _noting_instance_seed)
        self._stand_in(random.Random, "setstate", _noting_instance_state)
        self._before.clear()
        self._take_in_loaded()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _active
        _active = self._outer
        while self._put_back:
            owner, name, plain = self._put_back.pop()
            setattr(owner, name, plain)

    def _stand_in(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        plain = getattr(owner, name)
        self._put_back.append((owner, name, plain))
        setattr(owner, name, make(plain))

    def _take_in_loaded(self) -> None:
        """Families whose module has been loaded by now: their states, and stand-ins for their seeding."""
        for family, functions in _FAMILIES.items():
            if family in self._before or not _is_ready(family):
                continue
            self._before[family] = b""  # to ask for the state may import something, which comes here again
            self._before[family] = _state(family)
            for module, name in functions:
                owner = sys.modules.get(module)
                if owner is not None and hasattr(owner, name):
                    self._stand_in(owner, name, _noting_seed(family))
            if family == "numpy.random":
                self._stand_in(sys.modules[family], "default_rng", _noting_new_numpy)

    # --- the call -------------------------------------------------------------------------------------

    def begin_call(self) -> None:
        """The node's own function is about to be called: what counts is drawn from here on."""
        self._before = {family: _state(family) for family in self._before}
        self._in_call = True

    def end_call(self) -> None:
        """It has returned, or raised."""
        self._in_call = False
        for family, before in self._before.items():
            if before and _state(family) != before:
                self._drawn.setdefault(family, None)

    def seeded(self, family: str) -> None:
        """A global generator is about to be given a seed: what was drawn before counts, and no more after."""
        before = self._before.get(family)
        if self._in_call and before:
            if _state(family) != before:
                self._drawn.setdefault(family, None)
            self._before[family] = b""

    def asked_system(self, frame: FrameType) -> None:
        """Python code asks the system for randomness."""
        caller = self._callers.behind(frame)
        if caller.who is Who.OWN and not _is_for_numpy(frame):
            self._drawn.setdefault(_function_called(frame), self._place(caller))

    def made_numpy(self, frame: FrameType) -> None:
        """A generator of numpy is made without a seed."""
        caller = self._callers.behind(frame)
        if caller.who is not Who.NOBODY:
            self._drawn.setdefault("`numpy.random.default_rng()` without a seed", self._place(caller))

    def made(self, generator: random.Random, frame: FrameType) -> None:
        """A generator is seeded by the system's randomness."""
        caller = self._callers.behind(frame)
        if caller.who is Who.OWN and len(self._unseeded) < 1000:
            self._unseeded[id(generator)] = (generator, self._place(caller))

    def given_seed(self, generator: random.Random) -> None:
        """A generator gets a seed, or a state."""
        self._unseeded.pop(id(generator), None)

    def imported(self) -> None:
        """Something was imported."""
        if _active is self:
            self._take_in_loaded()

    def _place(self, caller: Caller) -> str | None:
        return None if caller.frame is None else self._callers.place(caller.frame)

    def texts(self) -> list[str]:
        """What was drawn without a seed, each with what to do."""
        for _, place in self._unseeded.values():
            self._drawn.setdefault("`random.Random()` without a seed", place)
        return [_text(what, place) for what, place in self._drawn.items()]


def _text(what: str, place: str | None) -> str:
    where = "" if place is None else f" ({place})"
    if what in _FAMILIES:
        return (
            f"it draws random numbers from the global generator of {what}, which it didn't seed\n"
            f"  hint: draw from a generator of its own, {_ADVICE[what]}, with the seed in its config; "
            "or seed the global one first"
        )
    return (
        f"it draws random numbers that nobody can draw again: {what}{where}\n"
        "  hint: give the generator a seed from the node's config; a name that needn't be secret can be "
        "counted or hashed"
    )


# --- states -------------------------------------------------------------------------------------------


def _is_ready(family: str) -> bool:
    module = sys.modules.get(family)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def _state(family: str) -> bytes:
    """The state of a global generator as bytes."""
    module = sys.modules[family]
    if family == "random":
        return pickle.dumps(random.getstate())
    if family == "numpy.random":
        return pickle.dumps(module.get_state(legacy=False))
    states = [module.get_rng_state()]
    cuda = getattr(module, "cuda", None)
    with contextlib.suppress(Exception):  # a driver's own trouble is not the node's
        if cuda is not None and cuda.is_initialized():
            states += cuda.get_rng_state_all()
    return b"".join(bytes(state.numpy().tobytes()) for state in states)


# --- stand-ins ----------------------------------------------------------------------------------------


def _noting_urandom(plain: Callable[[int], bytes]) -> Callable[[int], bytes]:
    def urandom(size: int, /) -> bytes:
        if _active is not None:
            _active.asked_system(sys._getframe(1))
        return plain(size)

    return urandom


def _noting_seed(family: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def stand_in(plain: Callable[..., Any]) -> Callable[..., Any]:
        def seed(*arguments: Any, **named: Any) -> Any:
            given = [*arguments, *named.values()]
            if _active is not None and given and given[0] is not None:
                _active.seeded(family)
            return plain(*arguments, **named)

        return seed

    return stand_in


def _noting_new_numpy(plain: Callable[..., Any]) -> Callable[..., Any]:
    def default_rng(seed: Any = None) -> Any:
        if _active is not None and seed is None:
            _active.made_numpy(sys._getframe(1))
        return plain(seed)

    return default_rng


def _noting_instance_seed(plain: Callable[..., None]) -> Callable[..., None]:
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if _active is not None:
            if self is random._inst:
                if a is not None:
                    _active.seeded("random")
            elif a is None:
                _active.made(self, sys._getframe(1))
            else:
                _active.given_seed(self)
        plain(self, a, version)

    return seed


def _noting_instance_state(plain: Callable[..., None]) -> Callable[..., None]:
    def setstate(self: random.Random, state: Any) -> None:
        if _active is not None:
            _active.given_seed(self)
        plain(self, state)

    return setstate


# --- who and what -------------------------------------------------------------------------------------


def _is_for_numpy(frame: FrameType) -> bool:
    """Whether numpy makes a generator: natively, so that no frame says so, and it may be seeded later."""
    above = frame.f_back
    return (
        frame.f_globals.get("__name__") == "random"
        and frame.f_code.co_name == "getrandbits"
        and frame.f_locals.get("k") == _BITS_OF_A_NUMPY_SEED
        and (above is None or above.f_globals.get("__name__") not in ("random", "secrets"))
    )


def _function_called(frame: FrameType) -> str:
    """The function of the standard library that was called, such as `uuid.uuid4`."""
    found = "os.urandom"
    above: FrameType | None = frame
    while above is not None and above.f_globals.get("__name__") in ("random", "secrets", "uuid"):
        found = f"{above.f_globals['__name__']}.{above.f_code.co_name}"
        above = above.f_back
    return found if not found.startswith("random.") else f"random.SystemRandom().{found[len('random.') :]}"
