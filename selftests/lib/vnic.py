# SPDX-License-Identifier: GPL-2.0
"""The adapter as a test sees it: modules, PF, VFs, namespaces, packet sockets."""
import contextlib
import errno
import glob
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time

from ktap import Fail, defer, keep, release, slow, spending, wait_for

PF_DRIVER = '/sys/bus/pci/drivers/vnic-pf'
VF_DRIVER = '/sys/bus/pci/drivers/vnic-vf'
ETH_P_ALL = 3


@contextlib.contextmanager
def inside(ns=None):
    """What is opened or started meanwhile is of this network namespace."""
    back = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
    try:
        if ns:
            there = os.open('/run/netns/' + ns, os.O_RDONLY)
            os.setns(there, os.CLONE_NEWNET)
            os.close(there)
        yield
    finally:
        os.setns(back, os.CLONE_NEWNET)
        os.close(back)


def command(cmd, ns=None):
    """(argv, namespace to start it in) of a shell command, with as few programs as will do.

    A /sys that shows the namespace's netdevs is mounted by `ip netns exec` only.
    """
    words = cmd.split()
    plain = not re.search(r'[^\w\s./:,@%+=-]', cmd) and '=' not in words[0]
    argv = words if plain and shutil.which(words[0]) else ['sh', '-c', cmd]
    if ns and '/sys/' in cmd:
        return ['ip', 'netns', 'exec', ns] + argv, None
    return argv, ns


def sh(cmd, check=True, timeout=60, ns=None):
    """Run a shell command; returns its CompletedProcess with text output."""
    argv, ns = command(cmd, ns)
    with inside(ns):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout * slow())
    if check and done.returncode:
        raise Fail(f'{cmd}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}')
    return done


def out(cmd, **kwargs):
    """The output of a command that must succeed."""
    return sh(cmd, **kwargs).stdout.strip()


def refused(cmd, **kwargs):
    """A command that must fail; returns what it said."""
    done = sh(cmd, check=False, **kwargs)
    if not done.returncode:
        raise Fail(f'{cmd}: accepted, should be refused')
    return done.stderr + done.stdout


def read(path):
    """The contents of a (sysfs) file."""
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read().strip()


def write(path, text):
    """Write a (sysfs) file; OSError as the kernel gives it."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, str(text).encode())
    finally:
        os.close(fd)


def write_file(path, text, mode=0o644):
    """Make an ordinary file, and the folder it is in."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(fd, 'w', encoding='utf-8') as file:
        file.write(text)


def errno_of(fn, *args):
    """The errno that fn fails with, 0 if it does not."""
    try:
        fn(*args)
    except OSError as err:
        return err.errno
    return 0


def log_mark():
    """Put a mark into the kernel's log; log_since() takes it."""
    mark = f'selftest mark {time.monotonic_ns()}'
    write('/dev/kmsg', mark)
    return mark


def log_since(mark):
    """What the kernel has logged since the mark."""
    text = subprocess.run(['dmesg'], capture_output=True, text=True, check=True).stdout
    return text.rpartition(mark)[2]


def loaded(module):
    """Is the module loaded?"""
    return os.path.isdir('/sys/module/' + module.replace('-', '_'))


def load(**params):
    """Load vnic-vf and vnic-pf afresh; unloads at the end of the case.

    VFs are native for guests unless personality= says otherwise; None: vnic-pf's default.
    """
    if _shared:
        fresh()
    unload()
    params = {'personality': 'native', **params}
    with spending('modules'):
        sh('modprobe vnic-vf')
        sh('modprobe vnic-pf ' +
           ' '.join(f'{k}={v}' for k, v in params.items() if v is not None))
    defer(unload)
    return pf_list()


def unload():
    """Remove all modules."""
    with spending('modules'):
        for module in ('vnic-vfio-pci', 'vnic-pf', 'vnic-iommu', 'vnic-vf'):
            if loaded(module):
                sh('rmmod ' + module, timeout=120)


_shared = {}


def shared(make, *args):
    """What make() makes, once for all cases of a file; load() and fresh() end it."""
    key = (make, args)
    if key not in _shared:
        fresh()
        made = make(*args)
        keep()
        _shared[key] = made
    return _shared[key]


def fresh():
    """Take down what was shared."""
    _shared.clear()
    release()


def pf_list():
    """All PFs, ordered by address."""
    return [PF(os.path.basename(p)) for p in sorted(glob.glob(PF_DRIVER + '/????:*'))]


class Function:
    """A PCI function."""

    def __init__(self, bdf):
        self.bdf = bdf
        self.path = '/sys/bus/pci/devices/' + bdf

    def get(self, name):
        """Read a sysfs attribute."""
        return read(f'{self.path}/{name}')

    def set(self, name, value):
        """Write a sysfs attribute."""
        write(f'{self.path}/{name}', value)

    def driver(self):
        """Name of the bound driver, or None."""
        link = self.path + '/driver'
        return os.path.basename(os.readlink(link)) if os.path.islink(link) else None

    def netdevs(self):
        """Names of its netdevs in this namespace."""
        return sorted(os.listdir(self.path + '/net')) if os.path.isdir(self.path + '/net') else []

    @property
    def dev(self):
        """Name of its netdev (waits for it)."""
        return wait_for(self.netdevs, f'netdev of {self.bdf}')[0]


class PF(Function):
    """A physical function."""

    def numvfs(self, count):
        """Set the number of VFs."""
        with spending('VFs'):
            self.set('sriov_numvfs', count)

    def vfs(self, count):
        """Make VFs, gone at the end of the case; returns them."""
        self.numvfs(count)
        defer(self.numvfs, 0)
        return [self.vf(i) for i in range(count)]

    def vf(self, index):
        """VF by index."""
        return VF(self, index)

    def vfinfo(self, index=None):
        """What `ip link show` says of the VFs."""
        info = json.loads(out(f'ip -j -s link show dev {self.dev}'))[0]['vfinfo_list']
        for vf in info:     # iproute2 calls them tx_packets and tx_bytes, but packets and bytes
            stats = vf['stats']['tx']
            for key in ('packets', 'bytes'):
                stats.setdefault(key, stats.get('tx_' + key))
        return info if index is None else info[index]

    def link(self, index, what, check=True):
        """`ip link set <pf> vf <index> <what>`."""
        return sh(f'ip link set dev {self.dev} vf {index} {what}', check=check)

    def stats(self):
        """Its ethtool statistics."""
        return ethtool_stats(self.dev)

    def lost(self, index):
        """Addresses that VF index claimed and that were taken from it, by devlink health."""
        vfs = json.loads(out(f'devlink -j health diagnose pci/{self.bdf} reporter vf'))['VFs']
        return sum(v['lost addresses'] for v in vfs if v['vf'] == index)


class VF(Function):
    """A virtual function."""

    def __init__(self, pf, index):
        self.pf = pf
        self.index = index
        super().__init__(os.path.basename(os.readlink(f'{pf.path}/virtfn{index}')))
        self.ns = None
        self.name = None

    def up(self, ns=None, ip=None, mtu=None, mac=None):
        """Put its netdev into a namespace of its own (named like it), with an address."""
        self.name = self.dev
        if ns:
            sh(f'ip netns add {ns}')
            defer(sh, f'ip netns del {ns}')
            sh(f'ip link set {self.name} netns {ns}')
            sh('ip link set lo up', ns=ns)
            self.ns = ns
        if mac:
            sh(f'ip link set {self.name} address {mac}', ns=ns)
        if mtu:
            sh(f'ip link set {self.name} mtu {mtu}', ns=ns)
        if ip:
            sh(f'ip addr add {ip}/24 dev {self.name}', ns=ns)
        sh(f'ip link set {self.name} up', ns=ns)
        wait_for(self.carrier, f'carrier of {self.name}')
        return self

    def link(self):
        """`ip link show` of its netdev."""
        return json.loads(out(f'ip -j -d link show dev {self.name or self.dev}', ns=self.ns))[0]

    def carrier(self):
        """Does it have a carrier, of which the stack knows?  Until then it sends nothing."""
        link = self.link()
        return 'LOWER_UP' in link['flags'] and link['operstate'] == 'UP'

    @property
    def mac(self):
        """Address of its netdev."""
        return self.link()['address']

    def stats(self):
        """Its ethtool statistics."""
        return ethtool_stats(self.name or self.dev, ns=self.ns)

    def bind(self, driver):
        """Give it to a driver by driver_override."""
        if self.driver():
            write(f'/sys/bus/pci/devices/{self.bdf}/driver/unbind', self.bdf)
        self.set('driver_override', driver or '\n')
        write('/sys/bus/pci/drivers_probe', self.bdf)

    def to_vfio(self):
        """Bind it to vnic-vfio-pci, and back at the end of the case."""
        sh('modprobe vnic-vfio-pci')
        self.bind('vnic-vfio-pci')
        if self.driver() != 'vnic-vfio-pci':
            raise Fail(f'{self.bdf} is bound to {self.driver()}')
        return self


def ethtool_stats(dev, ns=None):
    """`ethtool -S` as a dictionary."""
    found = re.findall(r'^\s+(.+?): (\d+)$', out(f'ethtool -S {dev}', ns=ns), re.M)
    return {k: int(v) for k, v in found}


def ping(ns, ip, size=56, count=2, extra='', check=True):
    """ping from a namespace; True if answered.  Where that is expected there is more time."""
    wait = 10 if check else 3
    done = sh(f'ping -n -c {count} -i 0.2 -W {wait} -s {size} {extra} {ip}', ns=ns, check=False)
    if check and done.returncode:
        raise Fail(f'ping {ip} size {size} from {ns}: {done.stdout.strip()[-300:]}')
    return not done.returncode


def make_pair(mtu=1500):
    """PF and two VFs in namespaces vf0 and vf1, 10.9.0.1 and 10.9.0.2."""
    pf = load(total_vfs=4)[0]
    vfs = pf.vfs(2)
    for i, vf in enumerate(vfs):
        vf.up(ns=f'vf{i}', ip=f'10.9.0.{i + 1}', mtu=mtu)
    return pf, vfs


def make_quiet_pair():
    """The same, where nobody sends anything of his own accord."""
    pf = load(total_vfs=4)[0]
    sh('sysctl -qw net.ipv6.conf.default.disable_ipv6=1')
    vfs = pf.vfs(2)
    for i, vf in enumerate(vfs):
        sh(f'ip link set {vf.dev} addrgenmode none')
        vf.up(ns=f'vf{i}', ip=f'10.9.0.{i + 1}')
    return pf, vfs


def pair(mtu=1500):
    """The same, shared by the cases of a file."""
    pf, vfs = shared(make_pair)
    for i, vf in enumerate(vfs):
        sh(f'ip link set {vf.name} mtu {mtu} up; '
           f'ip addr replace 10.9.0.{i + 1}/24 dev {vf.name}', ns=vf.ns)
    for vf in vfs:
        wait_for(vf.carrier, f'carrier of {vf.name}')
    return pf, vfs


class Background:
    """A command that runs meanwhile; ended at the end of the case."""

    def __init__(self, cmd, ns=None):
        argv, ns = command(cmd, ns)
        if argv[-3:-1] == ['sh', '-c']:
            argv[-1] = 'exec ' + cmd
        with inside(ns):
            self.proc = subprocess.Popen(argv, text=True, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT)
        defer(self.stop)

    def stop(self):
        """End it."""
        if self.proc.poll() is None:
            self.proc.terminate()
        try:
            self.proc.communicate(timeout=20)
        except (subprocess.TimeoutExpired, ValueError):
            self.proc.kill()

    def finish(self, timeout=60):
        """Its output, when it ends by itself."""
        return self.proc.communicate(timeout=timeout * slow())[0]


def iperf(server_ns, client_ns, ip, args='', seconds=2):
    """iperf3 from client to server; its JSON result."""
    server = Background('iperf3 -s -1 --forceflush', ns=server_ns)
    wait_for(lambda: ':5201' in out('ss -Hltn', ns=server_ns), 'iperf3 server')
    with spending('traffic'):
        done = sh(f'iperf3 -J -c {ip} -t {seconds} {args}', ns=client_ns, timeout=seconds + 30,
                  check=False)
    result = json.loads(done.stdout or '{}')
    server.stop()
    if 'error' in result or 'end' not in result:
        raise Fail(f'iperf3 {args}: {result.get("error", done.stderr)}')
    return result


DATAGRAMS = """
import socket, sys, time
ip, size, mbps, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
s, data, n, due = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), bytes(size), 0, time.time()
end, gap = due + seconds, size * 8e-6 / mbps if mbps else 0
while time.time() < end:
    if due > time.time():
        time.sleep(0.001)
        continue
    s.sendto(data, (ip, 9))
    n += 1
    due = max(due + gap, time.time() - 0.05)
print(n)
"""


def datagrams(ns, ip, size, mbps=0, seconds=3):
    """send UDP where nobody listens (mbps 0: as fast as it goes).  Return: how many"""
    ping(ns, ip, count=1)       # what waits for a neighbour's address may be dropped
    with spending('traffic'):
        return int(out(f'python3 -c {shlex.quote(DATAGRAMS)} {ip} {size} {mbps} {seconds}', ns=ns))


def unheard(ns):
    """UDP datagrams that have come to a namespace for nobody: none is lost in a socket"""
    head, values = [line.split() for line in out('cat /proc/net/snmp', ns=ns).splitlines()
                    if line.startswith('Udp:')]
    return int(values[head.index('NoPorts')])


def iperf_mbps(result):
    """Received rate in Mb/s of an iperf3 result."""
    end = result['end']
    total = end.get('sum_received') or end['sum']
    return total['bits_per_second'] / 1e6


def packet_socket(dev, ns=None):
    """A raw socket bound to a netdev in a namespace; not closed by the namespace's end."""
    with inside(ns):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setsockopt(263, 8, 1)      # SOL_PACKET, PACKET_AUXDATA: the tag that was stripped
        sock.bind((dev, 0))
    defer(sock.close)
    return sock


def one_cpu():
    """Stay on one CPU for the rest of the case: a raw socket sends by the ring of the CPU
    it is on, and the frames of two rings may overtake each other, on any NIC."""
    before = os.sched_getaffinity(0)
    defer(os.sched_setaffinity, 0, before)
    os.sched_setaffinity(0, {max(before)})


def checksum(data):
    """The Internet checksum of these bytes, with its own field zero; 0: it is there, and right."""
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[i:i + 2], 'big') for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def mac_bytes(mac):
    """'aa:bb:…' -> 6 bytes."""
    return bytes.fromhex(mac.replace(':', ''))


def frame(dst, src, size=60, vlan=None, proto=0x8100, tag=b'vnic', ethertype=0x88b5):
    """An Ethernet frame of size bytes (tag not counted) with a payload that can be known."""
    head = mac_bytes(dst) + mac_bytes(src)
    if vlan is not None:
        head += proto.to_bytes(2, 'big') + vlan.to_bytes(2, 'big')
    head += ethertype.to_bytes(2, 'big') + tag
    body = size + (4 if vlan is not None else 0) - len(head)
    return head + bytes((i * 7 + len(tag)) & 0xff for i in range(body))


def receive(sock, tag=b'vnic', seconds=None, count=None):
    """Frames with this tag that arrive within the time: a list of (bytes, vlan or None).

    Those that are expected, count of them, have more time than others.  A tag the receiving
    netdev stripped is read from the auxiliary data; one in the frame from the frame.  Our own
    transmissions are left out.
    """
    frames = []
    if seconds is None:
        seconds = 10 if count else 0.4
    end = time.monotonic() + seconds * slow()
    while count is None or len(frames) < count:
        left = end - time.monotonic()
        if left <= 0:
            break
        sock.settimeout(left)
        try:
            with spending('waiting'):
                data, anc, _, addr = sock.recvmsg(70000, 256)
        except TimeoutError:
            break
        except OSError as err:          # the netdev went down: said once
            if err.errno != errno.ENETDOWN:
                raise
            continue
        if addr[2] == socket.PACKET_OUTGOING:
            continue
        vlan = None
        for level, kind, value in anc:
            if level == 263 and kind == 8:
                status = int.from_bytes(value[0:4], 'little')
                if status & 0x10:       # TP_STATUS_VLAN_VALID
                    vlan = int.from_bytes(value[16:18], 'little')
        if data[12:14] in (b'\x81\x00', b'\x88\xa8') and vlan is None:
            vlan = int.from_bytes(data[14:16], 'big')
            data = data[:12] + data[16:]
        if data[14:14 + len(tag)] == tag:
            frames.append((data, vlan))
    return frames
