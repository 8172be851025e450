#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The isolation experiment: two web servers on two VFs share a wire, one VF has a cap.

nginx in VF 0 and VF 1, wrk for each at the other end of the wire, as fast as they go. VF 1
is capped in equal steps up to what it has without a cap; VF 0 never is.

A guest may hang under instruction counting: lines of the table that an earlier machine has
measured are kept, and those that are missing are measured.
"""
import argparse
import re
import time
import bed
import chart
from kept import Kept

CONNECTIONS = 8         # of each wrk
PAGE = 8192             # bytes
WARM = 3                # seconds before the window: the cap's burst is spent
HOLD, REST = 0.02, 0.95
COLUMNS = ('step', 'cap_mbps', 'vf0_requests', 'vf1_requests', 'vf0_mbps', 'vf1_mbps',
           'total_mbps', 'vf0_possible_mbps', 'p99_vf0_ms', 'p99_vf1_ms', 'idle_percent')

NGINX = """
pid /run/nginx.{name};
error_log stderr;
worker_processes 1;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
	access_log off;
	client_body_temp_path /run/nginx.tmp.{name};
	proxy_temp_path /run/nginx.tmp.{name};
	fastcgi_temp_path /run/nginx.tmp.{name};
	uwsgi_temp_path /run/nginx.tmp.{name};
	scgi_temp_path /run/nginx.tmp.{name};
	sendfile on;
	tcp_nopush on;
	keepalive_requests 100000000;
	open_file_cache max=16;
	server {{ listen {ip}:80; root /run/www; }}
}}
"""


def serve(end, page=PAGE):
    """nginx at an end, with a page; a daemon, because a guest runs one command at a time."""
    conf = f'/run/nginx.conf.{end.name}'
    end.run(f'mkdir -p /run/www; head -c {page} /dev/zero >/run/www/page; '
            f'cat >{conf} <<EOF\n{NGINX.format(name=end.name, ip=end.ip)}EOF')
    end.run(f'nginx -e stderr -c {conf} 2>/run/nginx.log.{end.name}')
    bed.listens(end, 80)


def percentile(text):
    """The 99th that wrk prints, in ms."""
    found = re.search(r'99%\s+([\d.]+)(us|ms|s|m)', text)
    if not found:
        raise RuntimeError('wrk said:\n' + text)
    return float(found.group(1)) * {'us': 0.001, 'ms': 1, 's': 1000, 'm': 60000}[found.group(2)]


def clients(the_bed, loaded, seconds):
    """wrk against these VFs; returns for both (Mb/s, requests/s, p99 in ms), and the window."""
    window = bed.Window()
    wrks = {i: bed.Program(the_bed.wire, f'wrk -t 1 -c {CONNECTIONS} -d {WARM + seconds + 1}s '
                           f'--latency http://{the_bed.vfs[i].ip}/page') for i in loaded}
    first = the_bed.pf.vfinfo()
    time.sleep(0.3)
    with window:
        time.sleep(WARM)
        before = the_bed.pf.vfinfo()
        window.mark()
        time.sleep(seconds)
        after = the_bed.pf.vfinfo()
        window.mark()
        said = {i: wrk.output() for i, wrk in wrks.items()}
    for end in the_bed.vfs:
        end.run('true')                 # fails if it is a guest that hangs
    last = the_bed.pf.vfinfo()
    figures = []
    for i in (0, 1):
        if i not in loaded:
            figures.append((0.0, 0.0, 0.0))
            continue
        requests = int(re.search(r'(\d+) requests in', said[i]).group(1))
        each = sent(first, last, i) / requests
        rate = sent(before, after, i) / window.seconds
        figures.append((rate * 8e-6, rate / each, percentile(said[i])))
    return figures, window


def sent(before, after, index):
    """Bytes a VF sent meanwhile, by the device's counter."""
    return after[index]['stats']['tx']['bytes'] - before[index]['stats']['tx']['bytes']


def row(step, cap, figures, window, possible):
    """A line of the table."""
    (mbps0, req0, lat0), (mbps1, req1, lat1) = figures
    return {'step': step, 'cap_mbps': cap, 'vf0_requests': req0, 'vf1_requests': req1,
            'vf0_mbps': mbps0, 'vf1_mbps': mbps1, 'total_mbps': mbps0 + mbps1,
            'vf0_possible_mbps': possible, 'p99_vf0_ms': lat0, 'p99_vf1_ms': lat1,
            'idle_percent': window.idle}


def head():
    """The table's."""
    print(f'{"":14} {"cap":>6} {"VF 1":>7} {"of cap":>7} {"VF 0":>7} {"of possible":>11} '
          f'{"total":>7} {"VF 0":>8} {"VF 1":>8} {"p99 VF 0":>8} {"p99 VF 1":>8} {"idle":>6}')
    print(f'{"":14} {"Mb/s":>6} {"Mb/s":>7} {"%":>7} {"Mb/s":>7} {"%":>11} '
          f'{"Mb/s":>7} {"req/s":>8} {"req/s":>8} {"ms":>8} {"ms":>8} {"CPU %":>6}')


def show(r):
    """A line of the table."""
    held = f'{100 * r["vf1_mbps"] / r["cap_mbps"]:7.1f}' if r['cap_mbps'] else f'{"-":>7}'
    rest = f'{100 * r["vf0_mbps"] / r["vf0_possible_mbps"]:11.1f}' \
        if r['vf0_possible_mbps'] else f'{"-":>11}'
    print(f'{r["step"]:14} {r["cap_mbps"] or "-":>6} {r["vf1_mbps"]:7.3f} {held} '
          f'{r["vf0_mbps"]:7.3f} {rest} {r["total_mbps"]:7.3f} {r["vf0_requests"]:8.1f} '
          f'{r["vf1_requests"]:8.1f} {r["p99_vf0_ms"]:8.1f} {r["p99_vf1_ms"]:8.1f} '
          f'{r["idle_percent"]:6.1f}', flush=True)


def targets(rows, alone):
    """What was promised."""
    capped = [r for r in rows if r['cap_mbps']]
    hold = max(abs(r['vf1_mbps'] / r['cap_mbps'] - 1) for r in capped)
    rest = min(r['vf0_mbps'] / r['vf0_possible_mbps'] for r in capped)
    total = min(r['total_mbps'] for r in capped) / alone
    print(f'VF 1 is within {100 * hold:.1f} % of its cap (at most {100 * HOLD:.0f} %): '
          + ('met' if hold <= HOLD else 'missed'))
    for what, got in (('VF 0 has of what VF 1 leaves', rest),
                      ('both together have of what one has alone', total)):
        print(f'{what}, at least: {100 * got:.1f} % (wanted {100 * REST:.0f} %): '
              + ('met' if got >= REST else 'missed'))


def picture(rows, path):
    """Rates over the cap."""
    lines = ['cap "VF 1, capped" "VF 0, not capped" "both" "what VF 1 leaves"']
    lines += [f'{r["cap_mbps"]} {r["vf1_mbps"]:.4f} {r["vf0_mbps"]:.4f} {r["total_mbps"]:.4f} '
              f'{r["vf0_possible_mbps"]:.4f}' for r in rows if r['cap_mbps']]
    chart.draw(path, f'''{chart.datablock('data', lines)}
set xlabel "max_tx_rate of VF 1, Mb/s"
set ylabel "sent, Mb/s"
set yrange [0:*]
plot for [i=2:4] $data using 1:i with linespoints linewidth 2, \\
	$data using 1:5 with lines dashtype 2 linecolor "black", \\
	x with lines dashtype 3 linecolor "black" title "cap"
''')


def main():
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--link', type=int, default=40)
    parser.add_argument('--seconds', type=int, default=5)
    parser.add_argument('--steps', type=int, default=10)
    parser.add_argument('--guests', action='store_true')
    args = parser.parse_args()
    files = '/log/isolation' + ('-guests' if args.guests else '')
    done = Kept(files + '.rows')
    the_bed = bed.Bed(2, args.link, range(2) if args.guests else ())
    for end in the_bed.vfs:
        serve(end)
    rows = []
    print(f'The wire has {args.link} Mb/s; {args.seconds} s of virtual time for each line; '
          f'{CONNECTIONS} connections to each server, pages of {PAGE} bytes'
          + (', both servers in guests.' if args.guests else '.'))
    head()

    def line(step, cap, loaded, alone):
        the_bed.cap(1, cap)
        figures, window = clients(the_bed, loaded, args.seconds)
        possible = min(alone, alone - figures[1][0]) if alone else 0
        return row(step, cap, figures, window, possible)

    def measure(step, cap, loaded, alone=None):
        rows.append(done.get(step, lambda: line(step, cap, loaded, alone)))
        show(rows[-1])
        return rows[-1]

    alone = measure('VF 0 alone', 0, (0,))['vf0_mbps']
    measure('VF 1 alone', 0, (1,))
    free = measure('no cap', 0, (0, 1), alone)['vf1_mbps']
    for i in range(1, args.steps + 1):
        measure(f'{100 * i // args.steps} %', max(round(free * i / args.steps), 1), (0, 1), alone)
    targets(rows, alone)
    chart.save_csv(files + '.csv', COLUMNS, rows)
    picture(rows, files + '.svg')


if __name__ == '__main__':
    main()
