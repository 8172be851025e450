# SPDX-License-Identifier: GPL-2.0
"""XDP programs without a compiler: a few instructions, loaded by bpf(2) and pinned.

A program is attached by `ip link set DEV xdpdrv pinned PATH`, so that the
kernel's messages are those a user sees.  For guests, where Python is slow, there are
object files: `ip link set DEV xdpdrv obj FILE sec SECTION`.
"""
import ctypes
import os
import struct

from ktap import Fail, defer
from vnic import mac_bytes, sh

SYS_BPF = 321                   # x86-64
MAP_CREATE, PROG_LOAD, OBJ_PIN = 0, 5, 6
PROG_TYPE_XDP = 6
HAS_FRAGS = 1 << 5              # BPF_F_XDP_HAS_FRAGS
ABORTED, DROP, PASS, TX, REDIRECT = range(5)
MAP_ARRAY = 2
MOUNT = '/run/xdp'              # `ip netns exec` has a /sys of its own


def insn(opcode, dst=0, src=0, off=0, imm=0):
    """One instruction."""
    return struct.pack('<BBhi', opcode, dst | src << 4, off, imm)


def mov(reg, imm):
    """reg = imm"""
    return insn(0xb7, reg, imm=imm)


def load(size, dst, src, off):
    """dst = *(size *)(src + off)"""
    return insn({4: 0x61, 2: 0x69}[size], dst, src, off)


def store(size, dst, off, src):
    """*(size *)(dst + off) = src"""
    return insn({4: 0x63, 2: 0x6b}[size], dst, src, off)


def call(helper):
    """r0 = helper(r1, …)"""
    return insn(0x85, imm=helper)


def finish(verdict):
    """return verdict"""
    return mov(0, verdict) + insn(0x95)


def test_frames_only(body):
    """Pass what is no frame of the tests (ethertype 0x88b5); r2: frame, r6: context."""
    head = load(4, 2, 1, 0) + load(4, 3, 1, 4)          # data, data_end
    head += insn(0xbf, 4, 2) + insn(0x07, 4, imm=14)    # r4 = data + 14
    head += insn(0x2d, 4, 3, 2) + load(2, 5, 2, 12)     # if r4 > data_end: pass
    head += insn(0x15, 5, off=2, imm=0xb588)
    return insn(0xbf, 6, 1) + head + finish(PASS) + body


def swap_macs():
    """Send the frame back to whom it came from."""
    code = b''
    for off, size in ((0, 4), (4, 2)):
        code += load(size, 3, 2, off) + load(size, 4, 2, off + 6)
        code += store(size, 2, off, 4) + store(size, 2, off + 6, 3)
    return code


def set_macs(dst, src):
    """Write both addresses."""
    code = b''
    data = mac_bytes(dst) + mac_bytes(src)
    for off in range(0, 12, 4):
        code += mov(3, struct.unpack_from('<i', data, off)[0]) + store(4, 2, off, 3)
    return code


def redirect(ifindex):
    """Send it out of another netdev."""
    return mov(1, ifindex) + mov(2, 0) + call(23) + insn(0x95)


def adjust_head(delta):
    """Move the frame's start; abort if that is refused."""
    return insn(0xbf, 1, 6) + mov(2, delta) + call(44) + \
        insn(0x15, 0, off=2, imm=0) + finish(ABORTED)


def adjust_tail(delta):
    """Move the frame's end; abort if that is refused."""
    return insn(0xbf, 1, 6) + mov(2, delta) + call(65) + \
        insn(0x15, 0, off=2, imm=0) + finish(ABORTED)


def bpf(cmd, attr):
    """The system call; its result, or OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(attr, 128)
    result = libc.syscall(SYS_BPF, cmd, buf, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


class Program:
    """Instructions with labels to jump to."""

    def __init__(self):
        self.code, self.labels, self.jumps = b'', {}, []

    def add(self, *codes):
        """Some instructions more."""
        self.code += b''.join(codes)
        return self

    def label(self, name):
        """Here."""
        self.labels[name] = len(self.code) // 8
        return self

    def jump(self, name, opcode=0x05, dst=0, src=0, imm=0):
        """Go to a label, always, or as the opcode compares dst with src or imm."""
        self.jumps.append((len(self.code), name))
        return self.add(insn(opcode, dst, src, imm=imm))

    def done(self):
        """The instructions."""
        code = bytearray(self.code)
        for at, name in self.jumps:
            struct.pack_into('<h', code, at + 2, self.labels[name] - at // 8 - 1)
        return bytes(code)


def net16(value):
    """A number of two bytes of the network's order, as a program loads it."""
    return int.from_bytes(value.to_bytes(2, 'big'), 'little')


def ipv4(body, proto=None, src=None, dport=None, syn=False):
    """Do body() with what is IPv4 and of that protocol, source (address, bits), port or
    connection's begin; pass all else.  r2: frame; r6: context."""
    p = Program().add(insn(0xbf, 6, 1), load(4, 2, 1, 0), load(4, 3, 1, 4))
    p.add(insn(0xbf, 4, 2), insn(0x07, 4, imm=14 + 20 + 20)).jump('pass', 0x2d, 4, 3)
    p.add(load(2, 5, 2, 12)).jump('pass', 0x55, 5, imm=net16(0x800))
    if proto is not None:
        p.add(insn(0x71, 5, 2, 14 + 9)).jump('pass', 0x55, 5, imm=proto)
    if src is not None:
        address, bits = src
        wanted = int.from_bytes(bytes(map(int, address.split('.'))), 'big')
        p.add(load(4, 5, 2, 14 + 12), insn(0xdc, 5, imm=32))            # to the host's order
        p.add(insn(0x77, 5, imm=32 - bits)).jump('pass', 0x55, 5, imm=wanted >> 32 - bits)
    if dport is not None:
        p.add(load(2, 5, 2, 14 + 20 + 2)).jump('pass', 0x55, 5, imm=net16(dport))
    if syn:
        p.add(insn(0x71, 5, 2, 14 + 20 + 13), insn(0x57, 5, imm=0x12)).jump('pass', 0x55, 5, imm=2)
    body(p)
    return p.label('pass').add(finish(PASS)).done()


def create_map(kind, key, value, entries):
    """A map; its file descriptor, closed at the end of the case."""
    fd = bpf(MAP_CREATE, struct.pack('<IIII', kind, key, value, entries))
    defer(os.close, fd)
    return fd


def map_value(p, fd, label):
    """r0 = element 0 of an array; go to label if there is none.  Uses r1, r2."""
    p.add(insn(0x62, 10, off=-4), insn(0xbf, 2, 10), insn(0x07, 2, imm=-4))
    p.add(insn(0x18, 1, 1, imm=fd), insn(0), call(1)).jump(label, 0x15, 0)


def at_most(p, fd, count):
    """Pass that many a second, drop the rest; fd: an array with 16 bytes."""
    map_value(p, fd, 'pass')
    p.add(insn(0xbf, 7, 0), call(5))                    # r7 = element; r0 = ns
    p.add(insn(0x79, 1, 7, 0), insn(0xbf, 2, 0), insn(0x1f, 2, 1))
    p.jump('same', 0xb5, 2, imm=1000000000)             # unsigned <=
    p.add(insn(0x7b, 7, 0), insn(0x7a, 7, off=8))       # a second begins, with none
    p.label('same').add(insn(0x79, 1, 7, 8)).jump('drop', 0x35, 1, imm=count)
    p.add(insn(0x07, 1, imm=1), insn(0x7b, 7, 1, 8)).jump('pass')
    p.label('drop').add(finish(DROP))


def pin(name, code, frags=False):
    """Load a program and pin it; its path.  frags: it knows of frames in several buffers."""
    if not os.path.ismount(MOUNT):
        os.makedirs(MOUNT, exist_ok=True)
        sh(f'mount -t bpf bpf {MOUNT}')
    log = ctypes.create_string_buffer(65536)
    text, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b'GPL')
    attr = struct.pack('<IIQQIIQII', PROG_TYPE_XDP, len(code) // 8, ctypes.addressof(text),
                       ctypes.addressof(licence), 1, len(log), ctypes.addressof(log), 0,
                       HAS_FRAGS if frags else 0)
    try:
        fd = bpf(PROG_LOAD, attr)
    except OSError as err:
        raise Fail(f'program {name}: {err}: {log.value.decode()[-400:]}') from err
    path = f'{MOUNT}/{name}'
    where = ctypes.create_string_buffer(path.encode())
    bpf(OBJ_PIN, struct.pack('<QI', ctypes.addressof(where), fd))
    os.close(fd)
    defer(os.unlink, path)
    return path


def symbol(name, info, section, size=0):
    """An Elf64_Sym."""
    return struct.pack('<IBBHQQ', name, info, 0, section, 0, size)


def object_file(path, programs):
    """Write what a compiler would: programs, {section's name: code}, that libbpf loads."""
    names, where = b'\0', {}
    for name in [*programs, 'license', '.strtab', '.symtab']:
        where[name] = len(names)
        names += name.encode() + b'\0'
    bodies = [(name, 1, 6, code) for name, code in programs.items()]    # PROGBITS; alloc, exec
    bodies += [('license', 1, 3, b'GPL\0'), ('.strtab', 3, 0, names)]
    symbols = symbol(0, 0, 0)
    for i, (name, code) in enumerate(programs.items(), 1):
        symbols += symbol(where[name], 0x12, i, len(code))              # global function
    bodies.append(('.symtab', 2, 0, symbols))
    strings = len(bodies) - 1
    data, heads = b'', bytes(64)
    for name, kind, flags, body in bodies:
        data += bytes(-len(data) % 8)
        heads += struct.pack('<IIQQQQIIQQ', where[name], kind, flags, 0, 64 + len(data), len(body),
                             *((strings, 1, 8, 24) if kind == 2 else (0, 0, 8, 0)))
        data += body
    data += bytes(-len(data) % 8)
    with open(path, 'wb') as file:
        file.write(b'\x7fELF\2\1\1' + bytes(9))                       # 64 bits, little-endian
        file.write(struct.pack('<HHIQQQIHHHHHH', 1, 247, 1, 0, 0, 64 + len(data), 0, 64, 0, 0, 64,
                               len(bodies) + 1, strings))
        file.write(data + heads)
    return path
