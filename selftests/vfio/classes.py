#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug
# timeout: 300
"""Runs classes on four VFs of a PF that is up and has an uplink."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from bench import on_bench

sys.exit(on_bench('classes'))
