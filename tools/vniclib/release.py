# SPDX-License-Identifier: GPL-2.0
"""The release, of modules, tools and packages alike: the newest in the changelog.

`make install` puts a file with that one constant in place of this one.
"""
import os
import re

CHANGELOG = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../debian/changelog")

with open(CHANGELOG, encoding="utf-8") as changelog:
    RELEASE = re.search(r"\((.*)\)", changelog.readline()).group(1)
