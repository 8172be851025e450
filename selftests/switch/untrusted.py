#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug
"""What a guest says of its frames is not taken for granted by who gets them of the switch."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from events import Events
from ktap import eq, note, run, wait_for
from tso import gso, tso_socket
from vnic import shared
from wire import make_wired

DODGY = 1 << 1      # SKB_GSO_*
KINDS = {'tcpv4': 1 << 0, 'tcpv6': 1 << 4}
INTO = ('net:napi_gro_receive_entry', 'net:netif_rx_entry', 'net:netif_receive_skb_entry')
OUT = 'net:net_dev_start_xmit'
WIRE = '02:00:00:00:00:99'          # nobody's here
N = 8


def kinds(events, names, dev):
    """gso_type of the frames to be cut into segments that pass a netdev, once each."""
    for name in names:
        found = [int(e['gso_type'], 16) for e in events.take(name)
                 if e['dev'] == dev and e['gso_size']]
        if found:
            note(f'{dev}: {len(found)} of {name}')
            return found
    return []


def marked(dst, names, dev):
    """Frames of VF 0 to be segmented are marked when the host's stack gets them."""
    _, vfs = shared(make_wired)
    events = Events(*names)
    sock = tso_socket(vfs[0].name, vfs[0].ns)
    for kind, bit in KINDS.items():
        events.clear()
        for _ in range(N):
            sock.send(gso(kind, dst, vfs[0].mac))
        wait_for(lambda: len(kinds(events, names, dev)) >= N, f'{N} {kind} frames of {dev}')
        eq(set(kinds(events, names, dev)), {bit | DODGY}, f'{kind}: gso_type')


def to_pf():
    """a VF's frames to be segmented are marked SKB_GSO_DODGY at the PF"""
    pf, _ = shared(make_wired)
    with open(f'/sys/class/net/{pf.dev}/address', encoding='ascii') as file:
        marked(file.read().strip(), INTO, pf.dev)


def to_wire():
    """and at the uplink"""
    marked(WIRE, (OUT,), 'ethup')


run([to_pf, to_wire])
