# SPDX-License-Identifier: GPL-2.0
"""Senders that go on for the length of a case, and what VFs send or are sent meanwhile."""
import threading
import time

from ktap import defer, note, sleep
from vnic import frame, packet_socket

AWAY = '02:00:00:99:99:99'      # an address on the wire
SIZE = 1400                     # bytes of a frame


class Pump:
    """Sends frames from a netdev to an address for the length of the case, at most so many Mb/s."""

    def __init__(self, dev, ns, dest, source, mbps=0, **kwargs):
        self.sock = packet_socket(dev, ns)
        self.sock.settimeout(0.2)       # a VF may get no share for as long as others want theirs
        self.data = frame(dest, source, size=SIZE, **kwargs)
        self.gap = SIZE * 8e-6 / mbps if mbps else 0
        self.sent = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        defer(self.stop)

    def _run(self):
        due = time.monotonic()
        while not self.over.is_set():
            try:
                self.sock.send(self.data)
                self.sent += 1
            except OSError:         # no room for so long
                time.sleep(0.002)
            # who was held up makes up for little of it: what it sends is to fit into its rate
            due = max(due + self.gap, time.monotonic() - 0.05)
            ahead = due - time.monotonic() if self.gap else 0
            if ahead > 0:
                time.sleep(ahead)
            elif not self.sent % 16:    # who is late sends on: a yield takes longer than a frame
                time.sleep(0)

    def stop(self):
        """End it."""
        self.over.set()
        self.thread.join()


def pump(vfs, *which, dest=AWAY, mbps=0):
    """VFs that send to the wire, or to another address, from now on."""
    return [Pump(vfs[i].name, f'vf{i}', dest, vfs[i].mac, mbps) for i in which]


def octets(pf, way):
    """Bytes of each VF, and when: on a busy machine it takes a while to ask."""
    begin = time.monotonic()
    counts = [vf['stats'][way]['bytes'] for vf in pf.vfinfo()]
    return counts, (begin + time.monotonic()) / 2


def rates(pf, way, seconds=3, settle=1):
    """Mb/s that VFs send ('tx') or are sent ('rx')"""
    sleep(settle)
    before, start = octets(pf, way)
    sleep(seconds)
    after, end = octets(pf, way)
    mbps = [round((b - a) * 8e-6 / (end - start), 2) for a, b in zip(before, after)]
    note(f'{way}: {mbps} Mb/s')
    return mbps
