"""All tolerances of the tests. Relative unless the name says otherwise."""

from __future__ import annotations

# surfaces
KERNEL_AGAINST_LOOP = 1e-12  # float64, the same formula in another order
FLOAT32_AGAINST_FLOAT64 = 2e-4
GRADIENT_AGAINST_DIFFERENCES = 1e-5
DIFFERENCE_STEP = 1e-6  # relative step of central differences
ERLANG_C = 0.024  # stated error of the continuous Erlang C for c >= 1
ERLANG_C_MANY = 0.0013  # for c >= 16
DISTANCE = 2e-3  # great circles against published distances, on a sphere
HOURLY_WEIGHT = 1e-12

CENT_USD = 0.005  # bills are exact to the cent
SHARE_OF_TOTAL = 1e-12  # sums of the same terms in another order, relative to their size
