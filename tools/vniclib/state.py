# SPDX-License-Identifier: GPL-2.0
"""How an adapter is configured, and how to make it so: as a whole or not at all."""
import copy
import time

from vniclib import keys, nodes
from vniclib.adapter import (LINK_STATES, NO_DRIVER, VFIO_DRIVERS, Refused, adapters, bind, call,
                             devlink, find_pf, links, load_vf_driver, name_of, needed,
                             port_vlan, read, vfio_holders, write)
from vniclib.keys import PF_KEYS, VF_KEYS, shown

SPEED_WAIT = 3      # seconds for the adapter to learn the speed of a new uplink
DEVLINK_RATES = {"max_tx_rate": "tx_max", "min_tx_rate": "tx_share"}    # in Mb/s
DEVLINK_SHARES = ("tx_weight", "tx_priority")
PARAMS = ("rx_rate", "rx_burst", "tx_burst", "rx_queue", "rx_pps", "tx_pps",
          "storm_control", "port_netdev", "personality")
POOLS = {"memory_guaranteed": 0, "memory_borrowed": 1}
VLAN = ("vlan", "qos", "vlan_protocol")


def show(*args):
    """What lies in the outermost object of devlink's answer, {} without any."""
    return next(iter(devlink(*args).values()), {})


# ---- what is ----

def params(pf):
    """devlink parameters of an adapter and its VFs"""
    found = show("dev", "param", "show").get(f"pci/{pf.bdf}", [])
    return {p["name"]: p["values"][0]["value"] for p in found}


def param_command(dev, name, value):
    """What sets one"""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return ("devlink", "dev", "param", "set", dev, "name", name, "value", text,
            "cmode", "runtime")


def set_param(pf, name, value):
    """Set one."""
    call(*param_command(f"pci/{pf.bdf}", name, value))


def memory(pf):
    """Bytes of its packet memory, which stay what they are while vnic-pf is loaded"""
    if pf.memory is None:
        dev = f"pci/{pf.bdf}"
        said = needed(show("sb", "show", dev), dev, f"the packet memory of {dev}")
        pf.memory = said[0]["size"]
    return pf.memory


def new_vf(pf):
    """What the keys of a VF are that has just been made; None: not known."""
    cells = memory(pf) // keys.CELL
    return {
        **{key: default for key, (_kind, default) in VF_KEYS.items()},
        "memory_guaranteed": cells // 2 // pf.total * keys.CELL,
        "memory_borrowed": cells // 16 * keys.CELL,
        "personality": read("/sys/module/vnic_pf/parameters/personality", "virtio"),
    }


def rates(pf):
    """What devlink has of the rates of an adapter's VFs and nodes, by number and name"""
    return nodes.shown_rates(show(*nodes.RATE, "show"), f"pci/{pf.bdf}")


def snapshot(pf):
    """All that the keys are about, as it is now.  Refused: not all can be seen."""
    if not pf.netdev:
        raise Refused(f"{pf.bdf}: its interface is not in this network namespace: run vnic in "
                      "that one (ip netns exec)")
    said, par, dev = rates(pf), params(pf), f"pci/{pf.bdf}"
    health = show("health", "show", dev, "reporter", "vf").get(dev, [{}])[0]
    state = {
        "num_vfs": pf.num, "uplink": pf.uplink(), "link_speed": par.get("link_speed", 0),
        "drivers_autoprobe": read(f"{pf.sysfs}/sriov_drivers_autoprobe", "1") == "1",
        "auto_recover": health.get("auto_recover", True), "node": nodes.tree(said, par),
        "vf": {},
    }
    if not pf.num:
        return state
    link = pf.link(stats=False)
    pools = show("sb", "port", "pool", "show")
    for i in range(pf.num):
        state["vf"][i] = vf_state(
            needed(link, i, f"VF {i} of {name_of(pf)} in `ip link`"),
            needed(said, str(i), f"the rate of {dev}/{i}"),
            {p["pool"]: p["threshold"] for p in pools.get(f"{dev}/{i}", [])},
            {name: needed(par, f"vf{i}_{name}", f"parameter vf{i}_{name} of {dev}")
             for name in PARAMS})
        state["vf"][i].update(msix_vectors=pf.vfs[i].vectors(), driver=driver_of(pf.vfs[i]))
    return state


def driver_of(vf):
    """Its driver as the key has it, None: another one."""
    driver = vf.driver or NO_DRIVER
    return None if VF_KEYS["driver"][0].check(driver) else driver


def vf_state(conf, shares, pools, par):
    """That of a VF: of what `ip link`, devlink rate, sb (by pool) and param say."""
    vlan, qos, protocol = port_vlan(conf)
    rate, state = conf.get("rate", {}), conf.get("link_state", "auto")
    return {
        "mac": conf.get("address"), "vlan": vlan, "qos": qos, "vlan_protocol": protocol,
        "max_tx_rate": rate.get("max_tx", 0), "min_tx_rate": rate.get("min_tx", 0),
        **par, "rx_rate": nodes.rate_value(par["rx_rate"], keys.AS_TX),
        "parent": nodes.parent_of(shares),
        **{key: shares.get(key, 0) for key in DEVLINK_SHARES},
        **{key: needed(pools, pool, "the packet memory of a VF") for key, pool in POOLS.items()},
        "trust": bool(conf.get("trust")), "spoofchk": bool(conf.get("spoofchk", True)),
        "state": LINK_STATES.get(state, state),
    }


def snapshots():
    """[(PF, state)] of all adapters"""
    pfs = adapters()
    if not pfs:
        raise Refused("no vnic adapter: load the module (modprobe vnic-pf)")
    return [(pf, snapshot(pf)) for pf in pfs]


# ---- what differs ----

def settle(want, now):
    """The same state, where it leaves things alone as they are now."""
    vfs = {i: {key: vf[key] if value is None else value
               for key, value in want["vf"].get(i, left_alone()).items()}
           for i, vf in now["vf"].items()}
    kept = {}       # what is left alone of VFs is below nodes, which stay then
    for i, vf in vfs.items():
        if want["vf"].get(i, left_alone())["parent"] is not None:
            continue
        for name in nodes.above(now["node"], vf["parent"]):
            if name in want["node"]:
                break
            kept[name] = now["node"][name]
    own = {key: now[key] if want.get(key) is None else want[key] for key in PF_KEYS}
    return {**want, **own, "vf": vfs, "node": {**kept, **want["node"]}}


def left_alone():
    """A VF of which nothing is wanted"""
    return dict.fromkeys(VF_KEYS)


def nothing(pf):
    """A state in which all is left as it is"""
    return {**dict.fromkeys(PF_KEYS), "node": nodes.tree(rates(pf), params(pf)),
            "vf": {i: left_alone() for i in range(pf.num)}}


def others(num, want):
    """Are VFs destroyed and others made?"""
    return want["num_vfs"] not in (None, num)


def remade(pf, now, want):
    """`now`, as it is once there are as many VFs as wanted."""
    if not others(now["num_vfs"], want):
        return now
    new = new_vf(pf)
    return {**now, "node": {} if now["num_vfs"] else now["node"],   # they go with VFs
            "vf": {i: dict(new) for i in range(want["num_vfs"])}}


def differences(pf, now, want):
    """A line for each key that would change, and each node that comes or goes."""
    lines, name = [], name_of(pf)
    then = remade(pf, now, want)
    want = settle(want, then)
    for key in PF_KEYS:
        if now[key] != want[key]:
            lines.append(f"{name} {key}: {shown(now[key])} -> {shown(want[key])}")
    lines += [f"{name} node {node}{text}"
              for node, text in nodes.differences(then["node"], want["node"])]
    for i, vf in want["vf"].items():
        lines += [f"{name} vf{i} {key}: {shown(then['vf'][i][key])} -> {shown(vf[key])}"
                  for key in VF_KEYS if vf[key] != then["vf"][i][key]]
    return lines


# ---- who would be hurt ----

def touched(pf, want):
    """VFs that are destroyed, because another number is wanted, or lose their drivers."""
    if others(pf.num, want):
        return pf.vfs
    return [vf for vf in pf.vfs if want["vf"][vf.index]["driver"] not in (None, driver_of(vf))
            or want["vf"][vf.index]["msix_vectors"] not in (None, vf.vectors())]


def filtered(pf):
    """{VF: netdev of its port} of those with an XDP program"""
    ports, found = show("port", "show"), {}
    for vf in pf.vfs:
        dev = ports.get(f"pci/{pf.bdf}/{vf.index}", {}).get("netdev")
        if dev and any("xdp" in link for link in links(dev)):
            found[vf.index] = dev
    return found


def refuse_unfiltered(pf, want, force):
    """A program that decides what a VF is sent is not taken away in passing."""
    lost = [f"VF {i}: {dev}" for i, dev in filtered(pf).items()
            if others(pf.num, want) or want["vf"][i]["port_netdev"] is False]
    if lost and not force:
        raise Refused(f"{name_of(pf)}: takes XDP programs away ({'; '.join(lost)}): say "
                      "port_netdev = true for them, or --force")


def spare_used(pf, want):
    """Leave VFs that somebody uses with their drivers: lines that say so."""
    holders, notes = vfio_holders(look=True), []
    for vf in touched(pf, want):
        if vf.held(holders) or used_here(vf):
            want["vf"][vf.index].update(driver=None, msix_vectors=None)
            notes.append(f"{name_of(pf)}: VF {vf.index} is in use already ({vf.user(holders)}): its "
                         "driver and msix_vectors are left as they are")
    return notes


def refuse_hurting(pf, want, force):
    """VFs that somebody uses are neither destroyed nor taken from him."""
    refuse_unfiltered(pf, want, force)
    vfs = touched(pf, want)
    if not vfs:
        return
    holders, guests, hosts = vfio_holders(look=True), [], []
    for vf in vfs:
        if vf.held(holders):
            guests.append(f"VF {vf.index}: {vf.user(holders)}")
        elif used_here(vf):
            hosts.append(f"VF {vf.index}: {vf.user(holders)}")
    what = f"num_vfs {pf.num} -> {want['num_vfs']} destroys VFs that are in use: " \
        if others(pf.num, want) else "takes VFs from their drivers that are in use: "
    users = f"{name_of(pf)}: {what}{'; '.join(guests + hosts)}"
    if guests:
        raise Refused(f"{users}: stop those virtual machines or unplug the VFs there first")
    if hosts and not force:
        raise Refused(f"{users}: stop using them, or say --force")


def used_here(vf):
    """Has a VF with a driver of this host an interface that is up, or one in another namespace?"""
    if not vf.driver or vf.driver in VFIO_DRIVERS:
        return False
    netdevs = vf.netdevs()
    return not netdevs or any(int(read(f"/sys/class/net/{dev}/flags", "0"), 16) & 1
                              for dev in netdevs)


# ---- making it so ----

class Maker:
    """Makes an adapter's state another, a key at a time."""

    def __init__(self, pf, keep_going=False):
        self.pf, self.dev = pf, f"pci/{pf.bdf}"
        self.failed = [] if keep_going else None
        self.until = 0      # the adapter may not know its speed before

    def step(self, key, *argv):
        """Run what sets a key; while a new uplink's speed is not known, again."""
        while True:
            try:
                return call(*argv)
            except Refused as e:
                speed = "speed is not known" in str(e) or key == "link_speed"
                if speed and time.monotonic() < self.until:
                    time.sleep(0.1)
                    continue
                self.refuse(key, e)
                return None

    def refuse(self, key, error):
        """It failed: the end, unless all else is to be tried."""
        error = Refused(f"{name_of(self.pf)} {key}: {error}")
        if self.failed is None:
            raise error
        self.failed.append(str(error))

    def put(self, attribute, value):
        """Write an attribute of the PF in sysfs."""
        path = f"{self.pf.sysfs}/{attribute}"
        try:
            write(path, str(value), path)
        except Refused as e:
            self.refuse(attribute, e)

    def make(self, want, now=None):
        """Have it so; `now` is what is, if that is known, and is changed."""
        now = now or snapshot(self.pf)
        if want["drivers_autoprobe"] not in (None, now["drivers_autoprobe"]):
            self.put("sriov_drivers_autoprobe", int(want["drivers_autoprobe"]))
        if others(now["num_vfs"], want):
            self.number(now["num_vfs"], want["num_vfs"])
            self.pf = find_pf(self.pf.bdf)
            now = snapshot(self.pf)
        want = settle(want, now)
        if want["auto_recover"] != now["auto_recover"]:
            self.step("auto_recover", "devlink", "health", "set", self.dev, "reporter", "vf",
                      "auto_recover", str(want["auto_recover"]).lower())
        pairs = [(i, now["vf"][i], vf) for i, vf in want["vf"].items() if i in now["vf"]]
        trees = nodes.Trees(self, now, want)
        # link, memory and vectors: never is more promised than there is, on the way neither
        for i, old, new in pairs:
            self.rate(i, "min_tx_rate", old, 0 if trees.vf_moves(i) else
                      min(old["min_tx_rate"], new["min_tx_rate"]))
            self.pool(i, "memory_guaranteed", old,
                      min(old["memory_guaranteed"], new["memory_guaranteed"]))
            self.vectors(i, old, min(old["msix_vectors"], new["msix_vectors"]))
        trees.lower()
        self.wire(now, want)
        trees.build()
        for i, old, new in pairs:
            trees.put_vf(i, new["parent"])
            self.vf(i, old, new)
        trees.clear()

    def number(self, now, want):
        """Make as many VFs."""
        if now:
            self.put("sriov_numvfs", 0)
        if want:
            load_vf_driver(self.pf)
            self.put("sriov_numvfs", want)

    def wire(self, now, want):
        """Uplink and speed: that which says a speed first."""
        if want["link_speed"]:
            self.link_speed(now, want)
            self.uplink(now, want)
        else:
            self.uplink(now, want)
            self.link_speed(now, want)

    def link_speed(self, now, want):
        if now["link_speed"] != want["link_speed"]:
            self.param("link_speed", want["link_speed"], "link_speed")

    def uplink(self, now, want):
        if now["uplink"] == want["uplink"]:
            return
        if now["uplink"] != keys.NO_UPLINK:
            self.step("uplink", "ip", "link", "set", "dev", now["uplink"], "nomaster")
        if want["uplink"] != keys.NO_UPLINK:
            self.step("uplink", "ip", "link", "set", "dev", want["uplink"], "master",
                      self.pf.netdev)
            self.until = time.monotonic() + SPEED_WAIT

    def vf(self, i, old, new):
        """A VF's own; `old` is what it has."""
        if new["mac"] != old["mac"]:
            self.step(f"vf{i} mac", "devlink", "port", "function", "set", f"{self.dev}/{i}",
                      "hw_addr", new["mac"])
        if any(new[key] != old[key] for key in VLAN):
            self.link(i, "vlan", new["vlan"], "qos", new["qos"], "proto", new["vlan_protocol"])
        for key in DEVLINK_RATES:       # max_tx_rate first
            self.rate(i, key, old, new[key])
        for key in PARAMS:
            if new[key] != old[key]:
                self.param(f"vf{i} {key}", new[key], f"vf{i}_{key}")
        for key in DEVLINK_SHARES:
            if new[key] != old[key]:
                self.step(f"vf{i} {key}", "devlink", "port", "function", "rate", "set",
                          f"{self.dev}/{i}", key, str(new[key]))
        for key in POOLS:
            self.pool(i, key, old, new[key])
        for key in ("trust", "spoofchk", "state"):
            if new[key] != old[key]:
                value = new[key]
                self.link(i, key, {True: "on", False: "off"}.get(value, value))
        self.vectors(i, old, new["msix_vectors"])
        if new["driver"] != old["driver"]:
            try:
                bind(self.pf.vfs[i], new["driver"])
            except Refused as e:
                self.refuse(f"vf{i} driver", e)

    def vectors(self, i, old, value):
        """Set the number of MSI-X vectors, and note it in `old`."""
        if value == old["msix_vectors"]:
            return
        try:
            self.pf.vfs[i].set_vectors(value)
        except Refused as e:
            self.refuse(f"vf{i} msix_vectors", e)
        old["msix_vectors"] = value

    def link(self, i, key, *values):
        self.step(f"vf{i} {key}", "ip", "link", "set", "dev", self.pf.netdev, "vf", str(i), key,
                  *map(str, values))

    def param(self, key, value, name):
        self.step(key, *param_command(self.dev, name, value))

    def rate(self, i, key, old, value):
        """Set a rate, and note it in `old`."""
        if value != old[key]:
            self.step(f"vf{i} {key}", "devlink", "port", "function", "rate", "set",
                      f"{self.dev}/{i}", DEVLINK_RATES[key], f"{value}mbit")
            old[key] = value

    def pool(self, i, key, old, value):
        """Set a part of the packet memory, and note it in `old`."""
        if value != old[key]:
            self.step(f"vf{i} {key}", "devlink", "sb", "port", "pool", "set", f"{self.dev}/{i}",
                      "pool", str(POOLS[key]), "th", str(value))
            old[key] = value


def make_all(states, now):
    """Make each PF's state the one given, or leave all as they are `now`.

    Refused: a key that was refused, by whom and why, and what could not be undone.
    """
    before = [(pf, undoing(was, want)) for (pf, want), was in zip(states, now)]
    known = copy.deepcopy(now[0])
    try:
        for pf, want in states:
            Maker(pf).make(want, known)
            known = None        # an uplink may have come from the next one
    except (Refused, KeyboardInterrupt) as error:
        left = []
        for pf, was in reversed(before):
            left += restore(pf, was)
        text = "all is as it was before" if not left else \
            "not all could be undone:\n      " + "\n      ".join(left)
        raise Refused(f"{str(error) or 'interrupted'}\n      {text}") from error


def undoing(was, want):
    """What undoes what is wanted.  If VFs are to stay, that is no more than this: somebody else may
    destroy them meanwhile, and configure others."""
    if want["num_vfs"] is not None:
        return was
    own = {key: None if want[key] is None else was[key] for key in PF_KEYS}
    return {**was, **own, "vf": {i: {key: None if vf[key] is None else was["vf"][i][key]
                                     for key in vf}
                                 for i, vf in want["vf"].items() if i in was["vf"]}}


def restore(pf, was):
    """Make a PF's state what it was; what was refused."""
    try:
        maker = Maker(find_pf(pf.bdf), keep_going=True)
        maker.make(was)
    except Refused as e:
        return [str(e)]
    return maker.failed
