# SPDX-License-Identifier: GPL-2.0
"""Tables as CSV, pictures by gnuplot."""
import csv
import shutil
import subprocess


def versions():
    """What the tree's kernel and QEMU are, in a line."""
    with open('/etc/vnic-kernels', encoding='ascii') as file:
        found = dict(line.split() for line in file)
    return f'Linux {found["stable"]}, QEMU {found["qemu"]}'


def save_csv(path, columns, rows):
    """Write dictionaries as a CSV with these columns, below a line that says what was measured on."""
    with open(path, 'w', encoding='ascii', newline='') as file:
        file.write(f'# {versions()}\n')
        out = csv.DictWriter(file, columns, extrasaction='ignore')
        out.writeheader()
        for row in rows:
            out.writerow({k: f'{v:.6g}' if isinstance(v, float) else v for k, v in row.items()})


def datablock(name, lines):
    """Lines as data that a script plots by this name."""
    return f'${name} << EOD\n' + '\n'.join(lines) + '\nEOD\n'


def draw(path, script, height=560):
    """Run gnuplot's script; the picture goes to path, in SVG."""
    if not shutil.which('gnuplot'):
        print('no picture: gnuplot is not in the Debian tree')
        return
    head = f'''set terminal svg size 1200,{height} dynamic noenhanced background rgb "white"
set output "{path}"
set datafile missing "?"
set key outside top horizontal autotitle columnhead
set grid y
'''
    subprocess.run(['gnuplot'], input=head + script, text=True, check=True)
