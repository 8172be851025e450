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
NO_UPLINK = "none"
AS_TX = "max_tx_rate"


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

    def accepts(self):
        return f'"{AS_TX}" (the same) or {super().accepts()}'

    def good(self, value):
        return value == AS_TX or super().good(value)


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


# key: (kind, default); None: what it has is left alone (mac, driver), there is none (num_vfs), or
# it depends on the adapter (memory)
PF_KEYS = {
    "num_vfs": (Number(0, 256), None),
    "uplink": (Interface(), NO_UPLINK),
    "link_speed": (Number(1, RATE_MAX, "Mb/s", zero="the uplink's"), 0),
    "drivers_autoprobe": (Flag(), True),
    "auto_recover": (Flag(), True),
}
VF_KEYS = {
    "mac": (Address(), None),
    "vlan": (Number(1, 4094, zero="none"), 0),
    "qos": (Number(0, 7), 0),
    "vlan_protocol": (Choice("802.1Q", "802.1ad"), "802.1Q"),
    "max_tx_rate": (Number(1, RATE_MAX, "Mb/s", zero="no limit"), 0),
    "min_tx_rate": (Number(1, RATE_MAX, "Mb/s", zero="none"), 0),
    "rx_rate": (Rate(1, RATE_MAX, "Mb/s", zero="no limit"), AS_TX),
    "rx_burst": (Number(*BURST, "bytes", zero="by the rate"), 0),
    "tx_burst": (Number(*BURST, "bytes", zero="by the rate"), 0),
    "rx_queue": (Number(100, 1000000, "microseconds", zero="none waits"), 0),
    "rx_pps": (Number(*PPS, "packets a second", zero="no limit"), 0),
    "tx_pps": (Number(*PPS, "packets a second", zero="no limit"), 0),
    "tx_weight": (Number(1, RATE_MAX, zero="in proportion to min_tx_rate"), 0),
    "tx_priority": (Number(1, 7, zero="that of its VLAN"), 0),
    "memory_guaranteed": (Number(0, 1 << 30, "bytes", step=CELL), None),
    "memory_borrowed": (Number(0, 1 << 30, "bytes", step=CELL), None),
    "trust": (Flag(), False),
    "spoofchk": (Flag(), True),
    "state": (Choice("auto", "enable", "disable"), "auto"),
    "msix_vectors": (Number(2, 17), 5),
    "driver": (Choice("vnic-vf", "vnic-vfio-pci", "none"), None),
}


def shown(value):
    """A value as it is written in the file."""
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, str) else str(value)
