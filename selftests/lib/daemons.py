# SPDX-License-Identifier: GPL-2.0
"""Daemons that configure a host's network, without an init: udevd, networkd, NetworkManager."""
import os
import signal

from ktap import defer, wait_for
from vnic import Background, read, sh, write_file


class Networkd:
    """systemd-networkd, of which one interface is said what is here; ended with the case."""

    def __init__(self, dev, *lines):
        self.dev = dev
        self.file = f'/run/systemd/network/10-{dev}.network'
        defer(self.forget)
        self.say(*lines)
        # Where /sys cannot be written it does not wait for udev, which does not run here.
        self.run = Background("unshare -m sh -c 'mount -o remount,bind,ro /sys && "
                              "exec /usr/lib/systemd/systemd-networkd'")
        self.settled()

    def forget(self):
        """Nobody reads it any more."""
        if os.path.exists(self.file):
            os.remove(self.file)

    def say(self, *lines):
        """Have these lines in the file."""
        write_file(self.file, '\n'.join(['[Match]', f'Name={self.dev}', '[Network]',
                                         'LinkLocalAddressing=no', 'IPv6AcceptRA=no', *lines, '']))

    def reload(self, *lines):
        """The same, and have it read again, as networkctl reload does."""
        state = self.state()
        os.remove(state)
        self.say(*lines)
        os.kill(self.run.proc.pid, signal.SIGHUP)
        self.settled()

    def state(self):
        """The file in which it says how far it is."""
        return f'/run/systemd/netif/links/{read(f"/sys/class/net/{self.dev}/ifindex")}'

    def settled(self):
        """Wait until it has configured the interface."""
        wait_for(lambda: os.path.exists(self.state()) and
                 'ADMIN_STATE=configured' in read(self.state()), f'{self.dev} is configured', 40)


def udevd():
    """systemd-udevd, which knows the interfaces that there are; it names PF and VFs."""
    sh('rm -f /run/udev/control')       # of one before
    Background('/usr/lib/systemd/systemd-udevd')
    wait_for(lambda: os.path.exists('/run/udev/control'), 'udevd')
    sh('udevadm trigger --action=add --subsystem-match=net && udevadm settle')


def network_manager(conf=''):
    """NetworkManager with this configuration, udevd and a message bus; ended with the case."""
    os.makedirs('/run/dbus', exist_ok=True)
    sh('rm -f /run/dbus/system_bus_socket')
    Background('dbus-daemon --system --nofork --nopidfile')
    wait_for(lambda: os.path.exists('/run/dbus/system_bus_socket'), 'the message bus')
    udevd()
    write_file('/run/nm/nm.conf', '[main]\nplugins=keyfile\ndns=none\nauth-polkit=false\n'
               f'[keyfile]\npath=/run/nm/connections\n{conf}')
    Background('NetworkManager --no-daemon --config=/run/nm/nm.conf --config-dir=/run/nm/conf.d '
               '--state-file=/run/nm/state --pid-file=/run/nm/pid')
    defer(sh, 'rm -rf /run/nm')
    wait_for(lambda: not sh('nmcli general status', check=False).returncode, 'NetworkManager', 30)
