# SPDX-License-Identifier: GPL-2.0
"""Makes figures of what the plugin wrote: instructions, exits, calls of functions."""
import bisect
import collections
import json
import os
import re

# What is counted besides instructions: calls of these functions, in the machine (m) or
# where the ends of the workload are (e): in guests (g), unless both are on the host.
CALLS = {
    'interrupts': [('e', 'handle_irq_event')],
    'kicks': [('m', 'ioeventfd_write'), ('m', 'vnic_queue_kick')],
    'switches': [('m', '__switch_to_asm')],
}

# What guests exit for, by the functions of KVM that are called then (AMD's).
REASONS = {
    'halt': 'kvm_emulate_halt',
    'timer set': 'kvm_set_lapic_tscdeadline_msr',
    'end of interrupt': 'kvm_lapic_reg_write',
    'device or page': 'npf_interception',
    'window for an interrupt': 'interrupt_window_interception',
}


# Whose a function is, by its module, or by its name in the module or the kernel; the first
# that fits.
OURS = 'vnic_pf', 'vnic_vfio_pci', 'vnic_iommu'
OTHERS = 'vhost', 'vhost_net', 'vhost_iotlb', 'tun', 'tap', 'bridge', 'macvtap', 'macvlan', 'veth', 'stp'
EMULATION = re.compile('x86_(emulate|decode)|emul|^em_|paging(64|32)_|translate|decode_|^(seg|lin)|'
                       'writeback|fetch|_nested|check_.*intercept|init_decode|kvm_read_guest|'
                       'kvm_vcpu_read_guest|vcpu_mmio|mmio')
SCHEDULER = re.compile('sched|task|_switch|enqueue|dequeue|pick_|load_avg|wake|_entity|vruntime|'
                       'rq_|_rq|cpuidle|do_idle|rcu_note_context|update_curr|slice|deadline|'
                       'idle_')
PARTS = ('sender', 'its driver', 'receiver', 'its driver too', 'vnic', 'vhost, taps', 'KVM',
         'KVM emulates', 'scheduler', 'host kernel', 'programs')


class Symbols:
    """Functions by address."""

    def __init__(self, path, base=None):
        self.names = dict(base.names) if base else {}
        if os.path.exists(path):
            with open(path, encoding='ascii') as file:
                for line in file:
                    field = line.split()
                    if field[1] in 'tTwW':
                        module = f' {field[3]}' if len(field) > 3 else ''
                        self.names.setdefault(int(field[0], 16), field[2] + module)
        self.starts = sorted(self.names)

    def only_kernel(self):
        """Without the modules."""
        self.names = {a: n for a, n in self.names.items() if ' [' not in n}
        return self

    def at(self, address):
        """The function there."""
        if address < 1 << 63:
            return '(user space)'
        i = bisect.bisect_right(self.starts, address) - 1
        return self.names[self.starts[i]] if i >= 0 else '?'


class Window:
    """What ran between two marks."""

    def __init__(self, path):
        with open(path, encoding='ascii') as file:
            head = file.readline()
            self.insns, self.guest, self.exits, lost = \
                (int(n) for n in re.findall(r'\d+', head))
            self.blocks = []
            for line in file:
                who, pc, insns, count = line.split()
                self.blocks.append((who, int(pc, 16), int(insns), int(count)))
        # Guests that are gone have no blocks that ran.
        self.guests = sorted({who for who, *_ in self.blocks if who != 'm'}, key=lambda g: int(g[1:]))
        if lost:
            print(f'{path}: {lost} blocks found no place')

    def calls(self, symbols):
        """Calls by (m or g, function)."""
        calls = collections.Counter()
        for who, pc, _, count in self.blocks:
            name = symbols[who[0]].names.get(pc)
            if name:
                calls[who[0], name.split()[0]] += count
        return calls

    def profile(self, symbols):
        """Instructions by (m or g, function)."""
        total = collections.Counter()
        for who, pc, insns, count in self.blocks:
            total[who[0], symbols[who[0]].at(pc)] += insns * count
        return total

    def parts(self, symbols):
        """Instructions by PARTS."""
        total = collections.Counter()
        for who, pc, insns, count in self.blocks:
            name = symbols[who[0]].at(pc)
            total[part_of_guest(self.guests.index(who), name) if who != 'm' else part_of_host(name)
                  ] += insns * count
        return total


def part_of_guest(index, name):
    """Of what ran in a guest: the first one sends"""
    driver = name.endswith(('[vnic_vf]', '[virtio_net]', '[e1000]', '[8139cp]')) or 'virtqueue' in name
    if driver:
        return 'its driver too' if index else 'its driver'
    return 'receiver' if index else 'sender'


def part_of_host(name):
    """Of what ran in the machine itself"""
    function, _, module = name.partition(' ')
    module = module.strip('[]')
    if name == '(user space)':
        return 'programs'
    if module in OURS:
        return 'vnic'
    if module == 'vnic_vf':     # a VF of the host: its stack is the host's
        return 'its driver'
    if module in OTHERS:
        return 'vhost, taps'
    if module in ('kvm', 'kvm_amd'):
        return 'KVM emulates' if EMULATION.search(function) else 'KVM'
    return 'scheduler' if not module and SCHEDULER.search(function) else 'host kernel'


def symbols_of(log):
    """Symbols of machine and guests."""
    machine = Symbols(f'{log}/kallsyms')
    kernel = Symbols(f'{log}/kallsyms').only_kernel()
    return {'m': machine, 'g': Symbols(f'{log}/kallsyms.guest', kernel)}


def figures(log):
    """A dictionary for each line of results, with what was counted."""
    rows = []
    if not os.path.exists(f'{log}/results'):
        return rows
    symbols = symbols_of(log)
    with open(f'{log}/results', encoding='ascii') as file:
        for line in file:
            row = json.loads(line)
            window = Window(f'{log}/window.{row["window"]}')
            row.update(insns=window.insns, guest=window.guest, exits=window.exits)
            calls = window.calls(symbols)
            on_host = row['load'].startswith('host-') or row['peer'] == 'bare'
            ends = 'm' if on_host else 'g'
            for name, functions in CALLS.items():
                row[name] = sum(calls[ends if who == 'e' else who, function]
                                for who, function in functions)
            row['log'] = log
            rows.append(row)
    return rows


def profile(log, window, units, top=60):
    """Print where the instructions of a window went, and what guests exited for."""
    symbols = symbols_of(log)
    window = Window(f'{log}/window.{window}')
    names = {'m': 'host', 'g': 'guest'}
    for (who, name), insns in window.profile(symbols).most_common(top):
        print(f'{insns / units:10.1f} {100 * insns / window.insns:5.1f} %  '
              f'{names[who]:5}  {name}')
    calls = window.calls(symbols)
    reasons = [(calls['m', function] / units, reason) for reason, function in REASONS.items()]
    if window.exits:
        print(f'{window.exits / units:10.1f} exits: '
              + ', '.join(f'{count:.1f} {reason}' for count, reason in sorted(reasons)[::-1]))


def parts(log, window, units):
    """Instructions of a window by PARTS, per unit."""
    total = Window(f'{log}/window.{window}').parts(symbols_of(log))
    return {part: total[part] / units for part in PARTS}


def modules(log, window, units):
    """Print what each module has of the instructions of a window."""
    total = collections.Counter()
    for (_, name), insns in Window(f'{log}/window.{window}').profile(symbols_of(log)).items():
        if name.endswith(']'):
            total[name.split('[')[1]] += insns / units
    print('by module: ' + ', '.join(f'{name[:-1]} {insns:.0f}'
                                    for name, insns in total.most_common(8)))
