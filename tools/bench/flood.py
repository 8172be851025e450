# SPDX-License-Identifier: GPL-2.0
"""More frames than anybody asked for, and drivers that do not take them."""
import bed
from loads import Stream
from program import Told

BURST = 32              # frames that a flood sends at once, if not told otherwise


class Nobody:
    """Where a flood goes if there is no namespace to receive it."""

    dev = None

    def __init__(self, mac, ip):
        self.mac, self.ip = mac, ip

    def run(self, cmd):
        """Nothing to set up."""


class Flood:
    """Frames from an end to another, in bursts without end."""

    def __init__(self, source, target, kpps, size=64, burst=BURST):
        self.source, self.target, self.burst = source, target, burst
        gap = self.gap(kpps)
        self.stream = Stream(size, 0, gap_us=gap, sources=burst, wire=True) \
            if source.dev == 'ethfar' else Stream(size, 0, burst, gap)

    def gap(self, kpps):
        """Between bursts, in us."""
        return int(self.burst * 1000 / kpps)

    def pace(self, kpps):
        """Another rate from now on, the bursts as before."""
        self.stream.pace(self.source, self.gap(kpps))

    def __enter__(self):
        self.stream.prepare(self.source, self.target)
        self.proc = bed.Program(self.source, 'echo start >/proc/net/pktgen/pgctrl')
        return self

    def __exit__(self, *args):
        self.source.run('echo stop >/proc/net/pktgen/pgctrl')
        self.proc.output()
        self.stream.finish(self.source, self.target)


def go_deaf(the_bed, index):
    """From now on a driver has this VF that never refills its ring, not being told to; where to
    send what is for it, and the driver."""
    end, vf = the_bed.vfs[index], the_bed.pf.vf(index)
    end.run(f'ip link set {end.dev} netns 1')
    the_bed.pf.link(index, f'mac {end.mac}')
    vf.to_vfio()
    return Nobody(end.mac, end.ip), Told('peers', vf.bdf)
