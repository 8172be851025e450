# SPDX-License-Identifier: GPL-2.0
"""Tenants: nodes of `devlink port function rate`, what VFs below them have together.

A tree is {name: all NODE_KEYS}; a node's "parent", like a VF's, is the name of the node
above it, keys.NO_PARENT at the top.
"""
from vniclib import keys
from vniclib.keys import NODE_KEYS, NO_PARENT

RATE = ("port", "function", "rate")
MBIT = 125000       # bytes a second, in which devlink shows rates
IN_MBIT = ("tx_max", "tx_share")


# ---- what is ----

def shown_rates(said, dev):
    """Of devlink's answer, what it says of a device: {VF's number or node's name: …}"""
    return {name.removeprefix(dev + "/"): rate for name, rate in said.items()
            if name.startswith(dev + "/")}


def parent_of(rate):
    """Of a VF or node as devlink shows it"""
    return rate.get("parent", NO_PARENT)


def rate_value(value, same):
    """A rate that devlink has as text: a number, or the word for that of another key"""
    return value if value == same else int(value)


def tree(rates, params):
    """The nodes of an adapter, of what devlink rate and param say."""
    found = {}
    for name, rate in rates.items():
        value = params.get(f"node_{name}_rx_rate")
        if rate["type"] != "node" or value is None:
            continue        # a VF, or a node that is gone meanwhile
        found[name] = {
            "parent": parent_of(rate), "rx_rate": rate_value(value, keys.NODE_AS_TX),
            **{key: rate.get(key, 0) // MBIT for key in IN_MBIT},
            **{key: rate.get(key, 0) for key in ("tx_weight", "tx_priority")},
        }
    return {name: {key: node[key] for key in NODE_KEYS}
            for name, node in sorted(found.items(), key=lambda n: (len(above(found, n[0])), n[0]))}


def above(nodes, name):
    """Names of a node and those above it, the lowest first; a circle is gone through once."""
    names = []
    while name in nodes and name not in names:
        names.append(name)
        name = nodes[name]["parent"]
    return names


def below(nodes, name):
    """Names of a node and those below it"""
    return [other for other in nodes if name in above(nodes, other)]


def children(nodes, name):
    """Names of the nodes right below one, or at the top"""
    return [other for other, node in nodes.items() if node["parent"] == name]


def walk(nodes, name=NO_PARENT, level=0):
    """(name, how many are above it) of all nodes, each before those below it"""
    for child in children(nodes, name):
        yield child, level
        yield from walk(nodes, child, level + 1)


def rx_rate(node):
    """Mb/s that what is below a node is sent together; 0: no limit"""
    return node["tx_max"] if node["rx_rate"] == keys.NODE_AS_TX else node["rx_rate"]


# ---- whether it can be ----

def promised(nodes, vfs, name):
    """Mb/s that what is right below a node, or at the top, is guaranteed together"""
    return sum(vf["min_tx_rate"] for vf in vfs.values() if vf["parent"] == name) + \
        sum(nodes[child]["tx_share"] or promised(nodes, vfs, child)
            for child in children(nodes, name))


def faults(nodes, vfs):
    """What is wrong with a tree and the VFs in it: (node or VF, key, text) of each.

    Guarantees are looked at if all is where it can be.
    """
    found = place_faults(nodes, vfs)
    return found or guarantee_faults(nodes, vfs)


def place_faults(nodes, vfs):
    found, names = [], ", ".join(map(keys.quoted, nodes)) or "none"
    for which, one in [*nodes.items(), *vfs.items()]:
        if one["parent"] != NO_PARENT and one["parent"] not in nodes:
            found.append((which, "parent", f"no node {keys.quoted(one['parent'])} in the file; "
                          f"there are: {names}"))
    circles, chains = set(), {name: above(nodes, name) for name in nodes}
    for name, chain in chains.items():
        if nodes[chain[-1]]["parent"] == name and name not in circles:
            found.append((name, "parent", f"a circle: {' below '.join([*chain, name])}"))
            circles.update(chain)
    for name, chain in chains.items():
        if len(chain) > keys.NODES_ABOVE and not circles.intersection(chain):
            found.append((name, "parent", f"{len(chain)} nodes above each other "
                          f"({' below '.join(chain)}): at most {keys.NODES_ABOVE} are accepted"))
    return found


def guarantee_faults(nodes, vfs):
    found = []
    for name, node in nodes.items():
        if node["tx_max"] and node["tx_share"] > node["tx_max"]:
            found.append((name, "tx_share", f"{node['tx_share']} is more than tx_max, "
                          f"{node['tx_max']}"))
        key, needed = "tx_share" if node["tx_share"] else "tx_max", promised(nodes, vfs, name)
        if node[key] and needed > node[key]:
            found.append((name, key, f"{node[key]} is less than what is right below it is "
                          f"guaranteed together: {needed} or more"))
    return found


# ---- what differs ----

def differences(now, want):
    """[(name, text)]: a line for each node that comes or goes, and each key that changes"""
    lines = [(name, ": removed") for name in now if name not in want]
    for name, node in want.items():
        if name not in now:
            lines.append((name, ": added"))
        was = now.get(name) or defaults()
        lines += [(name, f" {key}: {keys.shown(was[key])} -> {keys.shown(node[key])}")
                  for key in NODE_KEYS if node[key] != was[key]]
    return lines


def defaults():
    """A node that has just been made"""
    return {key: default for key, (_kind, default) in NODE_KEYS.items()}


# ---- making it so ----

class Trees:
    """Makes an adapter's nodes others, in an order that the kernel accepts.

    It checks guarantees up the tree at every change, so first lower(), by which nobody is
    promised more than before or after; what goes elsewhere, and all that is below it, is
    promised nothing.  In that state build() moves and makes nodes, and raises them
    again, from the top down.  Then VFs can be put below them and raised, and clear()
    removes what is left over.  `maker` runs what sets a key; `now` and `vfs` are kept
    as it is.
    """

    def __init__(self, maker, now, want):
        self.maker, self.vfs, self.want_vfs = maker, now["vf"], want["vf"]
        self.now, self.want = now["node"], want["node"]
        self.moving = {name for name in self.now
                       if any(self.goes(other) for other in above(self.now, name))}

    def goes(self, name):
        """Is a node to be elsewhere, or not at all?"""
        return name not in self.want or self.want[name]["parent"] != self.now[name]["parent"]

    def vf_moves(self, vf):
        """Is a VF to be below other nodes?"""
        return (self.vfs[vf]["parent"] != self.want_vfs[vf]["parent"] or
                self.vfs[vf]["parent"] in self.moving)

    def lower(self):
        """Lower guarantees of nodes; those of VFs have been."""
        for name in reversed([name for name, _level in walk(self.now)]):
            share = self.now[name]["tx_share"]
            self.set(name, "tx_share",
                     0 if name in self.moving else min(share, self.want[name]["tx_share"]))

    def build(self):
        """Make nodes and what they have."""
        for name in [name for name in self.now if self.goes(name)]:
            self.put(name, NO_PARENT)
        if len({*self.now, *self.want}) > keys.NODES_MAX:
            self.make_room()
        for name in [name for name in self.want if name not in self.now]:
            self.run(f"node {name}", "add", name)
            self.now[name] = defaults()
        order = [name for name, _level in walk(self.want)]
        for name in order:
            self.set(name, "tx_max", self.want[name]["tx_max"])
            self.rx_rate(name, self.want[name]["rx_rate"])
        for name in order:
            self.put(name, self.want[name]["parent"])
        for name in order:
            for key in ("tx_weight", "tx_priority", "tx_share"):
                self.set(name, key, self.want[name][key])

    def make_room(self):
        """Both, nodes that come and those that go, would be too many: VFs are below none
        meanwhile."""
        for vf in self.vfs:
            if self.vfs[vf]["parent"] not in self.want:
                self.put_vf(vf, NO_PARENT)
        self.clear()

    def clear(self):
        """Remove nodes that are not wanted; nothing is below them, nor they below others."""
        for name in [name for name in self.now if name not in self.want]:
            self.run(f"node {name}", "del", name)
            del self.now[name]

    def put(self, name, parent):
        """Put a node elsewhere."""
        if self.now[name]["parent"] != parent:
            self.run(f"node {name} parent", "set", name, *where(parent))
            self.now[name]["parent"] = parent

    def put_vf(self, vf, parent):
        """Put a VF elsewhere."""
        if self.vfs[vf]["parent"] != parent:
            self.run(f"vf{vf} parent", "set", str(vf), *where(parent))
            self.vfs[vf]["parent"] = parent

    def set(self, name, key, value):
        """Set what a node has."""
        if self.now[name][key] != value:
            self.run(f"node {name} {key}", "set", name, key,
                     f"{value}mbit" if key in IN_MBIT else str(value))
            self.now[name][key] = value

    def rx_rate(self, name, value):
        if self.now[name]["rx_rate"] != value:
            self.maker.param(f"node {name} rx_rate", value, f"node_{name}_rx_rate")
            self.now[name]["rx_rate"] = value

    def run(self, key, what, name, *args):
        self.maker.step(key, "devlink", *RATE, what, f"{self.maker.dev}/{name}", *args)


def where(parent):
    """devlink's words for it"""
    return ["noparent"] if parent == NO_PARENT else ["parent", parent]
