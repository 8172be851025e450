# SPDX-License-Identifier: GPL-2.0
"""What a netdev's queues do and have, by netlink (family "netdev", linux/netdev.h)."""
import socket
import struct

from vnic import inside

NETLINK_GENERIC = 16
REQUEST, DUMP = 1, 0x300                # NLM_F_*
NLMSG_ERROR, NLMSG_DONE = 2, 3
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
NETDEV_CMD_QSTATS_GET, SCOPE_QUEUE = 12, 1
NETDEV_CMD_PAGE_POOL_GET = 5
POOL_IFINDEX, POOL_NAPI_ID, POOL_INFLIGHT_MEM = 2, 3, 5     # NETDEV_A_PAGE_POOL_*
IFINDEX, QUEUE_TYPE, QUEUE_ID, SCOPE = 1, 2, 3, 4       # NETDEV_A_QSTATS_*
FIELDS = {8: 'rx_packets', 9: 'rx_bytes', 10: 'tx_packets', 11: 'tx_bytes', 12: 'rx_alloc_fail',
          16: 'rx_csum_unnecessary', 17: 'rx_csum_none',
          19: 'rx_hw_gro_packets', 21: 'rx_hw_gro_wire_packets',
          27: 'tx_needs_csum', 28: 'tx_hw_gso_packets', 30: 'tx_hw_gso_wire_packets',
          33: 'tx_stop'}
# Of the netdev only
DEVICE = {13: 'rx_hw_drops', 14: 'rx_hw_drop_overruns', 23: 'rx_hw_drop_ratelimits',
          24: 'tx_hw_drops', 25: 'tx_hw_drop_errors'}


def attribute(kind, data):
    """One, padded."""
    return struct.pack('=HH', 4 + len(data), kind) + data + bytes(-len(data) % 4)


def attributes(data):
    """Those of a message, by their numbers"""
    found = {}
    while data:
        length, kind = struct.unpack_from('=HH', data)
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def ask(sock, family, cmd, attrs, flags=0):
    """Send a request; the attributes of each message of the answer."""
    body = struct.pack('=BBH', cmd, 1, 0) + attrs
    sock.send(struct.pack('=IHHII', 16 + len(body), family, REQUEST | flags, 1, 0) + body)
    answers = []
    while True:
        data = sock.recv(1 << 16)
        while data:
            length, kind = struct.unpack_from('=IH', data)
            if kind in (NLMSG_ERROR, NLMSG_DONE):
                error = struct.unpack_from('=i', data, 16)[0]
                if error:
                    raise OSError(-error, 'netlink')
                return answers
            answers.append(attributes(data[20:length]))
            data = data[(length + 3) & ~3:]
        if not flags & DUMP:
            return answers


def number(answer, kind):
    """An attribute of an answer."""
    return int.from_bytes(answer[kind], 'little')


def open_family(ns=None):
    """A socket of a namespace, and the family's number"""
    with inside(ns):
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    name = attribute(CTRL_ATTR_FAMILY_NAME, b'netdev\0')
    return sock, number(ask(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, name)[0], CTRL_ATTR_FAMILY_ID)


def queue_stats(dev, ns=None):
    """Of the netdev in all, and of its queues: {field: count}, {('rx' or 'tx', N): the same}"""
    with inside(ns):
        index = socket.if_nametoindex(dev)
    sock, family = open_family(ns)
    with sock:
        which = attribute(IFINDEX, struct.pack('=I', index))
        total = ask(sock, family, NETDEV_CMD_QSTATS_GET, which, DUMP)
        which += attribute(SCOPE, struct.pack('=I', SCOPE_QUEUE))
        queues = ask(sock, family, NETDEV_CMD_QSTATS_GET, which, DUMP)

    def fields(answer):
        return {name: number(answer, kind) for kind, name in {**FIELDS, **DEVICE}.items()
                if kind in answer}

    return fields(total[0]), {(('rx', 'tx')[number(q, QUEUE_TYPE)], number(q, QUEUE_ID)): fields(q)
                              for q in queues}


def pool_bytes(dev, ns=None):
    """Bytes of memory that the page pools of each of the netdev's queues have, the largest first"""
    with inside(ns):
        index = socket.if_nametoindex(dev)
    sock, family = open_family(ns)
    with sock:
        pools = ask(sock, family, NETDEV_CMD_PAGE_POOL_GET, b'', DUMP)
    queues = {}
    for pool in pools:
        if POOL_NAPI_ID in pool and POOL_IFINDEX in pool and number(pool, POOL_IFINDEX) == index:
            napi = number(pool, POOL_NAPI_ID)
            queues[napi] = queues.get(napi, 0) + number(pool, POOL_INFLIGHT_MEM)
    return sorted(queues.values(), reverse=True)
