# SPDX-License-Identifier: GPL-2.0
"""Lines of a table, kept in a file: a guest may hang under instruction counting, then another
machine measures those that are missing."""
import json
import os


class Kept:
    """Lines by their names, those of earlier machines included."""

    def __init__(self, path):
        self.path, self.lines = path, {}
        if os.path.exists(path):
            with open(path, encoding='ascii') as file:
                self.lines = {name: line for name, line in map(json.loads, file)}

    def __contains__(self, name):
        return name in self.lines

    def get(self, name, measure):
        """The line of that name; measure() makes it if no machine has yet."""
        if name not in self.lines:
            self.lines[name] = measure()
            with open(self.path, 'a', encoding='ascii') as file:
                file.write(json.dumps((name, self.lines[name])) + '\n')
        return self.lines[name]
