"""Expected n-gram counts of a CTC model, with their gradients, without enumerating outputs.

Every frame emits one symbol independently; merging equal neighbours (or not) and dropping blanks
gives the output y. All counts are sums over frames of products of probabilities, so that one scan
forwards and one backwards is enough; nothing here is quadratic in the number of frames.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def count_ngrams(
    probs: np.ndarray, grams: np.ndarray, blank: int, merge: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expect how often each n-gram occurs in the output.

    Parameters
    ----------
    probs : ndarray, shape (T, V), float32 or float64
        Probabilities; each row a distribution.
    grams : ndarray, shape (G, n), int64
        n-grams without the blank.
    blank : int
        Column of the blank.
    merge : bool
        Whether equal neighbouring frames are one token, as in CTC.

    Returns
    -------
    counts : ndarray, shape (G,), float64
        E[number of times that the n-gram stands in y].
    tokens, gaps : ndarray, shape (T, n - 1, G), float64
        The states of the scan, which `count_ngrams_backward` needs.

    Notes
    -----
    ``x[t, k]`` is the expected number of ways in which frame t is the last so far of the n-gram's
    token k, and ``b[t, k]`` that in which it is a blank after it. With e = probs[t, g_k], and
    ``x[t-1, k-1]`` left out of ``entry`` where merging would make g_k and g_{k-1} one token::

        entry(t, k) = b[t-1, k-1] + x[t-1, k-1]
        x[t, 0] = e                                   (what came before is of no matter)
        x[t, k] = e * (entry(t, k) + merge * x[t-1, k])    for tokens inside the n-gram
        b[t, k] = probs[t, blank] * (x[t-1, k] + b[t-1, k])
        count  += e * entry(t, n - 1)                 (the first frame of its run only)

    Its matrix form for n = 2 is in C. Shao and Y. Feng, "Non-Monotonic Latent Alignments for
    CTC-Based Non-Autoregressive Machine Translation", NeurIPS 2022; the runs of inner tokens, which
    n > 2 needs, are not in the paper.
    """
    T = len(probs)
    G, n = grams.shape
    counts = np.zeros(G)
    tokens = np.zeros((T, n - 1, G))
    gaps = np.zeros((T, n - 1, G))
    for t in range(T):
        if n == 1:
            for m in range(G):
                e = float(probs[t, grams[m, 0]])
                before = float(probs[t - 1, grams[m, 0]]) if merge and t > 0 else 0.0
                counts[m] += e * (1.0 - before)
            continue
        for m in range(G):
            tokens[t, 0, m] = probs[t, grams[m, 0]]
        if t == 0:
            continue
        silent = float(probs[t, blank])
        for k in range(n - 1):
            for m in range(G):
                gaps[t, k, m] = silent * (tokens[t - 1, k, m] + gaps[t - 1, k, m])
        for k in range(1, n):
            for m in range(G):
                e = float(probs[t, grams[m, k]])
                entry = gaps[t - 1, k - 1, m]
                if not merge or grams[m, k] != grams[m, k - 1]:
                    entry += tokens[t - 1, k - 1, m]
                if k == n - 1:
                    counts[m] += e * entry
                else:
                    stay = tokens[t - 1, k, m] if merge else 0.0
                    tokens[t, k, m] = e * (entry + stay)
    return counts, tokens, gaps


@njit(cache=True, nogil=True)
def count_ngrams_backward(
    probs: np.ndarray,
    grams: np.ndarray,
    blank: int,
    merge: bool,
    tokens: np.ndarray,
    gaps: np.ndarray,
    weights: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Add the gradient of ``weights @ counts`` with respect to ``probs`` to ``gradient`` (T, V).

    The scan of `count_ngrams` is linear in its states, so its adjoint runs from the last frame to
    the first with the same arcs reversed.
    """
    T = len(probs)
    G, n = grams.shape
    if n == 1:
        for t in range(T):
            for m in range(G):
                g = grams[m, 0]
                beside = 0.0
                if merge:
                    beside += float(probs[t - 1, g]) if t > 0 else 0.0
                    beside += float(probs[t + 1, g]) if t + 1 < T else 0.0
                gradient[t, g] += weights[m] * (1.0 - beside)
        return
    to_token = np.zeros((n - 1, G))
    to_gap = np.zeros((n - 1, G))
    for t in range(T - 1, -1, -1):
        for m in range(G):
            gradient[t, grams[m, 0]] += to_token[0, m]
        if t == 0:
            return
        silent = float(probs[t, blank])
        next_token = np.zeros((n - 1, G))
        next_gap = np.zeros((n - 1, G))
        of_blank = 0.0
        for k in range(n - 1):
            for m in range(G):
                of_blank += to_gap[k, m] * (tokens[t - 1, k, m] + gaps[t - 1, k, m])
                next_token[k, m] += to_gap[k, m] * silent
                next_gap[k, m] += to_gap[k, m] * silent
        gradient[t, blank] += of_blank
        for k in range(1, n):
            for m in range(G):
                e = float(probs[t, grams[m, k]])
                into = weights[m] if k == n - 1 else to_token[k, m]
                entry = gaps[t - 1, k - 1, m]
                next_gap[k - 1, m] += into * e
                if not merge or grams[m, k] != grams[m, k - 1]:
                    entry += tokens[t - 1, k - 1, m]
                    next_token[k - 1, m] += into * e
                if k < n - 1 and merge:
                    entry += tokens[t - 1, k, m]
                    next_token[k, m] += into * e
                gradient[t, grams[m, k]] += into * entry
        to_token, to_gap = next_token, next_gap


@njit(cache=True, nogil=True)
def expect_length(probs: np.ndarray, blank: int, merge: bool) -> float:
    """Expect the number of tokens: sum over t, v != blank of p_t(v) (1 - merge * p_{t-1}(v))."""
    T, V = probs.shape
    total = 0.0
    for t in range(T):
        row = probs[t]
        for v in range(V):
            total += row[v]
        total -= row[blank]
        if merge and t > 0:
            before = probs[t - 1]
            for v in range(V):
                total -= row[v] * before[v]
            total += row[blank] * before[blank]
    return total


@njit(cache=True, nogil=True)
def expect_length_backward(
    probs: np.ndarray, blank: int, merge: bool, weight: float, gradient: np.ndarray
) -> None:
    """Add ``weight`` times the gradient of `expect_length` to ``gradient`` (T, V)."""
    T, V = probs.shape
    for t in range(T):
        kept = gradient[t, blank]
        for v in range(V):
            gradient[t, v] += weight
        if merge and t > 0:
            for v in range(V):
                gradient[t, v] -= weight * probs[t - 1, v]
        if merge and t + 1 < T:
            for v in range(V):
                gradient[t, v] -= weight * probs[t + 1, v]
        gradient[t, blank] = kept


@njit(cache=True, nogil=True)
def short_outputs(
    probs: np.ndarray, blank: int, merge: bool, longest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute P(|y| = k) for k up to ``longest``.

    Returns
    -------
    lengths : ndarray, shape (longest + 1,), float64
        P(|y| = k).
    silences : ndarray, shape (T + 1, longest + 1), float64
        P(k tokens so far, and the last frame a blank); row t is before frame t.
    runs : ndarray, shape (T + 1, longest + 1, V), float64
        P(k tokens so far, and the last frame token v); without ``merge`` all tokens are in v = 0.

    Notes
    -----
    With ``z`` the silences, ``x`` the runs and s[k] = sum over v of x[k, v]::

        z'[k]    = p(blank) * (z[k] + s[k])
        x'[k, v] = p(v) * (x[k, v] + z[k-1] + s[k-1] - x[k-1, v])      (merge)
        x'[k]    = (1 - p(blank)) * (z[k-1] + s[k-1])                  (no merge)
    """
    T, V = probs.shape
    width = V if merge else 1
    silences = np.zeros((T + 1, longest + 1))
    runs = np.zeros((T + 1, longest + 1, width))
    silences[0, 0] = 1.0
    sums = np.zeros(longest + 1)
    for t in range(T):
        silent = float(probs[t, blank])
        spoken = 0.0
        for v in range(V):
            spoken += float(probs[t, v])
        spoken -= silent
        for k in range(longest, -1, -1):
            silences[t + 1, k] = silent * (silences[t, k] + sums[k])
            total = 0.0
            if k > 0 and merge:
                for v in range(V):
                    if v != blank:
                        entry = silences[t, k - 1] + sums[k - 1] - runs[t, k - 1, v]
                        value = float(probs[t, v]) * (runs[t, k, v] + entry)
                        runs[t + 1, k, v] = value
                        total += value
            elif k > 0:
                total = spoken * (silences[t, k - 1] + sums[k - 1])
                runs[t + 1, k, 0] = total
            sums[k] = total
    return silences[T] + sums, silences, runs


@njit(cache=True, nogil=True)
def short_outputs_backward(
    probs: np.ndarray,
    blank: int,
    merge: bool,
    silences: np.ndarray,
    runs: np.ndarray,
    weights: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Add the gradient of ``weights @ lengths`` of `short_outputs` to ``gradient`` (T, V)."""
    T, V = probs.shape
    K = len(weights)
    width = runs.shape[2]
    to_silence = weights.copy()
    to_run = np.zeros((K, width))
    for k in range(K):
        to_run[k] = weights[k]
    for t in range(T - 1, -1, -1):
        silent = float(probs[t, blank])
        spoken = 0.0
        for v in range(V):
            spoken += float(probs[t, v])
        spoken -= silent
        next_silence = np.zeros(K)
        next_run = np.zeros((K, width))
        for k in range(K):
            total = runs[t, k].sum()
            gradient[t, blank] += to_silence[k] * (silences[t, k] + total)
            next_silence[k] += to_silence[k] * silent
            next_run[k] += to_silence[k] * silent
            if k == 0:
                continue
            before = silences[t, k - 1] + runs[t, k - 1].sum()
            if merge:
                shared = 0.0
                for v in range(V):
                    if v != blank:
                        into = to_run[k, v]
                        e = float(probs[t, v])
                        entry = runs[t, k, v] + before - runs[t, k - 1, v]
                        gradient[t, v] += into * entry
                        next_run[k, v] += into * e
                        next_run[k - 1, v] -= into * e
                        shared += into * e
                next_silence[k - 1] += shared
                next_run[k - 1] += shared
            else:
                for v in range(V):
                    if v != blank:
                        gradient[t, v] += to_run[k, 0] * before
                next_silence[k - 1] += to_run[k, 0] * spoken
                next_run[k - 1, 0] += to_run[k, 0] * spoken
        to_silence, to_run = next_silence, next_run
