# SPDX-License-Identifier: GPL-2.0
"""KTAP for the selftests: cases are functions, their docstrings are their names.

    def case(env):
        \"\"\"what must be true\"\"\"
        defer(undo)             # run at the end of the case, last first
        eq(got, want, "what")   # a failed check fails the case and ends it
    run([case, ...], env)

Of what is judged by the clock (between(), timely()) a host that is busy with something
else can be the cause, too: such a case is tried again, TRIES times in all, and fails if
it never holds.  All other checks fail at once.
"""
import contextlib
import os
import sys
import time
import traceback

TRIES = 3

_defers = []
_kept = []
_spent = {}
_spending = []


class Fail(Exception):
    """A check that did not hold."""


class Late(Fail):
    """A figure of the clock that did not hold."""


class Skip(Exception):
    """The case cannot run here, for a reason that is true of the machine."""


@contextlib.contextmanager
def spending(what):
    """Account the time that passes to `what`, less what is accounted inside of it."""
    start = time.monotonic()
    _spending.append(0)
    try:
        yield
    finally:
        took = time.monotonic() - start
        _spent[what] = _spent.get(what, 0) + took - _spending.pop()
        if _spending:
            _spending[-1] += took


def sleep(seconds):
    """time.sleep(), accounted as waiting."""
    with spending('waiting'):
        time.sleep(seconds)


def _write_spent():
    """For machine.py, which adds it up."""
    path = os.environ.get('VNIC_SPENT')
    if path:
        with open(path, 'a', encoding='ascii') as file:
            file.writelines(f'{what} {took:.3f}\n' for what, took in _spent.items())


def note(text):
    """Print a diagnostic line."""
    for line in str(text).splitlines() or ['']:
        print('# ' + line, flush=True)


def defer(fn, *args, **kwargs):
    """Call fn at the end of the case, whatever happens."""
    _defers.append((fn, args, kwargs))


def keep():
    """What this case has deferred so far is undone after the last case instead."""
    _kept.extend(_defers)
    _defers.clear()


def release():
    """Undo now what was kept."""
    errors = _undo(_kept)
    if errors:
        raise Fail('; '.join(errors))


def true(cond, what):
    """Check that cond holds."""
    if not cond:
        raise Fail(what)


def eq(got, want, what):
    """Check that got == want."""
    if got != want:
        raise Fail(f'{what}: got {got!r}, want {want!r}')


def timely(cond, what):
    """Check that cond, which compares rates or times, holds."""
    if not cond:
        raise Late(what)


def between(got, low, high, what):
    """Check that low <= got <= high, of rates or times; the figure is printed either way."""
    note(f'{what}: {got} (from {low} to {high})')
    if not low <= got <= high:
        raise Late(f'{what}: {got} is not within {low} to {high}')


def contains(text, part, what):
    """Check that text contains part."""
    if part not in text:
        raise Fail(f'{what}: {part!r} not in {text!r}')


def wait_for(cond, what, seconds=10, step=0.1):
    """Wait until cond() is true; returns its value."""
    end = time.monotonic() + seconds * slow()
    with spending('waiting'):
        while True:
            got = cond()
            if got:
                return got
            if time.monotonic() > end:
                raise Fail(f'{what}: not within {seconds * slow()} s')
            time.sleep(step)


def slow():
    """Factor by which this kernel is slower than a production one."""
    return float(os.environ.get('VNIC_SLOW', '1'))


def _undo(todo):
    errors = []
    while todo:
        fn, args, kwargs = todo.pop()
        try:
            fn(*args, **kwargs)
        except Exception as err:  # the others must still run
            errors.append(f'clean-up {getattr(fn, "__name__", fn)}: {err}')
    return errors


def _one(case, args):
    """Run a case; returns (result, why)."""
    try:
        case(*args)
        result = ('ok', '')
    except Skip as why:
        result = ('skip', str(why))
    except Fail as why:
        line = traceback.extract_tb(sys.exc_info()[2])
        where = [f for f in line if f.name == case.__name__]
        result = ('late' if isinstance(why, Late) else 'not ok',
                  f'{why} (line {where[-1].lineno if where else "?"})')
    except Exception as why:
        note(traceback.format_exc())
        result = ('not ok', repr(why))
    errors = _undo(_defers)
    if errors and result[0] == 'ok':
        result = ('not ok', '; '.join(errors))
    return result


def _tries(case, args):
    """Run a case, again if it fails by the clock only; returns (result, why)."""
    for left in reversed(range(TRIES)):
        result, why = _one(case, args)
        if result != 'late':
            return result, why
        if left:
            note(f'again: {case.__name__}: {why}')
    return 'not ok', f'{why}, {TRIES} times'


def run(cases, *args):
    """Run the cases (those named on the command line, if any are) and exit."""
    only = sys.argv[1:]
    unknown = set(only) - {c.__name__ for c in cases}
    if unknown:
        sys.exit(f'no such case: {", ".join(sorted(unknown))}')
    cases = [c for c in cases if not only or c.__name__ in only]
    print('KTAP version 1', flush=True)
    print(f'1..{len(cases)}', flush=True)
    failed = 0
    for i, case in enumerate(cases, 1):
        name = ' '.join((case.__doc__ or case.__name__).split())
        start = time.monotonic()
        result, why = _tries(case, args)
        took = f'{time.monotonic() - start:.1f} s'
        if result == 'skip':
            print(f'ok {i} {name} # SKIP {why}', flush=True)
            continue
        if result == 'not ok':
            failed += 1
            note(f'{case.__name__}: {why}')
        print(f'{result} {i} {name} # {took}', flush=True)
    for error in _undo(_kept):
        note(error)
        failed += 1
    _write_spent()
    sys.exit(1 if failed else 0)
