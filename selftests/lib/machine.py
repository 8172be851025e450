#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs selftests inside a test machine: machine.py KIND TEST[:CASE,CASE]...

KIND is what the tests' "run-on:" lines name.  Prints KTAP, a test per line with
its cases as subtests; a report of the kernel's checks in dmesg fails the test
during which it appeared.  Writes the totals to /log/totals ("passed failed skipped").

A test that ends gets a line in /log/done, with the totals so far: with VNIC_AGAIN set
(tools/vm/run replaced the machine) those there are not run again.  With VNIC_SECONDS set
no test begins later than that after the boot; those left out count as skipped, one each.
"""
import os
import re
import selectors
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SPENT = '/run/vnic/spent'
KMEMLEAK = '/sys/kernel/debug/kmemleak'
KCSAN = '/sys/kernel/debug/kcsan'
DONE, TOTALS = '/log/done', '/log/totals'
AGAIN = bool(os.environ.pop('VNIC_AGAIN', ''))
LIMIT = float(os.environ.pop('VNIC_SECONDS', 'inf'))
REPORT = re.compile(r'WARNING[: ]|BUG[: ]|Oops|Call Trace|general protection|KASAN|KCSAN|UBSAN|'
                    r'blocked for more than|suspicious RCU|unregister_netdevice: waiting|'
                    r'stalled pool|refcount_t|DMA-API|soft lockup|hard LOCKUP|rcu.*stall|'
                    r'circular locking|inconsistent lock|sleeping function|scheduling while')


def setting(path, name, default):
    """A "# name: value" line of the test's head."""
    with open(path, encoding='utf-8') as file:
        found = re.search(rf'^# {name}: (.*)$', file.read(4096), re.M)
    return found.group(1) if found else default


def kernel_log():
    """Lines of dmesg."""
    return subprocess.run(['dmesg'], capture_output=True, text=True, check=True,
                          errors='replace').stdout.splitlines()


class Totals:
    """Counts of cases."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def take(self, line):
        """Count a KTAP result line."""
        if line.startswith('not ok '):
            self.failed += 1
        elif line.startswith('ok ') and '# SKIP' in line:
            self.skipped += 1
        elif line.startswith('ok '):
            self.passed += 1


def run_test(path, cases, totals):
    """Run a test file, or some of its cases; True if all passed."""
    limit = float(os.environ.get('VNIC_TIMEOUT') or
                  int(setting(path, 'timeout', '240')) * float(os.environ.get('VNIC_SLOW', '1')))
    proc = subprocess.Popen([path] + cases, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors='replace', start_new_session=True)
    before = totals.failed
    planned = seen = 0
    end = time.monotonic() + limit
    wait = selectors.DefaultSelector()
    wait.register(proc.stdout, selectors.EVENT_READ)
    expired = False
    while True:
        left = end - time.monotonic()
        if left <= 0 or not wait.select(left):
            expired = True
            break
        line = proc.stdout.readline()
        if not line:
            break
        line = line.rstrip()
        print('    ' + line, flush=True)
        if line.startswith('1..'):
            planned = int(line[3:])
        if re.match(r'(not )?ok \d', line):
            seen += 1
            totals.take(line)
    if expired:
        print(f'    # not finished within {limit:.0f} s', flush=True)
        os.killpg(proc.pid, 9)
    status = proc.wait()
    if seen < planned or not planned:
        missing = max(planned - seen, 1)
        print(f'    # {missing} cases gave no result, exit {status}', flush=True)
        totals.failed += missing
    elif status and totals.failed == before:
        print(f'    # exit {status}', flush=True)
        totals.failed += 1
    return totals.failed == before


def guest_resets(*options):
    """Guests that were reset though nobody asked, or lost."""
    return subprocess.run(['guest', 'resets', *options], capture_output=True, text=True,
                          check=False).stdout.split()


def leave_if_reset(good, clean):
    """Leave for a fresh machine if a test failed while a guest was reset unasked, or lost.

    tools/vm/run sees that, too, and starts one.
    """
    resets = guest_resets()
    if resets:
        print(f'    # {", ".join(resets)}: reset though nobody asked, or lost', flush=True)
        if clean and not good and not AGAIN and not os.path.exists(KMEMLEAK):
            sys.exit(1)
        guest_resets('--forget')


def done_before(totals):
    """How many tests ended in the machine before this one; take over its totals."""
    count = 0
    if os.path.exists(TOTALS):
        os.remove(TOTALS)
    if AGAIN and os.path.exists(DONE):
        with open(DONE, encoding='ascii') as file:
            for line in file:
                totals.passed, totals.failed, totals.skipped = map(int, line.split()[:3])
                count += 1
    else:
        open(DONE, 'w', encoding='ascii').close()
    return count


def without_failed(lines):
    """Lines without the traces of allocations that failed."""
    trace = False
    for line in lines:
        trace = trace or bool(re.search('vmalloc error:|page allocation failure:', line))
        if not trace:
            yield line
        trace = trace and '</TASK>' not in line


def check_log(seen, totals, may_fail=False):
    """Lines of dmesg since `seen`; reports among them are failures.

    may_fail: allocations, by the test's doing (a line "# allocations: fail" in its head).
    """
    lines = kernel_log()
    # The ring may have wrapped: find the last line known.
    fresh = lines[lines.index(seen) + 1:] if seen in lines else lines
    if may_fail:
        fresh = list(without_failed(fresh))
    bad = [i for i, line in enumerate(fresh) if REPORT.search(line)]
    if bad:
        totals.failed += 1
        for line in fresh[max(0, bad[0] - 3):bad[0] + 40]:
            print('    # dmesg: ' + line, flush=True)
    return not bad, lines[-1] if lines else ''


def busy():
    """Seconds the CPUs have been busy since boot, of how many."""
    with open('/proc/stat', encoding='ascii') as file:
        fields = [int(field) / os.sysconf('SC_CLK_TCK') for field in file.readline().split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def account(kind, boot, start):
    """Print where this machine's time went: what ktap.spending() accounted, and the rest."""
    spent = {}
    if os.path.exists(SPENT):
        with open(SPENT, encoding='ascii') as file:
            for line in file:
                what, took = line.rsplit(' ', 1)
                spent[what] = spent.get(what, 0) + float(took)
    spent['the rest'] = time.monotonic() - start - sum(spent.values())
    used, there = busy()
    parts = [f'{what} {took:.0f} s' for what, took in
             sorted(spent.items(), key=lambda item: -item[1])]
    print(f'# {kind}: time: boot {boot:.0f} s, {", ".join(parts)}; '
          f'CPUs busy {100 * used / there:.0f} %', flush=True)


def final(totals):
    """Modules away and back, then the leak scan."""
    good = True
    for step in ('rmmod vnic-vfio-pci 2>/dev/null; rmmod vnic-pf 2>/dev/null; '
                 'rmmod vnic-iommu 2>/dev/null; rmmod vnic-vf 2>/dev/null; true',
                 'modprobe vnic-vf && modprobe vnic-pf && modprobe vnic-vfio-pci',
                 'rmmod vnic-vfio-pci && rmmod vnic-pf && rmmod vnic-iommu && rmmod vnic-vf'):
        done = subprocess.run(['sh', '-c', step], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f'    # {step}: {done.stderr.strip()}', flush=True)
            good = False
    if os.path.exists(KMEMLEAK):
        for _ in range(2):      # what is unreferenced, and the same, in both
            time.sleep(6)
            with open(KMEMLEAK, 'w', encoding='ascii') as file:
                file.write('scan')
        with open(KMEMLEAK, encoding='utf-8', errors='replace') as file:
            leaks = file.read()
        # Only what has a frame of ours: the rest of the kernel is not under test.
        ours = [b for b in leaks.split('unreferenced object') if 'vnic' in b]
        for block in ours[:5]:
            print('\n'.join('    # leak:' + l for l in block.splitlines()), flush=True)
        good = good and not ours
    if os.path.exists(KCSAN):
        with open(KCSAN, encoding='ascii') as file:
            watched = int(re.search(r'setup_watchpoints: (\d+)', file.read()).group(1))
        print(f'    # KCSAN set {watched} watchpoints', flush=True)
        good = good and watched > 0
    if good:
        totals.passed += 1
    else:
        totals.failed += 1
    return good


def main():
    """Run the tests named, print and write the totals."""
    kind, tests = sys.argv[1], sys.argv[2:]
    totals = Totals()
    with open('/proc/uptime', encoding='ascii') as file:
        boot = float(file.read().split()[0])
    begin = time.monotonic()
    os.environ['VNIC_SPENT'] = SPENT
    done = done_before(totals)
    print(f'# goes on after test {done}' if AGAIN else
          f'KTAP version 1\n1..{len(tests) + 1}', flush=True)
    seen = kernel_log()[-1]
    for number, test in enumerate(tests[done:], done + 1):
        name, _, cases = test.partition(':')
        path = os.path.join(HERE, '..', name)
        start = time.monotonic()
        if start > LIMIT:       # its clock begins with the boot
            print(f'ok {number} {name} # SKIP the time for tests is up ({LIMIT:.0f} s)', flush=True)
            totals.skipped += 1
            continue
        print(f'    # {kind}: {name}', flush=True)
        good = run_test(path, cases.split(',') if cases else [], totals)
        clean, seen = check_log(seen, totals, setting(path, 'allocations', '') == 'fail')
        leave_if_reset(good, clean)
        word = 'ok' if good and clean else 'not ok'
        print(f'{word} {number} {name} # {time.monotonic() - start:.0f} s', flush=True)
        with open(DONE, 'a', encoding='ascii') as file:
            file.write(f'{totals.passed} {totals.failed} {totals.skipped} {test}\n')
    good = final(totals)
    clean, seen = check_log(seen, totals)
    print(f'{"ok" if good and clean else "not ok"} {len(tests) + 1} '
          'modules unloaded and loaded again, nothing left', flush=True)
    account(kind, boot, begin)
    with open(TOTALS, 'w', encoding='ascii') as file:
        file.write(f'{totals.passed} {totals.failed} {totals.skipped}\n')
    sys.exit(1 if totals.failed else 0)


if __name__ == '__main__':
    main()
