# SPDX-License-Identifier: GPL-2.0
"""Adapters, their VFs and who uses them, as sysfs, `ip`, devlink and /proc show them."""
import contextlib
import glob
import json
import os
import subprocess
import time

VENDOR, PF_DEVICE = "0x766e", "0x1000"
PCI = "/sys/bus/pci"
VF_DRIVER, VFIO_MODULE, NO_DRIVER = "vnic-vf", "vnic-vfio-pci", "none"
VFIO_DRIVERS = (VFIO_MODULE, "vfio-pci")
IP_STATS_MAX = 200  # VFs: fewer than the 221 whose counters fit into the answer to `ip -s`
NUMBER_WAIT = 10    # seconds in which the kernel makes or destroys VFs
PROBE_WAIT = 2      # seconds in which a driver makes the interface of a VF
LINK_STATES = {0: "auto", 1: "enable", 2: "disable"}


class Refused(Exception):
    """What the user asked for cannot be done; the text says why and what can."""


def read(path, default=""):
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return default


def write(path, value, what):
    try:
        with open(path, "w", encoding="ascii") as f:
            f.write(value)
    except OSError as e:
        raise Refused(f"{what}: {e.strerror}") from e


def link_name(path):
    """Base name of what a symbolic link points to, "" without one."""
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return ""


def call(*argv):
    """Run a program; what it printed.  Refused: what it, or by it the kernel, said."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as e:
        raise Refused(f"the `{argv[0]}` command is missing: install "
                      f"{'kmod' if argv[0] == 'modprobe' else 'iproute2'}") from e
    if not done.returncode:
        return done.stdout
    said = " ".join((done.stderr or done.stdout).split())
    if said.startswith("RTNETLINK answers"):
        said += " (the last line of dmesg may say why)"
    raise Refused(f"{' '.join(argv)}: {said}")


def devlink(*args):
    """The answer of `devlink -j`"""
    # -n: ports by number, also those that have an interface
    return parsed(call("devlink", "-n", "-j", *args) or "{}", "devlink")


def parsed(text, program):
    """What a program has said in JSON"""
    try:
        return json.loads(text)
    except ValueError as e:
        raise Refused(f"`{program}` says what is no JSON: {e}") from e


def needed(table, key, what):
    """table[key], without which nothing can be done: a VF may be gone meanwhile."""
    try:
        return table[key]
    except LookupError as e:
        raise Refused(f"the kernel does not show {what}: has somebody else changed the "
                      "adapter meanwhile?") from e


class VF:
    """A virtual function: its PCI device, driver and users."""

    def __init__(self, pf, index):
        self.pf, self.index = pf, index
        self.bdf = link_name(f"{pf.sysfs}/virtfn{index}")
        self.sysfs = f"{PCI}/devices/{self.bdf}"

    @property
    def driver(self):
        return link_name(f"{self.sysfs}/driver")

    @property
    def group(self):
        return link_name(f"{self.sysfs}/iommu_group")

    def vectors(self):
        """Size of its MSI-X table"""
        try:
            with open(f"{self.sysfs}/config", "rb") as f:
                config = f.read(256)
        except OSError as e:
            raise Refused(f"{self.sysfs}/config: {e.strerror}") from e
        what = f"the configuration space of VF {self.index}"
        at = needed(config, 0x34, what)
        while at and needed(config, at, what) != 0x11:
            at = needed(config, at + 1, what)
        return (int.from_bytes(config[at + 2:at + 4], "little") & 0x7ff) + 1

    def set_vectors(self, count):
        """Set it; the driver is away meanwhile."""
        driver = self.driver
        if driver:
            write(f"{self.sysfs}/driver/unbind", self.bdf, f"unbind {self.bdf} from {driver}")
        try:
            write(f"{self.sysfs}/sriov_vf_msix_count", str(count),
                  f"{self.sysfs}/sriov_vf_msix_count (the last line of dmesg may say why)")
        finally:
            if driver:
                bind(self, driver)

    def nodes(self):
        """Device files through which a virtual machine may hold the VF."""
        nodes = [f"/dev/vfio/{self.group}"] if self.group else []
        for path in glob.glob(f"{self.sysfs}/vfio-dev/vfio*"):
            nodes.append("/dev/vfio/devices/" + os.path.basename(path))
        return nodes

    def netdevs(self):
        return sorted(os.listdir(f"{self.sysfs}/net")) if os.path.isdir(f"{self.sysfs}/net") else []

    def held(self, holders):
        """Has somebody opened it by vfio?"""
        return any(holders.get(node) for node in self.nodes())

    def has_macvtap(self):
        """Has a virtual machine its interface by a macvtap?"""
        return any(glob.glob(f"/sys/class/net/{dev}/upper_*/macvtap") for dev in self.netdevs())

    def user(self, holders):
        """Who uses the VF, for a person to read."""
        found = [f"{name}[{pid}]" for node in self.nodes() for pid, name in holders.get(node, [])]
        if found:
            return " ".join(found)
        if self.driver in VFIO_DRIVERS:
            # whose processes' files a user may not see, he cannot tell from nobody's
            return "vfio, used by whom only root sees" if os.geteuid() else "free (vfio)"
        if self.netdevs():
            return "host: " + " ".join(self.netdevs())
        if self.driver == "vnic-vf":
            return "host: " + holders.elsewhere().get(self.bdf, "other namespace")
        return self.driver or "-"


class PF:
    """A physical function: its PCI device, netdev and VFs."""

    def __init__(self, bdf):
        self.bdf = bdf
        self.sysfs = f"{PCI}/devices/{bdf}"
        self.total = int(read(f"{self.sysfs}/sriov_totalvfs", "0"))
        self.num = int(read(f"{self.sysfs}/sriov_numvfs", "0"))
        self.vfs = [VF(self, i) for i in range(self.num)]
        self.memory = None      # bytes, as soon as somebody has asked (state.memory())

    @property
    def netdev(self):
        """Its interface as it is called now: udev renames it, at boot while we are at work."""
        try:
            nets = sorted(os.listdir(f"{self.sysfs}/net"))
        except OSError:
            nets = []
        return nets[0] if nets else ""

    def uplink(self):
        for path in glob.glob(f"/sys/class/net/{self.netdev}/lower_*"):
            return os.path.basename(path)[len("lower_"):]
        return "none"

    def down(self):
        """Is its interface down?"""
        flags = read(f"/sys/class/net/{self.netdev}/flags", "0x1") if self.netdev else "0x1"
        return not int(flags, 16) & 1

    def link(self, stats=True):
        """What `ip` says of each VF, counters included while they fit."""
        if not self.netdev:
            return {}
        cmd = ["ip", "-json", "link", "show", "dev", self.netdev]
        if stats and self.num <= IP_STATS_MAX:
            cmd.insert(2, "-stats")
        said = parsed(call(*cmd), "ip")
        link = next((d for d in said if d.get("ifname") == self.netdev), {})
        return {vf["vf"]: vf for vf in link.get("vfinfo_list", [])}

    def stats(self):
        """Settings and counters of each VF."""
        link = self.link()
        counters = self.ethtool() if self.num > IP_STATS_MAX else {}
        result = []
        for i in range(self.num):
            vf, now = link.get(i, {}), {}
            for way in ("rx", "tx"):
                st = vf.get("stats", {}).get(way, {})
                for key in ("packets", "bytes", "dropped"):
                    name = f"{way}_{key}"  # some versions of ip print tx_bytes for bytes
                    now[name] = st.get(key, st.get(name, counters.get(f"vf{i}_{name}", 0)))
            result.append((vf, now))
        return result

    def drops(self):
        """Packets that each VF lost, by reason, as far as there are any."""
        said = devlink("health", "diagnose", f"pci/{self.bdf}", "reporter", "vf")
        return {vf["vf"]: vf.get("dropped packets", {}) for vf in said.get("VFs", [])}

    def ethtool(self):
        try:
            out = subprocess.run(["ethtool", "-S", self.netdev], capture_output=True, text=True,
                                 check=False).stdout
        except FileNotFoundError as e:
            raise Refused(f"counters of more than {IP_STATS_MAX} VFs need the `ethtool` command: "
                          "install ethtool") from e
        pairs = (line.split(":") for line in out.splitlines() if line.count(":") == 1)
        return {k.strip(): int(v) for k, v in pairs if v.strip().isdigit()}


def adapters():
    found = []
    for path in sorted(glob.glob(f"{PCI}/devices/*")):
        if read(f"{path}/vendor") == VENDOR and read(f"{path}/device") == PF_DEVICE:
            found.append(PF(os.path.basename(path)))
    return found


def links(dev):
    """What `ip link` says of an interface; nothing if it is gone"""
    try:
        return parsed(call("ip", "-j", "link", "show", "dev", dev), "ip")
    except Refused:
        return []


def find_pf(name):
    """A PF by netdev name, also an alternative one, or PCI address."""
    pfs = adapters()
    for pf in pfs:
        if name in (pf.netdev, pf.bdf):
            return pf
    names = [link["ifname"] for link in links(name)] if pfs else []
    for pf in pfs:
        if pf.netdev in names:
            return pf
    if not pfs:
        raise Refused("no vnic adapter: load the module (modprobe vnic-pf)")
    known = ", ".join(f"{pf.netdev or '?'} ({pf.bdf})" for pf in pfs)
    raise Refused(f"{name} is no vnic adapter; there are: {known}")


def all_there(pfs):
    """Wait until the kernel has made or destroyed VFs: of a PF that gets VFs it tells before it
    counts them."""
    until = time.monotonic() + NUMBER_WAIT
    for pf in pfs:
        while len(glob.glob(f"{pf.sysfs}/virtfn*")) != int(read(f"{pf.sysfs}/sriov_numvfs", "0")):
            if time.monotonic() > until:
                raise Refused(f"{name_of(pf)}: VFs have been made or destroyed for {NUMBER_WAIT} s")
            time.sleep(0.1)


def load_vf_driver(pf):
    """Have it before VFs want it: udev would load it while they are configured already.  A host may
    be without it, and told not to load it."""
    if read(f"{pf.sysfs}/sriov_drivers_autoprobe", "1") == "1":
        with contextlib.suppress(Refused):
            call("modprobe", "--use-blacklist", VF_DRIVER)


def find_vf(pf, index):
    if not pf.num:
        raise Refused(f"{name_of(pf)} has no VFs: echo N > {pf.sysfs}/sriov_numvfs "
                      f"(N: 1 to {pf.total})")
    if not 0 <= index < pf.num:
        raise Refused(f"{name_of(pf)} has no VF {index}: 0 to {pf.num - 1} are accepted")
    return pf.vfs[index]


def name_of(pf):
    return pf.netdev or pf.bdf


def ranges(numbers):
    """[0, 1, 2, 7] -> 0-2 7"""
    text, first = [], None
    for n in numbers:
        first = n if first is None else first
        if n + 1 not in numbers:
            text.append(str(n) if n == first else f"{first}-{n}")
            first = None
    return " ".join(text)


def namespaces():
    """Each other network namespace: what a person calls it, and how to enter it."""
    seen = {os.stat("/proc/self/ns/net").st_ino}
    for path in sorted(glob.glob("/run/netns/*")) + glob.glob("/proc/[0-9]*/ns/net"):
        try:
            inode = os.stat(path).st_ino
        except OSError:
            continue
        if inode in seen:
            continue
        seen.add(inode)
        if path.startswith("/run/netns/"):
            yield "netns " + os.path.basename(path), path
        else:
            pid = path.split("/")[2]
            yield f"netns of {read(f'/proc/{pid}/comm', '?')}[{pid}]", path


class Holders(dict):
    """Device file below /dev/vfio -> processes that have it open."""

    def __init__(self, look):
        super().__init__()
        self._elsewhere = None if look else {}

    def elsewhere(self):
        """PCI address -> netdev and namespace, of VFs in other namespaces; root sees them.

        Empty if it is not to look: that takes a program for each namespace.
        """
        if self._elsewhere is None:
            self._elsewhere = {}
            for name, path in namespaces() if not os.geteuid() else ():
                cmd = ["nsenter", f"--net={path}", "ip", "-json", "-details", "link", "show"]
                try:
                    said = subprocess.run(cmd, capture_output=True, text=True, check=True).stdout
                except (FileNotFoundError, subprocess.CalledProcessError):
                    continue        # it is gone meanwhile, or cannot be entered
                for link in json.loads(said or "[]"):
                    if link.get("parentdev"):
                        self._elsewhere[link["parentdev"]] = f"{link['ifname']} in {name}"
        return self._elsewhere


def vfio_holders(look=False):
    """Who holds VFs; look: into other namespaces, too."""
    holders = Holders(look)
    for fd in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        if not target.startswith("/dev/vfio/") or target == "/dev/vfio/vfio":
            continue
        pid = fd.split("/")[2]
        user = (pid, read(f"/proc/{pid}/comm", "?"))
        if user not in holders.setdefault(target, []):
            holders[target].append(user)
    return holders


def away(vfs, holders):
    """{number: interface and namespace} of VFs whose interface is in another namespace.

    One that its driver has just been given has none yet, which is waited for.
    """
    until = time.monotonic() + PROBE_WAIT
    while True:
        gone = {vf.index: holders.elsewhere().get(vf.bdf) for vf in vfs
                if vf.driver == VF_DRIVER and not vf.netdevs()}
        if all(gone.values()) or time.monotonic() > until:
            return {i: where or "other namespace" for i, where in gone.items()}
        time.sleep(0.1)


def taken(vfs):
    """Numbers of VFs that a virtual machine or a container has"""
    holders = vfio_holders(look=True)
    return {*away(vfs, holders),
            *(vf.index for vf in vfs if vf.has_macvtap() or vf.held(holders))}


def port_vlan(vf):
    """VLAN (0: none), priority and protocol."""
    vlan = next((v for v in vf.get("vlan_list", []) if v.get("vlan")), {})
    return vlan.get("vlan", 0), vlan.get("qos", 0), vlan.get("protocol", "802.1Q")


def refuse_used(vf):
    holders = vfio_holders()
    for node in vf.nodes():
        if holders.get(node):
            pid, name = holders[node][0]
            raise Refused(f"VF {vf.index} ({vf.bdf}) is in use by {name} (pid {pid}): "
                          "stop that virtual machine or unplug the VF there first")


def refuse_away(vf):
    """The interface of a container is not taken from it in passing."""
    where = away([vf], Holders(look=True)).get(vf.index)
    if where:
        raise Refused(f"VF {vf.index} ({vf.bdf}) is in use, its interface is in another network "
                      f"namespace ({where}): end that container first, or say --force")


def rebind(vf, override, probe=True):
    """Let another driver have the VF. An empty override: the default driver."""
    write(f"{vf.sysfs}/driver_override", override + "\n", f"driver_override of {vf.bdf}")
    if vf.driver:
        write(f"{vf.sysfs}/driver/unbind", vf.bdf, f"unbind {vf.bdf} from {vf.driver}")
    if probe:
        write(f"{PCI}/drivers_probe", vf.bdf, f"probe {vf.bdf}")


def bind(vf, driver):
    """Let VF_DRIVER, VFIO_MODULE or NO_DRIVER have it, and no other."""
    if driver != NO_DRIVER and not os.path.isdir(f"{PCI}/drivers/{driver}"):
        call("modprobe", driver)
    # without autoprobe the kernel lets a VF have its default driver by override only
    default = driver == VF_DRIVER and read(f"{vf.pf.sysfs}/sriov_drivers_autoprobe") == "1"
    rebind(vf, "" if default or driver == NO_DRIVER else driver, probe=driver != NO_DRIVER)
    if (vf.driver or NO_DRIVER) != driver:
        raise Refused(f"{vf.bdf} did not bind to {driver}: see dmesg")
