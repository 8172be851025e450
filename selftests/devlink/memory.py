#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=shown,waiting,lent quick=lent,resized
# proof: stable=refused,waiting,full,lent
# timeout: 300
"""devlink sb: partitions of the packet memory, shown, resized, lent and taken back."""
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import contains, defer, eq, note, run, sleep, true, wait_for
from devlink import Devlink
from events import Events
from peers import RING, Peers
from vnic import Background, load, sh

KIB = 1024
CELL = 2 * KIB
GUARANTEED, BORROWED = 0, 1


def make(vfs=3, **params):
    """An adapter whose VFs are driven by Peers; (PF, Devlink, Peers)."""
    pf = load(**params)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(vfs)
    defer(pf.numvfs, 0)
    return pf, Devlink(pf), Peers([pf.vf(i).to_vfio() for i in range(vfs)])


def drops(pf, reason):
    """Frames to VFs dropped for a reason."""
    return pf.stats()[f'vfs_rx_drop_{reason}']


def shown():
    """sizes, pools and ports, of the size the module was given; nothing without VFs"""
    pf = load(total_vfs=8, memory=4)[0]
    dl = Devlink(pf)
    eq(dl.pools(), [0, 4096 * KIB], 'pools without VFs')
    eq(dl.ports(), [], 'ports without VFs')
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(3)
    defer(pf.numvfs, 0)
    eq(dl.sb(), 4096 * KIB, 'size')
    eq(dl.ports(), [('pcivf', 0), ('pcivf', 1), ('pcivf', 2)], 'ports')
    for vf in range(3):
        eq(dl.threshold(vf, GUARANTEED), 256 * KIB, 'half of the memory in eight parts')
        eq(dl.threshold(vf, BORROWED), 256 * KIB, 'a sixteenth to borrow')
    eq(dl.pools(), [3 * 256 * KIB, (4096 - 3 * 256) * KIB], 'pools')
    pf.numvfs(0)
    eq(dl.ports(), [], 'ports without VFs')


def refused():
    """what cannot be had is refused, with what could, and changes nothing"""
    pf = load(total_vfs=4, memory=1)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    pf.numvfs(2)
    defer(pf.numvfs, 0)
    dl = Devlink(pf)
    contains(dl.set(0, GUARANTEED, 1000, fails=True), 'multiple of the cell size, 2048', 'odd size')
    contains(dl.set(0, BORROWED, 1026 * KIB, fails=True), 'has 1048576 bytes', 'too much')
    said = dl.set(0, GUARANTEED, 1024 * KIB, fails=True)
    contains(said, 'left for this port', 'all of it')
    left = int(said.split('At most ')[1].split()[0])
    contains(dl.run(f'sb pool set {dl.dev} pool 0 size 4096 thtype static', fails=True),
             'parameter memory', 'size of a pool')
    contains(dl.run(f'sb port pool set {dl.dev}/2 pool 0 th 4096', fails=True),
             'No such device', 'a VF that is not there')
    eq(dl.threshold(0, GUARANTEED), 128 * KIB, 'guarantee of VF 0')
    contains(dl.set(0, GUARANTEED, left + CELL, fails=True), f'At most {left}', 'a cell too many')
    dl.set(0, GUARANTEED, left)
    contains(dl.set(1, GUARANTEED, 130 * KIB, fails=True), f'At most {128 * KIB} bytes',
             'more for another VF')
    dl.set(1, GUARANTEED, 0)
    dl.set(0, GUARANTEED, left + 128 * KIB)
    eq(dl.threshold(0, GUARANTEED), left + 128 * KIB, 'guarantee of VF 0')


def waiting():
    """frames wait in the partition while no buffer is posted; occupancy and high-water mark"""
    pf, dl, peers = make()
    peers.send(0, 1, RING + 40, 1514)
    eq(dl.occupancy(1), [(40 * CELL, 40 * CELL), (0, 0)], 'occupancy with 40 frames')
    eq(dl.occupancy(2), [(0, 0), (0, 0)], 'occupancy of another VF')
    peers.send(2, 1, 40, 1514)
    eq(dl.occupancy(1), [(64 * CELL, 64 * CELL), (16 * CELL, 16 * CELL)], 'with 80')
    eq(peers.take(1), list(range(RING + 80)), 'frames, in order')
    eq(dl.occupancy(1), [(0, 64 * CELL), (0, 16 * CELL)], 'when all are taken')
    dl.run(f'sb occupancy clearmax {dl.dev}')
    eq(dl.occupancy(1), [(0, 0), (0, 0)], 'marks cleared')
    eq(pf.vfinfo(1)['stats']['rx']['dropped'], 0, 'drops')


def full():
    """a full partition drops and counts, for the VF that is full only, and holds up no sender"""
    pf, dl, peers = make()
    dl.set(1, GUARANTEED, 20 * CELL)
    dl.set(1, BORROWED, 10 * CELL)
    peers.send(0, 1, RING + 100, 600)
    eq(drops(pf, 'nobuf'), 70, 'drops for want of a buffer')
    eq(pf.vfinfo(1)['stats']['rx']['dropped'], 70, 'drops of VF 1')
    peers.send(0, 2, RING + 50, 600)
    eq(pf.vfinfo(2)['stats']['rx']['dropped'], 0, 'drops of VF 2')
    eq(peers.take(1), list(range(RING + 30)), 'frames of VF 1')
    eq(peers.take(2), list(range(RING + 50)), 'frames of VF 2')


def assured():
    """the last quarter of a partition is for senders inside their guarantee, while there are such"""
    pf, dl, peers = make()
    dl.set(1, GUARANTEED, 40 * CELL)
    dl.set(1, BORROWED, 0)
    pf.link(2, 'min_tx_rate 100')
    took, base = 1, 0
    while took > 0.8:       # a second after the last such frame all is as before
        start = time.monotonic()
        peers.send(2, 1, 1, 600)
        peers.send(0, 1, RING + 99, 600)
        peers.send(2, 1, 10, 600)
        took = time.monotonic() - start
        got = peers.take(1)
        note(f'{len(got)} frames, {took:.2f} s')
        base += RING + 110
    last = [n - base for n in got]
    eq(last, list(range(-RING - 110, -80)) + list(range(-10, 0)), 'frames: 70 of VF 0 are missing')
    sleep(1.5)
    peers.send(0, 1, RING + 100, 600)
    eq(len(peers.take(1)), RING + 40, 'frames when nobody is inside a guarantee')


def lent():
    """what is lent is taken back for the guarantee of another VF, the newest frames first"""
    pf, dl, peers = make(total_vfs=4, memory=1)
    dl.set(1, BORROWED, 1024 * KIB)
    peers.send(0, 1, RING + 600, 1000)
    used = sum(now for now, _ in dl.occupancy(1)) // CELL
    note(f'VF 1 has {used} of {1024 * KIB // CELL} cells')
    true(used > 400, 'nearly all of the memory is lent')
    lost = drops(pf, 'nobuf')
    eq(lost, 600 - used, 'drops when there was no more')
    peers.send(0, 2, RING + 64, 1000)
    eq(dl.occupancy(2), [(64 * CELL, 64 * CELL), (0, 0)], 'VF 2 has its guarantee')
    eq(drops(pf, 'nobuf'), lost, 'drops of VF 2')
    taken = drops(pf, 'reclaim')
    true(taken >= 48, f'{taken} frames were given up')
    eq(pf.vfinfo(1)['stats']['rx']['dropped'], lost + taken, 'drops of VF 1')
    eq(peers.take(1), list(range(RING + used - taken)), 'the older frames of VF 1')
    eq(peers.take(2), list(range(RING + 64)), 'frames of VF 2')


def waited():
    """the event vnic_waited tells for how long each frame has waited"""
    _, _, peers = make()
    events = Events('vnic_waited')
    peers.send(0, 1, RING + 40, 1514)
    sleep(0.5)
    peers.take(1)
    seen = events.take('vnic_waited')
    eq(len(seen), 40, 'events')
    eq({event['vf'] for event in seen}, {1}, 'VF')
    eq(sum(event['packets'] for event in seen), 40, 'packets')
    true(min(event['ns'] for event in seen) >= 5 * 10 ** 8, 'as long as nobody took them')


def resized():
    """shrinking below what is in use drains and discards nothing; growing takes effect at once"""
    pf, dl, peers = make(total_vfs=4, memory=1)
    dl.set(1, BORROWED, 0)
    peers.send(0, 1, RING + 64, 1514)
    dl.set(1, GUARANTEED, 10 * CELL)
    eq(dl.occupancy(1)[0][0] + dl.occupancy(1)[1][0], 64 * CELL, 'in use after shrinking')
    said = dl.set(2, GUARANTEED, 1024 * KIB, fails=True)
    left = int(said.split('At most ')[1].split()[0])
    peers.send(0, 1, 5, 1514)
    eq(drops(pf, 'nobuf'), 5, 'drops while it drains')
    eq(peers.take(1), list(range(RING + 64)), 'frames')
    dl.set(2, GUARANTEED, left + 54 * CELL)
    peers.send(0, 1, RING + 64, 1514)       # 5 of the numbers before were dropped
    eq(drops(pf, 'nobuf'), 5 + 54, 'drops of the small partition')
    dl.set(2, GUARANTEED, CELL)
    dl.set(1, GUARANTEED, 100 * CELL)
    peers.send(0, 1, 90, 1514)
    eq(drops(pf, 'nobuf'), 5 + 54, 'drops after growing')
    got = peers.take(1)
    eq(len(got), RING + 10 + 90, 'frames')
    eq(got, sorted(got), 'order')


def traffic():
    """sizes change all the time under traffic"""
    pf = load(total_vfs=4, memory=1)[0]
    vfs = pf.vfs(2)
    for i, vf in enumerate(vfs):
        vf.up(ns=f'vf{i}', ip=f'10.9.0.{i + 1}')
    dl = Devlink(pf)
    pf_dev = pf.dev
    sh(f'ip addr add 10.9.0.9/24 dev {pf_dev}; ip link set {pf_dev} up')
    for way in (dict(), dict(ns='vf0')):
        server = Background('iperf3 -s -1', ns='vf1')   # of its own: one may be busy for a while
        wait_for(lambda: ':5201' in sh('ss -Hltn', ns='vf1').stdout, 'iperf3 server')
        client = sh('iperf3 -c 10.9.0.2 -t 3 >/run/out 2>&1 & echo $!', **way).stdout.strip()
        for i in range(30):
            dl.set(1, GUARANTEED, (0, 40, 300, 7, 64)[i % 5] * CELL)
            dl.set(1, BORROWED, (100, 0, 512, 3)[i % 4] * CELL)
        dl.set(1, GUARANTEED, 64 * CELL)
        dl.set(1, BORROWED, 64 * CELL)
        wait_for(lambda: sh(f'kill -0 {client}', check=False).returncode, 'iperf3', seconds=60)
        contains(sh('cat /run/out').stdout, 'receiver', 'the end of iperf3')
        server.stop()
    wait_for(lambda: sum(now for now, _ in dl.occupancy(1)) == 0, 'nothing waits any more')


run([shown, refused, waiting, full, assured, lent, waited, resized, traffic])
