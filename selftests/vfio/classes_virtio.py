#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick=unmap_copy,packed-chains,control_changed,flr_delivery
# proof: stable=unmap_copy,packed-chains,control_changed,flr_delivery
# timeout: 1200
"""Runs classes_virtio on four VFs, the first of which is a virtio network device."""
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from bench import on_bench

sys.exit(on_bench('classes_virtio', 'virtio'))
