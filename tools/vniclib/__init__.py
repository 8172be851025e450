# SPDX-License-Identifier: GPL-2.0
"""What tools/vnic is made of."""
