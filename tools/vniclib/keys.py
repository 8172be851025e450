# SPDX-License-Identifier: GPL-2.0
"""The keys of a configuration file: what each accepts, and its default.

A value is checked by its kind's check(), which returns what is wrong with it,
None if nothing is.  What a key means: Documentation/admin-guide.rst.
"""
import json
import re

CELL = 2048             # bytes in which packet memory is handed out
RATE_MAX = 1000000      # Mb/s
BURST = (15140, 1 << 30)        # bytes
PPS = (100, 1000000000)         # packets a second
NODES_MAX = 256         # of an adapter
NODES_ABOVE = 4         # of a VF
NODE_NAME_MAX = 63      # bytes
NO_UPLINK = "none"
NO_PARENT = ""
AS_TX = "max_tx_rate"
NODE_AS_TX = "tx_max"
# What a guest needs for a VF of this personality
PERSONALITIES = {
    "native": "a guest with vnic-vf",
    "virtio": "any guest with a virtio-net driver",
    "virtio-split": "any guest with a virtio-net driver; without packed virtqueues",
}


class Kind:
    """What all have: accepts(), in words, and good(value)."""

    def check(self, value):
        return None if self.good(value) else f"{shown(value)} is not accepted: {self.accepts()}"


class Number(Kind):
    """low to high, or 0 if `zero` says what that means; a multiple of step."""

    def __init__(self, low, high, unit="", zero=None, step=1):
        self.low, self.high, self.step = low, high, step
        self.zero, self.unit = zero, unit

    def accepts(self):
        text = f"{self.low} to {self.high}{self.unit and ' ' + self.unit}"
        if self.step > 1:
            text += f", a multiple of {self.step}"
        if not self.zero:
            return text
        return f"0 ({self.zero}) {'to' if self.low == 1 else 'or'} " + text.removeprefix("1 to ")

    def good(self, value):
        return (isinstance(value, int) and not isinstance(value, bool) and not value % self.step
                and (self.low <= value <= self.high or bool(self.zero and value == 0)))


class Rate(Number):
    """A Number of Mb/s, or that of another key."""

    def __init__(self, same, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.same = same

    def accepts(self):
        return f'"{self.same}" (the same) or {super().accepts()}'

    def good(self, value):
        return value == self.same or super().good(value)


class Flag(Kind):
    """true or false"""

    def accepts(self):
        return "true or false"

    def good(self, value):
        return isinstance(value, bool)


class Choice(Kind):
    """One of some words."""

    def __init__(self, *words):
        self.words = words

    def accepts(self):
        return ", ".join(f'"{word}"' for word in self.words)

    def good(self, value):
        return isinstance(value, str) and value in self.words


class Address(Kind):
    """A unicast MAC address, in lower case"""

    def accepts(self):
        return 'a unicast address in lower case, as "02:00:00:00:00:01"'

    def good(self, value):
        return (isinstance(value, str) and re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){5}", value)
                and int(value[:2], 16) & 1 == 0 and bool(value.strip("0:")))


class Interface(Kind):
    """Name of a network interface, or NO_UPLINK"""

    def accepts(self):
        return f'the name of an interface, or "{NO_UPLINK}"'

    def good(self, value):
        return isinstance(value, str) and re.fullmatch(r"[^\s/:]{1,15}", value)


class NodeName(Kind):
    """What devlink and vnic-pf take as the name of a node"""

    def accepts(self):
        return f"1 to {NODE_NAME_MAX} bytes, not digits alone, no / and no control characters"

    def good(self, value):
        return (0 < len(value.encode()) <= NODE_NAME_MAX and not re.fullmatch("[0-9]+", value)
                and not re.search("[/\x00-\x1f\x7f]", value))


class Parent(Kind):
    """Name of a node, or NO_PARENT; whether there is one is seen when all nodes are known"""

    def accepts(self):
        return f'the name of a node, or "{NO_PARENT}" (none)'

    def good(self, value):
        return isinstance(value, str)


# key: (kind, default); None: what it has is left alone (uplink, mac, personality, driver), there
# is none (num_vfs), or it depends on the adapter (memory)
PF_KEYS = {
    "num_vfs": (Number(0, 256), None),
    "uplink": (Interface(), None),
    "link_speed": (Number(1, RATE_MAX, "Mb/s", zero="the uplink's"), 0),
    "drivers_autoprobe": (Flag(), True),
    "auto_recover": (Flag(), True),
}
NODE_NAME = NodeName()
NODE_KEYS = {
    "parent": (Parent(), NO_PARENT),
    "tx_max": (Number(1, RATE_MAX, "Mb/s", zero="no limit"), 0),
    "rx_rate": (Rate(NODE_AS_TX, 1, RATE_MAX, "Mb/s", zero="no limit"), NODE_AS_TX),
    "tx_share": (Number(1, RATE_MAX, "Mb/s", zero="what its children have"), 0),
    "tx_weight": (Number(1, RATE_MAX, zero="in proportion to tx_share"), 0),
    "tx_priority": (Number(0, 7), 0),
}
VF_KEYS = {
    "mac": (Address(), None),
    "vlan": (Number(1, 4094, zero="none"), 0),
    "qos": (Number(0, 7), 0),
    "vlan_protocol": (Choice("802.1Q", "802.1ad"), "802.1Q"),
    "max_tx_rate": (Number(1, RATE_MAX, "Mb/s", zero="no limit"), 0),
    "min_tx_rate": (Number(1, RATE_MAX, "Mb/s", zero="none"), 0),
    "parent": (Parent(), NO_PARENT),
    "rx_rate": (Rate(AS_TX, 1, RATE_MAX, "Mb/s", zero="no limit"), AS_TX),
    "rx_burst": (Number(*BURST, "bytes", zero="by the rate"), 0),
    "tx_burst": (Number(*BURST, "bytes", zero="by the rate"), 0),
    "rx_queue": (Number(100, 1000000, "microseconds", zero="none waits"), 0),
    "rx_pps": (Number(*PPS, "packets a second", zero="no limit"), 0),
    "tx_pps": (Number(*PPS, "packets a second", zero="no limit"), 0),
    "storm_control": (Number(10, PPS[1], "packets a second", zero="no limit"), 1000),
    "tx_weight": (Number(1, RATE_MAX, zero="in proportion to min_tx_rate"), 0),
    "tx_priority": (Number(1, 7, zero="that of its VLAN"), 0),
    "memory_guaranteed": (Number(0, 1 << 30, "bytes", step=CELL), None),
    "memory_borrowed": (Number(0, 1 << 30, "bytes", step=CELL), None),
    "trust": (Flag(), False),
    "spoofchk": (Flag(), True),
    "state": (Choice("auto", "enable", "disable"), "auto"),
    "msix_vectors": (Number(2, 17), 5),
    "port_netdev": (Flag(), False),
    "personality": (Choice(*PERSONALITIES), None),
    "driver": (Choice("vnic-vf", "vnic-vfio-pci", "none"), None),
}


def shown(value):
    """A value as it is written in the file."""
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text):
    """A text as TOML has it; JSON's way, but that TOML escapes one more character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
