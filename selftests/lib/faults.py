# SPDX-License-Identifier: GPL-2.0
"""Allocations and copies from and to user space that fail when told to.

/proc/<task>/fail-nth of the debug kernel fails the nth of them in that task.  Only those
count that a module asks for: nearest() frames of the stack must have one of its functions.
So a program may be started with it, as `ip`, and the kernel's own part of an operation
passes by.
"""
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

from ktap import Fail, Skip, defer, eq, note, true, wait_for
from vnic import command, inside, out, read, write

DEBUGFS = '/sys/kernel/debug'
SLAB, PAGES, COPIES = 'failslab', 'fail_page_alloc', 'fail_usercopy'
MODULES = (0xffffffffc0000000, 0xffffffffff000000)      # where x86-64 loads them, with KASLR
NOWHERE = (1, 2)
NEVER = 1 << 30         # more than any operation asks for


def _kmemleak():
    """Where kmemleak allocates for itself: does not count."""
    found = {}
    for line in out("grep -wE '__alloc_object|__create_object' /proc/kallsyms || true").splitlines():
        address, _, name = line.split()[:3]
        found[name] = int(address, 16)
    if not found:       # not every debug kernel has it
        return NOWHERE
    return found['__alloc_object'], found['__create_object'] + 0x200


def _range(module):
    """Where the functions of a module lie, or of all"""
    if not module:
        return MODULES
    for line in read('/proc/modules').splitlines():
        fields = line.split()
        if fields[0] == module.replace('-', '_'):
            return int(fields[5], 16), int(fields[5], 16) + int(fields[1])
    raise Fail(f'{module} is not loaded')


def setup(*what, near=8, module=None):
    """Make those of SLAB, PAGES, COPIES fail that a module asks for, till the end of the case.

    module: this one only.  near: how many frames of the stack are looked through for one of
    its functions.  FAULTS_TRACE=1 in the environment: the kernel's log says where each failed.
    """
    if not os.path.exists('/proc/self/fail-nth'):
        raise Skip('a kernel without fault injection')
    reject = _kmemleak()
    for attr in (SLAB, PAGES, COPIES):
        low, high = _range(module) if attr in what else NOWHERE
        defer(write, f'{DEBUGFS}/{attr}/require-end', NOWHERE[1])
        for name, value in (('verbose', 2 if os.environ.get('FAULTS_TRACE') else 0),
                            ('probability', 0), ('stacktrace-depth', near),
                            ('require-start', f'{low:#x}'), ('require-end', f'{high:#x}'),
                            ('reject-start', f'{reject[0]:#x}'),
                            ('reject-end', f'{reject[1]:#x}')):
            write(f'{DEBUGFS}/{attr}/{name}', value)
    for attr, name, value in ((SLAB, 'ignore-gfp-wait', 'N'), (SLAB, 'cache-filter', 'N'),
                              (PAGES, 'ignore-gfp-wait', 'N'), (PAGES, 'min-order', 0),
                              (PAGES, 'ignore-gfp-highmem', 'N')):
        write(f'{DEBUGFS}/{attr}/{name}', value)


def comm(pid):
    """The name of a task; of one that has ended, none."""
    try:
        return read(f'/proc/{pid}/comm')
    except OSError:         # it has ended
        return ''


def _workers(*begin):
    """fail-nth of this task and of those whose names begin so"""
    return ['/proc/self/fail-nth'] + [
        f'/proc/{pid}/fail-nth' for pid in os.listdir('/proc')
        if pid.isdigit() and comm(pid).startswith(begin)]


def _set(fd, nth):
    try:
        os.pwrite(fd, b'%d' % nth, 0)
    except ProcessLookupError:
        pass


def _left(fd):
    try:
        return int(os.pread(fd, 16, 0))
    except ProcessLookupError:      # it ended, which a worker does with nothing to do
        return NEVER


class Nth:
    """The nth of what setup() named fails in an operation."""

    def __init__(self, nth):
        self.nth = nth
        self.left = nth     # afterwards: what the operation lacked to the nth; 0: it failed
        self.said = ''      # why the operation failed; '': it did not

    def call(self, fn, *args):
        """A function that makes system calls."""
        return self._call(['/proc/self/fail-nth'], fn, args)

    def bind(self, fn, *args):
        """The same, which binds a driver: workers of CPU 0 do (work_on_cpu() of the PCI core)."""
        return self._call(_workers('kworker/0:'), fn, args)

    def later(self, fn, *args):
        """The same, part of which others do: the kernel's workers, the VFs' threads on the host.
        The nth in each of them; fn returns when it is done."""
        return self._call(_workers('kworker/', 'vn'), fn, args)

    def _call(self, tasks, fn, args):
        fds = []
        for task in tasks:
            try:
                fds.append(os.open(task, os.O_RDWR))
            except FileNotFoundError:       # a worker that had nothing to do has ended
                pass
        try:
            for fd in fds:
                _set(fd, self.nth)
            try:
                fn(*args)
            except OSError as err:
                self.said = os.strerror(err.errno)
            self.left = min(_left(fd) for fd in fds)
            for fd in fds:
                _set(fd, 0)
        finally:
            for fd in fds:
                os.close(fd)
        return self

    def run(self, cmd, ns=None):
        """A program."""
        argv, ns = command(cmd, ns)

        def arm():
            write('/proc/self/fail-nth', self.nth)
        with inside(ns), subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                          text=True, preexec_fn=arm) as proc:
            said = proc.stdout.read()
            os.waitid(os.P_PID, proc.pid, os.WEXITED | os.WNOWAIT)
            self.left = int(read(f'/proc/{proc.pid}/fail-nth'))
            if proc.wait():
                self.said = said.strip() or f'exit {proc.returncode}'
        return self


def same(state, before, what):
    """Wait until state() is what it was: recovery may be under way."""
    try:
        wait_for(lambda: state() == before, what)
    except Fail:
        eq(state(), before, what + ': what it leaves')


def each(what, attempt, undo=None, state=None, may=('Cannot allocate memory',), again=True,
         repair=None):
    """The 1st, 2nd, 3rd ... of what setup() named fails in an operation, until there is none.

    attempt(Nth): do it.  It fails with one of `may`, and leaves state() as it was, or
    succeeds, and undo() undoes it.  After each failure it must succeed (again: at once, else
    in the last try only).  repair(): recovery takes long, so that only the first failure is
    left to it.  Prints how many there were, and how many made it fail.
    """
    before = state() if state else None
    tries = failures = 0
    for nth in range(1, NEVER):
        tried = attempt(Nth(nth))
        tries += 1
        if tried.said:
            failures += 1
            true(not tried.left, f'{what}: {tried.said}, though nothing was injected')
            true(any(text in tried.said for text in may), f'{what}, {nth}: {tried.said}')
            if repair and failures > 1:
                repair()
            if state:
                same(state, before, f'{what}, {nth} failed')
            if again:
                tried.said = attempt(Nth(NEVER)).said
                true(not tried.said, f'{what}, after {nth} failed: {tried.said}')
        if undo and not tried.said:
            undo()
        if tried.left:
            break
    note(f'{what}: {tries} tries, {failures} failed')
    return tries - 1


# ---- operations by one system call, as the programs do them ----

def _ifreq(dev, request, data=b''):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return fcntl.ioctl(sock, request, struct.pack('16s24s', dev.encode(), data))[16:]


def set_up(dev, up=True):
    """`ip link set DEV up` or down."""
    flags = struct.unpack_from('H', _ifreq(dev, 0x8913))[0]     # SIOCGIFFLAGS, then S
    _ifreq(dev, 0x8914, struct.pack('H', flags & ~1 | up))


def join(dev, group, member=True):
    """`ip maddr add GROUP dev DEV` or del."""
    _ifreq(dev, 0x8931 if member else 0x8932,                     # SIOCADDMULTI, SIOCDELMULTI
           bytes(2) + bytes.fromhex(group.replace(':', '')))


def set_mtu(dev, mtu):
    """`ip link set DEV mtu MTU`"""
    _ifreq(dev, 0x8922, struct.pack('i', mtu))                  # SIOCSIFMTU


def _ethtool(dev, get, index, value):
    words = (ctypes.c_uint32 * 9)(get)
    where = struct.pack('P', ctypes.addressof(words))
    _ifreq(dev, 0x8946, where)                                  # SIOCETHTOOL
    words[0], words[index] = get + 1, value
    _ifreq(dev, 0x8946, where)


def set_rx_ring(dev, size):
    """`ethtool -G DEV rx SIZE`"""
    _ethtool(dev, 0x10, 5, size)


def set_channels(dev, count):
    """`ethtool -L DEV combined COUNT`"""
    _ethtool(dev, 0x3c, 8, count)


def set_master(dev, master):
    """`ip link set DEV master MASTER`, or nomaster"""
    ask = struct.pack('IHHIIBxHiIIHHI', 40, 19, 5, 1, 0, 0, 0, socket.if_nametoindex(dev), 0, 0,
                      8, 10, socket.if_nametoindex(master) if master else 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.send(ask)
        err = -struct.unpack_from('i', sock.recv(4096), 16)[0]
    if err:
        raise OSError(err, os.strerror(err))


LIBC = ctypes.CDLL(None, use_errno=True)


def _syscall(*args):
    if LIBC.syscall(*args) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def insmod(name, params=''):
    """`modprobe NAME` without what it depends on"""
    path = out(f'modinfo -n {name}')
    fd = os.open(path, os.O_RDONLY)
    try:
        _syscall(313, fd, params.encode(), 0)   # finit_module
    finally:
        os.close(fd)


def rmmod(name):
    """`rmmod NAME`"""
    _syscall(176, name.replace('-', '_').encode(), os.O_NONBLOCK)   # delete_module
