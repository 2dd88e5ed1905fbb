"""A line search for the strong Wolfe conditions."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

DECREASE, FLATTENING = 1e-4, 0.9                             # c1 and c2 of the Wolfe conditions
NEAREST = 1e-9                                               # brackets are not made smaller
MOST = 25                                                    # steps of the search


class Point(NamedTuple):
    """A step length, with the loss, the slope along the direction, and the gradient there.

    The slope has the type of the gradient, and so has a step length that slopes had a part in: as in PyTorch, where they are tensors.
    """
    t: float
    loss: float
    slope: np.floating
    grad: Any


def strong_wolfe(evaluate: Callable[[float], Point], start: Point, t: float, largest: float, most: int = MOST) -> tuple[Point, int]:
    """A step length that lowers the loss enough and flattens its slope enough (Nocedal & Wright 2006, algorithms 3.5 and 3.6).

    evaluate  gives the point at a step length;  start  the point at 0;  t  the first trial;  largest  the largest element of the direction;
    most  how often to try again
    Returns the point, and how many were evaluated.
    """
    def too_high(point: Point) -> bool:
        return point.loss > start.loss + DECREASE * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -FLATTENING * start.slope

    before, point, tries = start, evaluate(t), 0
    while tries < most:
        if too_high(point) or (tries > 1 and point.loss >= before.loss):
            break
        if flat(point):
            return point, tries + 1
        if point.slope >= 0:
            break
        further = cubic_minimum(before, point, (point.t + 0.01 * (point.t - before.t), point.t * 10))
        before, point = point, evaluate(further)
        tries += 1
    else:
        before = start
    low, high = (before, point) if before.loss <= point.loss else (point, before)
    hesitated = False
    while tries < most and abs(high.t - low.t) * largest >= NEAREST:
        near, far = sorted((low.t, high.t))
        inside, hesitated = _kept_inside(cubic_minimum(low, high, (near, far)), near, far, hesitated)
        point = evaluate(inside)
        tries += 1
        if too_high(point) or point.loss >= low.loss:
            high = point
            low, high = (low, high) if low.loss <= high.loss else (high, low)
        elif flat(point):
            return point, tries + 1
        else:
            low, high = point, low if point.slope * (high.t - low.t) >= 0 else high
    return low, tries + 1


def _kept_inside(t: float, near: float, far: float, hesitated: bool) -> tuple[float, bool]:
    """t, moved a tenth of the bracket inside if it is the second time that it comes close to an end; and whether it was the first time."""
    margin = 0.1 * (far - near)
    if min(far - t, t - near) >= margin:
        return t, False
    if hesitated or t >= far or t <= near:
        return (far - margin if abs(t - far) < abs(t - near) else near + margin), False
    return t, True


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through two points with these slopes is smallest, within bounds (Nocedal & Wright 2006, equation 3.59)."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    mean = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = mean * mean - a.slope * b.slope
    spread = b.slope - a.slope + 2 * np.sqrt(square) if square >= 0 else 0.0
    if not spread:
        return (bounds[0] + bounds[1]) / 2
    t = b.t - (b.t - a.t) * ((b.slope + np.sqrt(square) - mean) / spread)
    return min(max(t, bounds[0]), bounds[1])
