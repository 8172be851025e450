# SPDX-License-Identifier: GPL-2.0
"""The file that says how adapters are configured: read, checked as a whole, written.

It is TOML: a table adapter.<PF> for each adapter, in it a table node.<name> for each
node and vf.<N> for each VF of which there is something to say.  What is read is a state
for each PF, the same that state.snapshot() makes: all PF_KEYS, under "node" all NODE_KEYS
of each node, and under "vf" all VF_KEYS of each VF.  None: what it has is left as it is.
"""
import os
import re
from typing import NamedTuple

from vniclib import keys, nodes
from vniclib.adapter import (NO_DRIVER, VF_DRIVER, Refused, adapters, all_there, find_pf, name_of,
                             ranges, taken)
from vniclib.adapter import read as read_attribute
from vniclib.state import VLAN, left_alone, memory, new_vf, nothing, remade, settle, snapshot
from vniclib.keys import NODE_KEYS, PF_KEYS, VF_KEYS, shown

HEAD = """\
# Written by `vnic save`, for `vnic apply`.  Keys that are not here have their defaults;
# "The host keeps it" in vnic's administrator's guide explains all.
"""


# What of a file is wanted
ALL = "all"
VFS = "vfs"         # tables of VFs that there are, and of nodes; of these, what they name
UPLINK = "uplink"


# Parts of the link, whose speed has to be known for them
VF_PARTS = "min_tx_rate", "tx_weight", "tx_priority"
NODE_PARTS = "tx_share", "tx_weight", "tx_priority"


class Missing(Refused):
    """Nothing is wrong but that a device is not there (yet)."""


class How(NamedTuple):
    """How a file is applied: which part of it; force: also to VFs that are in use; late: without
    the uplinks that are not there."""
    part: str = ALL
    force: bool = False
    late: bool = False


class Plan(NamedTuple):
    """What a file wants: a state for each PF, [(PF, state)], what there is to say of it, and
    names of uplinks that are not there."""
    states: list
    notes: list
    missing: list


class Faults:
    """What is wrong with a file: all of it, each with its line and the path of its key."""

    def __init__(self, path, at=None):
        self.path, self.at, self.lines, self.missing = path, at or {}, [], True

    def add(self, where, text, missing=False):
        near = where    # of what is not there, the table that it should be in
        while near not in self.at and "." in near:
            near = near.rpartition(".")[0]
        line = f":{self.at[near]}" if near in self.at else ""
        self.lines.append(f"{self.path}{line}: {where}: {text}")
        self.missing = self.missing and missing

    def raise_any(self):
        if self.lines:
            raise (Missing if self.missing else Refused)("\n      ".join(self.lines))


def quoted(name):
    """A part of a key's path as TOML wants it."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else keys.quoted(name)


def lines_of(text, loads):
    """{path of a key or table: its line}, of a file of one key a line"""
    found, table = {}, []
    for n, line in enumerate(text.splitlines(), 1):
        try:
            part = loads(line)
        except ValueError:
            continue
        path = []
        while isinstance(part, dict) and part:
            key, part = next(iter(part.items()))
            path.append(quoted(key))
        if line.lstrip().startswith("["):
            table = path
            found.setdefault(".".join(path), n)
        elif path:
            found.setdefault(".".join(table + path), n)
    return found


def load(path):
    """The tables of a file, and {path of a key: its line}."""
    try:
        import tomllib      # since Python 3.11; only who reads a file needs it
    except ImportError as e:
        raise Refused("configuration files need Python 3.11 or newer") from e
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        return tomllib.loads(text), lines_of(text, tomllib.loads)
    except OSError as e:
        raise Refused(f"{path}: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise Refused(f"{path}: not TOML: {e}") from e


def check_keys(table, known, where, faults):
    """Those of a table's values that are as they should be."""
    good = {}
    for key, value in table.items():
        path = f"{where}.{quoted(key)}"
        if key not in known:
            faults.add(path, "no such key; there are: " + ", ".join(known))
            continue
        wrong = known[key][0].check(value)
        if wrong:
            faults.add(path, wrong)
        else:
            good[key] = value
    return good


def check_tables(value, where, faults):
    """A table whose values are tables; others are faults."""
    if not isinstance(value, dict):
        faults.add(where, "must be a table")
        return {}
    for key in [k for k, v in value.items() if not isinstance(v, dict)]:
        faults.add(f"{where}.{quoted(key)}", "must be a table: "
                   f"[{where}.{quoted(key)}]")
    return {k: v for k, v in value.items() if isinstance(v, dict)}


def check_vf(vf, where, faults):
    """What keys of a VF say together."""
    if vf["qos"] and not vf["vlan"]:
        faults.add(f"{where}.qos", "only 0 is accepted without a vlan")
    if vf["vlan_protocol"] != "802.1Q" and not vf["vlan"]:
        faults.add(f"{where}.vlan_protocol", 'only "802.1Q" is accepted without a vlan')
    if vf["max_tx_rate"] and vf["min_tx_rate"] > vf["max_tx_rate"]:
        faults.add(f"{where}.min_tx_rate", f"{vf['min_tx_rate']} is more than max_tx_rate, "
                   f"{vf['max_tx_rate']}")


def check_tree(state, where, faults):
    """Where nodes and VFs are, and what they are guaranteed together."""
    found = nodes.faults(state["node"], state["vf"])
    for which, key, text in found:
        what = "vf" if isinstance(which, int) else "node"
        faults.add(f"{where}.{what}.{quoted(str(which))}.{key}", text)
    if found:
        return
    promised = nodes.promised(state["node"], state["vf"], keys.NO_PARENT)
    if state["link_speed"] and promised > state["link_speed"]:
        faults.add(f"{where}.link_speed", f"{state['link_speed']} is less than all guarantees "
                   f"together: {promised} or more")


def check_sums(pf, state, where, faults):
    """What VFs have together."""
    guaranteed, size = sum(vf["memory_guaranteed"] for vf in state["vf"].values()), memory(pf)
    if guaranteed > size:
        faults.add(where, f"all memory_guaranteed together are {guaranteed} bytes: at most {size}, "
                   "the packet memory, can be guaranteed")
    vectors = sum(vf["msix_vectors"] for vf in state["vf"].values())
    pool = int(read_attribute(f"{pf.sysfs}/sriov_vf_total_msix", "0"))
    if vectors > pool:
        faults.add(where, f"all msix_vectors together are {vectors}: the adapter has {pool}")


def in_use(pf, tables, num):
    """Numbers of VFs that somebody has, who may have set what they have: not in the file"""
    unnamed = [vf for vf in pf.vfs if num == pf.num and str(vf.index) not in tables]
    return taken(unnamed) if unnamed else set()


def check_vfs(pf, tables, num, left, where, faults):
    """The state of each VF; those that are left as they are."""
    # what a new VF would have is no reason to change one that is there
    new = {**new_vf(pf), "personality": None}
    vfs = {i: left_alone() if i in left else dict(new) for i in range(num)}
    for name, table in tables.items():
        here = f"{where}.{quoted(name)}"
        if not (name.isascii() and name.isdigit() and name == str(int(name)) and int(name) < num):
            faults.add(here, f"no such VF: 0 to {num - 1} with num_vfs = {num}" if num else
                       "no such VF: num_vfs is 0")
            continue
        good = check_keys(table, VF_KEYS, here, faults)
        vfs[int(name)].update(good)
        if len(good) == len(table):
            check_vf(vfs[int(name)], here, faults)
    return vfs


def check_nodes(tables, where, faults):
    """The state of each node."""
    found = {}
    for name, table in check_tables(tables, where, faults).items():
        here = f"{where}.{quoted(name)}"
        wrong = keys.NODE_NAME.check(name)
        if wrong:
            faults.add(here, wrong)
        node = {**nodes.defaults(), **check_keys(table, NODE_KEYS, here, faults)}
        if name != keys.NO_PARENT:
            found[name] = node
    if len(found) > keys.NODES_MAX:
        faults.add(where, f"{len(found)} nodes: at most {keys.NODES_MAX} are accepted")
    return found


def vfs_only(pf, tables, state):
    """Of the state of an adapter what tables say of the VFs that there are, and of nodes: whoever
    has made the VFs may have set all else."""
    only = nothing(pf)
    if not pf.num:
        return only
    for i in set(only["vf"]).intersection(state["vf"]):
        given = tables.get(str(i), {})
        only["vf"][i].update({key: state["vf"][i][key] for key in VF_KEYS if key in given or
                              key in VLAN and set(VLAN).intersection(given)})
    return {**only, "node": {**only["node"], **state["node"]}}


def without_parts(pf, state):
    """Leave parts of the link, whose speed is not known, as they are.  Is any wanted?"""
    now, wanted = nothing(pf)["node"], False
    for vf in state["vf"].values():
        wanted |= any(vf[key] for key in VF_PARTS)
        vf.update(dict.fromkeys(VF_PARTS))
    for name, node in state["node"].items():
        wanted |= any(node[key] for key in NODE_PARTS)
        node.update({key: now.get(name, {}).get(key, 0) for key in NODE_PARTS})
    return wanted


def uplink_only(pf, tables, state):
    """Of the state of an adapter its uplink, and without link_speed what waited for that: see
    without_parts()."""
    only = {**nothing(pf), "uplink": state["uplink"]}
    if state["link_speed"] or state["uplink"] is None:
        return only
    for i in set(only["vf"]).intersection(state["vf"]):
        given = tables.get(str(i), {})
        only["vf"][i].update({key: state["vf"][i][key] for key in VF_PARTS if key in given})
    for name in set(only["node"]).intersection(state["node"]):
        only["node"][name].update({key: state["node"][name][key] for key in NODE_PARTS})
    return only


def check_uplink(pf, uplink, where, faults, plan, late):
    """The uplink, None for one that is not there"""
    if uplink == pf.netdev:
        faults.add(f"{where}.uplink", f"{uplink} is the adapter's own interface")
    if uplink in (None, keys.NO_UPLINK) or os.path.exists(f"/sys/class/net/{uplink}"):
        return uplink
    if not late:
        there = sorted(set(os.listdir("/sys/class/net")) - {"lo", pf.netdev})
        faults.add(f"{where}.uplink", f"no interface {uplink}; there are: "
                   f"{', '.join(there) or 'none'}", missing=True)
        return uplink
    plan.missing.append(uplink)
    plan.notes.append(f"warning: {name_of(pf)}: no interface {uplink} (yet): the uplink is left as "
                      "it is")
    return None


def check_pf(pf, table, where, faults, how, plan):
    """The state of an adapter; what there is to say of it goes into the plan."""
    table, force = dict(table), how.force
    tables = check_tables(table.pop("vf", {}), f"{where}.vf", faults)
    node_tables = table.pop("node", {})
    state = {key: default for key, (_kind, default) in PF_KEYS.items() if key != "num_vfs"}
    state.update(check_keys(table, PF_KEYS, where, faults))
    if "num_vfs" not in table:
        faults.add(f"{where}.num_vfs", f"missing: 0 to {pf.total}")
    elif "num_vfs" in state and state["num_vfs"] > pf.total:
        faults.add(f"{where}.num_vfs", f"{state['num_vfs']} is not accepted: 0 to {pf.total} "
                   "(parameter total_vfs of vnic-pf)")
    if not pf.netdev:
        faults.add(where, "its interface is not in this network namespace")
        force = True        # of its VFs nothing can be seen
    if how.part != VFS:
        state["uplink"] = check_uplink(pf, state["uplink"], where, faults, plan, how.late)
    state["node"] = check_nodes(node_tables, f"{where}.node", faults)
    num = min(state.get("num_vfs", pf.total), pf.total)
    left = set() if force or how.part != ALL else in_use(pf, tables, num)
    state["vf"] = check_vfs(pf, tables, num, left, f"{where}.vf", faults)
    if left:
        plan.notes.append(f"{name_of(pf)}: in use and not in the file, so left as they are: VFs "
                          f"{ranges(sorted(left))} (--force gives them defaults)")
    if how.part == VFS and pf.netdev:
        more = [i for i in state["vf"] if i >= pf.num and str(i) in tables]
        if more:
            plan.notes.append(f"{name_of(pf)}: there are {pf.num} VFs, so not applied: the tables "
                              f"of VFs {ranges(more)}")
        state = vfs_only(pf, tables, state)
    if how.part == UPLINK and pf.netdev:
        state = uplink_only(pf, tables, state)
    later = pf.netdev and how.part == ALL and not state["link_speed"] and \
        table.get("uplink") in plan.missing
    if later and without_parts(pf, state):
        plan.notes.append(f"warning: {name_of(pf)}: without link_speed guarantees, weights and "
                          "priorities wait for the uplink")
    partly = left or later or how.part != ALL
    whole = state
    if pf.netdev and partly and "num_vfs" in state:
        whole = settle(state, remade(pf, snapshot(pf), state))
    check_sums(pf, whole, where, faults)
    check_tree(whole, where, faults)
    return state


def read(path, how=How()):
    """The Plan of a file.  Refused, with all that is wrong in it."""
    tables, lines = load(path)
    if how.part == VFS:
        all_there(adapters())
    faults, found, plan = Faults(path, lines), [], Plan([], [], [])
    for key in tables:
        if key != "adapter":
            faults.add(quoted(key), "no such table; there is: adapter")
    for name, table in check_tables(tables.get("adapter", {}), "adapter", faults).items():
        where = f"adapter.{quoted(name)}"
        try:
            pf = find_pf(name)
        except Refused as e:
            faults.add(where, str(e), missing=True)
            continue
        if pf.bdf in [other.bdf for other, _state in found]:
            faults.add(where, f"{pf.bdf} is in the file already")
            continue
        found.append((pf, check_pf(pf, table, where, faults, how, plan)))
    uplinks = [s["uplink"] for _pf, s in found if s["uplink"] not in (None, keys.NO_UPLINK)]
    for name in {u for u in uplinks if uplinks.count(u) > 1}:
        faults.add("adapter", f"{name} is the uplink of more than one")
    faults.raise_any()
    return plan._replace(states=found)


def render(states):
    """The text of a file; [(PF, state)]"""
    lines = [HEAD]
    for pf, state in states:
        here = f'adapter."{pf.bdf}"'
        # The personality is always said: what new VFs have may be another tomorrow.
        new = {**new_vf(pf), "driver": VF_DRIVER if state["drivers_autoprobe"] else NO_DRIVER,
               "personality": None}
        lines += [f"[{here}]  # {name_of(pf)}"]
        lines += assignments(state, {k: d for k, (_kind, d) in PF_KEYS.items()}) + [""]
        for name, node in state["node"].items():
            lines += [f"[{here}.node.{quoted(name)}]", *assignments(node, nodes.defaults()), ""]
        for i, vf in state["vf"].items():
            said = assignments(vf, new)
            if said:
                lines += [f"[{here}.vf.{i}]"] + said + [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def assignments(values, defaults):
    """Lines for what differs from the defaults."""
    return [f"{key} = {shown(values[key])}" for key in defaults
            if values[key] not in (None, defaults[key])]
