#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug newest=shown,recover quick=shown,recover
# proof: stable=shown,recover,gone,info
# timeout: 300
"""devlink: the health reporter of VFs that were stopped, and what the adapter is."""
import json
import re
import sys
import time
sys.path.insert(0, sys.path[0] + '/../lib')
from ktap import between, contains, eq, run, sleep, slow, true, wait_for
from misbehave import Misbehave
from vnic import PF_DRIVER, load, log_mark, log_since, out, refused, sh, shared, write

FAILED = 4      # VNIC_STATUS_FAILED
RESCUE = 10     # seconds until a VF whose driver does nothing is reset
REASON = 'TX ring or descriptors invalid'


def bench():
    """A PF and three VFs for vfio."""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    for vf in pf.vfs(3):
        vf.to_vfio()
    return pf


def two():
    """Two PFs with a VF each for vfio."""
    pfs = load(adapters=2, total_vfs=1)
    for pf in pfs:
        pf.set('sriov_drivers_autoprobe', 0)
        pf.vfs(1)[0].to_vfio()
    return pfs


def health(pf):
    """What devlink says of the reporter."""
    reporters = json.loads(out(f'devlink -j health show pci/{pf.bdf} reporter vf'))['health']
    return reporters[f'pci/{pf.bdf}'][0]


def state(pf):
    """healthy or error"""
    return health(pf)['state']


def diagnose(pf):
    """What it says of the VFs, by VF."""
    return {v['vf']: v for v in
            json.loads(out(f'devlink -j health diagnose pci/{pf.bdf} reporter vf'))['VFs']}


def dump(pf):
    """The dump."""
    return json.loads(out(f'devlink -j health dump show pci/{pf.bdf} reporter vf'))


def tell(pf, what):
    """`devlink health WHAT`"""
    sh(f'devlink health {what.split()[0]} {" ".join(what.split()[1:2])} '
       f'pci/{pf.bdf} reporter vf {" ".join(what.split()[2:])}')


def healthy(pf, seconds=20):
    """Wait for it."""
    wait_for(lambda: state(pf) == 'healthy', 'healthy', seconds=seconds)


def stop(pf, driver):
    """Let a driver's VF be stopped, and wait until devlink knows."""
    before = health(pf)
    driver.tell('stop')
    wait_for(lambda: since(pf, before)[0], 'reported')


def recovered(pf):
    """All that is stopped is reset: later, and not at once, where the time for that is used up."""
    wait_for(lambda: not sh(f'devlink health recover pci/{pf.bdf} reporter vf',
                            check=False).returncode, 'recovered')


def fresh(pf):
    """Healthy, without a dump; returns the counts so far."""
    healthy(pf)
    tell(pf, 'dump clear')
    return health(pf)


def since(pf, before):
    """Errors and recoveries since."""
    now = health(pf)
    return now['error'] - before['error'], now['recover'] - before['recover']


def nothing():
    """a new adapter is healthy, has no VF to show and nothing to dump"""
    pf = shared(bench)
    eq(state(pf), 'healthy', 'state')
    eq(diagnose(pf), {}, 'VFs')
    contains(refused(f'devlink health dump show pci/{pf.bdf} reporter vf'), 'no VF has failed',
             'dump')


def shown():
    """a VF that was stopped is shown with reason and time until its driver has reset it"""
    pf = shared(bench)
    before, start = fresh(pf), time.time()
    had = diagnose(pf).get(1, {'failures': 0})['failures']
    driver = Misbehave(pf.vf(1))
    stop(pf, driver)
    eq(state(pf), 'error', 'state')
    got = diagnose(pf)[1]
    eq((got['stopped'], got['failures'], got['reason']), (True, had + 1, REASON), 'diagnose')
    when = time.mktime(time.strptime(got['time'], '%Y-%m-%dT%H:%M:%S UTC')) - time.timezone
    between(when, int(start) - 1, time.time(), 'time')
    seen = dump(pf)
    eq((seen['vf'], seen['stopped'], seen['reason']), (1, True, REASON), 'dump')
    eq(since(pf, before), (1, 0), 'errors and recoveries')
    driver.tell('reset')
    healthy(pf)
    eq(since(pf, before), (1, 1), 'errors and recoveries')
    eq(diagnose(pf)[1]['stopped'], False, 'stopped')
    driver.tell('refused 1')
    true(diagnose(pf)[1]['refused requests'] >= 1, 'refused requests')


def lines():
    """a VF that is stopped again and again, and whose requests are refused, is worth a line in the
    log for each time it is opened"""
    pf = shared(bench)
    fresh(pf)
    for opened in (1, 2):
        mark = log_mark()
        driver = Misbehave(pf.vf(0))
        had = diagnose(pf).get(0, {'failures': 0, 'refused requests': 0})
        driver.tell('refused 300')
        for _ in range(2):
            stop(pf, driver)
            driver.tell('reset')
            healthy(pf)
        driver.close()
        got = diagnose(pf)[0]
        eq((got['failures'] - had['failures'], got['refused requests'] - had['refused requests']),
           (2, 300), 'failures and refused requests')
        eq([line.rpartition(pf.bdf)[2] for line in log_since(mark).splitlines() if pf.bdf in line],
           [f': VF 0: stopped until reset: {REASON}'], f'lines in the log, opened {opened} times')


def recover():
    """devlink health recover resets what is stopped, at once, and nothing else"""
    pf = shared(bench)
    before = fresh(pf)
    drivers = [Misbehave(pf.vf(i)) for i in (0, 1)]
    generation = [int(d.tell('generation')) for d in drivers]
    stop(pf, drivers[0])
    eq(state(pf), 'error', 'state')
    recovered(pf)
    eq(state(pf), 'healthy', 'state')
    eq([int(d.tell('generation')) for d in drivers], [generation[0] + 1, generation[1]],
       'generations')
    eq(int(drivers[0].tell('status')) & FAILED, 0, 'status')
    eq(since(pf, before), (1, 1), 'errors and recoveries')


def rescue():
    """a VF whose driver does nothing is reset after a while, unless auto_recover is off"""
    pf, other = two()
    before = fresh(pf)
    sh(f'devlink health set pci/{other.bdf} reporter vf auto_recover false')
    left, driver = Misbehave(other.vf(0)), Misbehave(pf.vf(0))
    stop(other, left)
    start = time.monotonic()
    stop(pf, driver)
    healthy(pf, 3 * RESCUE)
    between(time.monotonic() - start, RESCUE - 1, (RESCUE + 4) * slow(), 'seconds until then')
    eq(int(driver.tell('status')) & FAILED, 0, 'status')
    eq(since(pf, before), (1, 1), 'errors and recoveries')
    sleep(1)
    eq(state(other), 'error', 'state of the one that is left alone')
    eq(int(left.tell('status')) & FAILED, FAILED, 'its status')
    sh(f'devlink health set pci/{other.bdf} reporter vf auto_recover true')
    left.close()
    healthy(other)


def left():
    """auto_recover turned off while a VF waits to be reset: those stopped then keep all waiting"""
    pf = shared(bench)
    fresh(pf)
    drivers = [Misbehave(pf.vf(i)) for i in (0, 1)]
    stop(pf, drivers[0])
    sh(f'devlink health set pci/{pf.bdf} reporter vf auto_recover false')
    stop(pf, drivers[1])
    sleep(RESCUE + 2)
    eq([int(d.tell('status')) & FAILED for d in drivers], [FAILED, FAILED], 'status')
    sh(f'devlink health set pci/{pf.bdf} reporter vf auto_recover true')
    recovered(pf)
    eq(state(pf), 'healthy', 'state')


def together():
    """VFs that are stopped together and again and again are reported once a second at most"""
    pf = shared(bench)
    before, start = fresh(pf), time.monotonic()
    drivers = [Misbehave(pf.vf(i)) for i in range(3)]
    failures = sum(v['failures'] for v in diagnose(pf).values())
    for _ in range(3):
        for driver in drivers:
            driver.tell('stop')
        for driver in drivers:
            driver.tell('reset')
    seconds = time.monotonic() - start
    wait_for(lambda: since(pf, before)[0], 'a report')
    healthy(pf)
    eq(sum(v['failures'] for v in diagnose(pf).values()) - failures, 9, 'failures')
    errors, _ = since(pf, before)
    between(errors, 1, seconds + 2, 'reports')


def closed():
    """a VF that is stopped and then closed, or destroyed, leaves the reporter healthy"""
    pf = shared(bench)
    fresh(pf)
    driver = Misbehave(pf.vf(2))
    stop(pf, driver)
    driver.close()
    healthy(pf)
    driver = Misbehave(pf.vf(2))
    stop(pf, driver)
    driver.close()
    pf.numvfs(0)
    healthy(pf)
    eq(diagnose(pf), {}, 'VFs of before')


def gone():
    """the PF can go while a VF has just failed"""
    pf = load(total_vfs=4)[0]
    pf.set('sriov_drivers_autoprobe', 0)
    vf = pf.vfs(1)[0].to_vfio()
    driver = Misbehave(vf)
    driver.tell('stop')
    driver.close()
    write(PF_DRIVER + '/unbind', pf.bdf)
    write(PF_DRIVER + '/bind', pf.bdf)
    healthy(pf)
    eq(diagnose(pf), {}, 'VFs')


def info():
    """devlink dev info: the driver, the release as ethtool and vnic have it, and the interface"""
    pf = shared(bench)
    got = json.loads(out(f'devlink -j dev info pci/{pf.bdf}'))['info'][f'pci/{pf.bdf}']
    eq(got['driver'], 'vnic-pf', 'driver')
    version = re.search(r'^firmware-version: (.*)$', out(f'ethtool -i {pf.dev}'), re.M).group(1)
    eq(got['versions']['running'], {'fw': version, 'fw.mgmt.api': '1'}, 'versions')
    eq(out('/vnic/tools/vnic --version'), f'vnic {version}', 'of the tool')


run([nothing, shown, lines, recover, rescue, left, together, closed, gone, info])
