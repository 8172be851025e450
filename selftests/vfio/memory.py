#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# run-on: stable debug quick rt=read_only,each_frame,storm,shared
# proof: stable=read_only,each_frame,shared
# timeout: 800
"""Runs memory on three VFs, or some of its cases: 16 GiB of addresses, 1 on the debug kernel."""
import os
import sys
sys.path.insert(0, sys.path[0] + '/../lib')
from program import cases_named, on_three_vfs

slow = int(os.environ.get('VNIC_SLOW', '1'))
sys.exit(on_three_vfs('memory', *cases_named(), '16' if slow == 1 else '1', str(slow)))
