# SPDX-License-Identifier: GPL-2.0
"""A wire for the adapter: veth, its near end the uplink, its far end in a namespace."""
import socket
import threading

from ktap import defer, slow
from vnic import inside, load, sh


def wire(mtu=1500):
    """veth pair: ethup is for the PF, the other end with 10.9.0.200 in namespace 'wire'."""
    sh('ip netns add wire')
    defer(sh, 'ip netns del wire', check=False)
    sh(f'ip link add ethup mtu {mtu} type veth peer name ethfar mtu {mtu} netns wire')
    defer(sh, 'ip link del ethup', check=False)
    sh('ip link set ethup up; ip link set lo up')
    sh('ip addr add 10.9.0.200/24 dev ethfar; ip link set ethfar up', ns='wire')


def make_wired(mtu=1500, count=2):
    """PF with uplink, VFs in namespaces."""
    pf = load(total_vfs=4)[0]
    wire(mtu)
    sh(f'ip link set ethup master {pf.dev}')
    sh(f'ip link set {pf.dev} mtu {mtu} up; ip addr add 10.9.0.100/24 dev {pf.dev}')
    vfs = pf.vfs(count)
    for i, vf in enumerate(vfs):
        vf.up(ns=f'vf{i}', ip=f'10.9.0.{i + 1}', mtu=mtu)
    return pf, vfs


def carried(ns, kind, address, size, options=b''):
    """How many of `size` bytes a stream socket of namespace ns brings to one in vf0."""
    with inside('vf0'):
        server = socket.socket(*kind)
    with inside(ns):
        client = socket.socket(*kind)
    with server, client:
        for sock in server, client:
            sock.settimeout(10 * slow())
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(('', address[1]))
        server.listen()
        if options:
            client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, options)
        client.connect(address)
        taken, _ = server.accept()
        with taken:
            taken.settimeout(10 * slow())
            sender = threading.Thread(target=client.sendall, args=(bytes(size),))
            sender.start()
            got = 0
            try:
                while got < size:
                    got += len(taken.recv(1 << 16))
            except TimeoutError:
                client.shutdown(socket.SHUT_RDWR)
            sender.join()
    return got
