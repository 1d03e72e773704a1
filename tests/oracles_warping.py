"""Monotone paths through a matrix of costs, by enumerating all of them."""

import math

STEPS = {
    "plain": [(1, 0), (1, 1)],
    "skip": [(1, 0), (1, 1), (1, 2)],
    "dtw": [(1, 0), (1, 1), (0, 1)],
}


def all_paths(height, width, moves, free_ends=False):
    """Every path, as a tuple of cells, from the first column to the last."""
    begins = range(height) if free_ends else [0]
    open_paths = [((i, 0),) for i in begins if height and width]
    found = []
    while open_paths:
        path = open_paths.pop()
        i, j = path[-1]
        if j == width - 1 and (free_ends or i == height - 1):
            found.append(path)
        for down, right in STEPS[moves]:
            if i + down < height and j + right < width:
                open_paths.append((*path, (i + down, j + right)))
    return found


def path_costs(costs, moves, free_ends=False):
    """Cost of every path."""
    paths = all_paths(*costs.shape, moves, free_ends)
    return [sum(float(costs[i, j]) for i, j in path) for path in paths]


def soft_minimum(values, gamma):
    """-gamma log sum exp(-value / gamma); inf of nothing."""
    if not values:
        return math.inf
    low = min(values)
    return low - gamma * math.log(sum(math.exp((low - v) / gamma) for v in values))
