"""Erlang C, continuous in the number of servers: the probability that a request waits in M/M/m.

Written for kernels that evaluate it by the thousand million: one logarithm of the load, one exponential, one logarithm of the result, two
square roots, and nothing that overflows, cancels or has an infinite slope for m > 0 and a load per server inside (0, 1).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

NEAR = 0.25  # idle share up to which the deficit is a series
NORMAL_SCALE = 0.28  # k in t = 1/(1 + k x)
# m(x) = exp(x^2/2) (1 - Phi(x)) = t (p0 + p1 t + ...) for x >= 0, fitted to scipy's erfcx so that Phi is within 1e-8
NORMAL_TAIL = (0.1165206774, 0.0674974000, 0.2689085293, -0.2369914257, 0.3898727352, -0.1058079254)
ROOT_TWO_PI = 2.5066282746310002


def log_erlang_c(servers: Array, utilisation: Array) -> Array:
    """Logarithm of Erlang C at m servers and load rho per server.

        J(m, a) = int_0^inf a exp(-a t) (1 + t)^m dt - 1               1/B - 1: B the chance of being turned away from m servers
        C       = 1 / (rho + (1-rho) m rho / (m+1) J(m+1, m rho))      by 1 + J(m) = a/(m+1) J(m+1)

    J by the uniform expansion of the incomplete gamma function (Temme 1979), first correction, at n = m + 1, r = m rho / n, e = 1 - r:

        h = r - 1 - ln r    alpha = sqrt(2 n h)    G = 1 + 1/(12n) + 1/(288n^2)    c0 = 1/sqrt(2h) - 1/e
        J = sqrt(2 pi n) G Phi(alpha) exp(alpha^2/2) + G c0

    Taking it at one server more than asked keeps the expansion away from few servers, where it is poor.

    Args:
      servers:     m > 0, of any real value.
      utilisation: rho inside (0, 1).

    Returns:
      ln C, of the arguments' common shape.

    Reference: worst relative error of C for real m >= 1: 0.04 %, for m >= 0.2 0.3 %.
    """
    idle = 1.0 - utilisation
    n = servers + 1.0
    share = servers / n
    e = (1.0 + servers * idle) / n
    ratio, slope = _deficit(e, share * utilisation)
    root = jnp.sqrt(2.0 * ratio)
    sqrt_n = jnp.sqrt(n)
    alpha = e * sqrt_n * root
    exponent = 0.5 * alpha * alpha
    damped = jnp.exp(-exponent)
    inverse = 1.0 / n
    stirling = 1.0 + inverse * (1.0 / 12.0 + inverse / 288.0)
    normal = ROOT_TWO_PI * sqrt_n * (1.0 - damped * _scaled_tail(alpha))
    correction = slope / (root * (1.0 + root))  # -c0
    return -exponent - jnp.log(utilisation * (damped + idle * share * stirling * (normal - damped * correction)))


def _deficit(e: Array, r: Array) -> tuple[Array, Array]:
    """R = h/e^2 and w = (2R - 1)/e, with h = r - 1 - ln r and e = 1 - r.

        z = e/(2-e)    P = 1/3 + z^2/5 + z^4/7 + ...    R = 1/(2-e) + 2z/(2-e)^2 P    w = 1/(2-e) + 4/(2-e)^3 P

    by ln r = -2 artanh z; where e is not small, by the logarithm itself.
    """
    near = jnp.minimum(e, NEAR)
    inverse = 1.0 / (2.0 - near)
    z = near * inverse
    series = jnp.full_like(z, 0.0)
    for power in _powers(z):
        series = series * (z * z) + 1.0 / power
    twice = 4.0 * inverse * inverse * series
    far = jnp.maximum(e, NEAR)
    by_log = (-far - jnp.log(jnp.minimum(r, 1.0 - NEAR))) / (far * far)
    is_near = e < NEAR
    ratio = jnp.where(is_near, inverse + 0.5 * z * twice, by_log)
    return ratio, jnp.where(is_near, inverse + inverse * twice, (2.0 * by_log - 1.0) / far)


def _powers(z: Array) -> tuple[int, ...]:
    """2k + 1 of the series, highest first, as many as the type can tell."""
    return tuple(range(9 if z.dtype.itemsize <= 4 else 19, 1, -2))


def _scaled_tail(x: Array) -> Array:
    """exp(x^2/2) (1 - Phi(x)) for x >= 0."""
    return _tail_polynomial(1.0 / (1.0 + NORMAL_SCALE * x))


def _tail_polynomial(t: Array) -> Array:
    value = jnp.full_like(t, NORMAL_TAIL[-1])
    for coefficient in NORMAL_TAIL[-2::-1]:
        value = value * t + coefficient
    return value * t


def busy_erlang_c(servers: Array, offered: Array) -> tuple[Array, Array, Array]:
    """ln C and its slopes, for loads that leave some servers idle: what a kernel that searches the number of servers evaluates.

    The formulas of `log_erlang_c` in m and a = m rho, without its series for e below 0.1; with l = -ln r, k = n - a, u = 1/sqrt(2h):

        ln C = -n h - ln(rho D)     D = E + q J     J = G (N + E c0)     E = exp(-n h)     N = sqrt(2 pi n) Phi     q = e - 1/n
        dln C/dm = -l + 1/m - D_m/D     D_m = -E l + q J_m + J (a+1)/n^2     J_m = G (N/(2n) + E (l (u - c0) + (r/e^2 - e u^3)/n)) + J G'/G
        dln C/da = e/r - 1/a - D_a/D    D_a = E e/r + q J_a - J/n            J_a = G E (c0 e/r - u e/r + (e u^3/r - 1/e^2)/n)

    Args:
      servers: m >= 0.2.
      offered: a, load of all servers together, with 0 < a <= 0.9 (m + 1).

    Returns:
      ln C, its slope by m at the same a, its slope by a at the same m.
    """
    n = servers + 1.0
    k = n - offered
    both = 1.0 / (n * k)
    one_n, one_k = both * k, both * n
    r = offered * one_n
    log_r = -jnp.log(r)
    e = k * one_n
    exponent = n * (log_r - e)
    alpha = jnp.sqrt(2.0 * exponent)
    sqrt_n = jnp.sqrt(n)
    damped = jnp.exp(-exponent)
    scaled = 1.0 + NORMAL_SCALE * alpha
    pair = 1.0 / (scaled * alpha)
    stirling = 1.0 + one_n * (1.0 / 12.0 + one_n / 288.0)
    normal = ROOT_TWO_PI * sqrt_n * (1.0 - damped * _tail_polynomial(pair * alpha))
    u = sqrt_n * pair * scaled
    one_e = n * one_k
    c0 = u - one_e
    q = e - one_n
    plain = normal + damped * c0
    j = stirling * plain
    d = damped + q * j
    both = 1.0 / (servers * offered)
    one_m, one_a = both * offered, both * servers
    value = -exponent - jnp.log(offered * one_m * d)
    cube = e * u * u * u
    j_m = stirling * (0.5 * one_n * normal + damped * (log_r * (u - c0) + one_n * (r * one_e * one_e - cube)))
    j_m = j_m - plain * one_n * one_n * (1.0 / 12.0 + one_n / 144.0)
    d_m = q * j_m - damped * log_r + j * (offered + 1.0) * one_n * one_n
    odds = k * one_a  # e/r
    j_a = stirling * damped * (odds * (c0 - u) + one_n * (cube * n * one_a - one_e * one_e))
    d_a = damped * odds + q * j_a - j * one_n
    # each ends in a quotient, which a compiler computes once for all that use it where it would repeat sums and products for each
    return value, ((one_m - log_r) * d - d_m) / d, ((odds - one_a) * d - d_a) / d
