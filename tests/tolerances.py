"""All tolerances of the tests. Relative unless the name says otherwise."""

from __future__ import annotations

# surfaces
KERNEL_AGAINST_LOOP = 1e-12  # float64, the same formula in another order
FLOAT32_AGAINST_FLOAT64 = 5e-4
GRADIENT_AGAINST_DIFFERENCES = 1e-5
DIFFERENCE_STEP = 1e-6  # relative step of central differences
ERLANG_C = 5e-4  # worst error of the continuous Erlang C, at one server
ERLANG_C_MANY = 1e-5  # worst for c >= 16
DISTANCE = 2e-3  # great circles against published distances, on a sphere
HOURLY_WEIGHT = 1e-12

CENT_USD = 0.005  # bills are exact to the cent
SHARE_OF_TOTAL = 1e-12  # sums of the same terms in another order, relative to their size

# scenarios
SAMPLED_CORRELATION = 0.03  # 20,000 samples
SAMPLED_MEAN = 0.1  # 40 of 2,000 samples
FLOAT32_DISTANCE = 1e-5
PROBABILITIES = 1e-12  # sums to 1

# integer
EXACT_AGAINST_BRUTE_FORCE = 1e-6  # two solvers, one optimum
CP_SAT_AGAINST_HIGHS = 2e-4  # CP-SAT works on a grid, to a proven gap of 1e-4
CP_SAT_GAP = 1e-4
SOLVED_GAP = 1e-8  # asked of HiGHS where its optimum is compared
SAFE_BOUND_AT_LP_DUALS = 1e-7

CALENDAR_MONTHS = 1e-12  # sums of parts of months in another order
BINDS = 1e-4  # a clause that binds changes the cost by more
BOUND_OF_FIRST_ORDER = 1e-4  # PDLP stops at 1e-6 of its own residuals
PERMUTED = 1e-7  # the same problem in another order, solved again

# pricing
PRICING_KERNEL = 1e-10  # float64, the same sums in another order
SINGLE_AGAINST_DOUBLE = 2e-5  # a dual value in float32
BOUND_BELOW_RELAXATION = 1e-3  # what the ascent may leave of the linear bound
SLOPE_AGAINST_DIFFERENCES = 1e-4  # of the largest slope
SLOPE_STEP = 1e-5  # in units of the multiplier
INPUT_STEP = 1e-6  # relative change of an input
INPUT_SLOPE_AGAINST_DIFFERENCES = 1e-6  # of the dual's value, for the whole input
INPUT_SLOPE_AGAINST_RELAXATION = 5e-3  # of the bound, for the whole input: what a finite climb leaves

# network and training fits
PUBLIC_PINGS = 0.01  # figures in whole milliseconds
SHORT_TRIP_MS = 0.1  # what single precision adds to short and antipodal ways
FIT_RECOVERS = 0.02  # parameters that made the data, fitted from it

# cost kernels
ERLANG_SLOPES = 1e-6  # two forms of one function
SIMULATED_TTFT = 0.03  # a percentile of 400,000 simulated requests
COST_AGAINST_NUMPY = 1e-8  # two implementations in float64
UNROUNDED_REPLICAS = 5e-4  # replicas, of one Newton step from the closed form
COST_SINGLE_AGAINST_DOUBLE = 2e-3  # of the largest; single precision cannot tell counts that are within it of a whole number
COST_SLOPE_AGAINST_DIFFERENCES = 1e-4
LOG_STEP = 1e-4  # of the logarithm of an input, through the whole chain from serving to cost
SHARDED = 1e-12  # float64, the same sums in another order

# calibration of the serving model, on made-up runs with 1 % noise: log errors
FITTED_KNOWN = 0.02  # median, of deployments that were fitted
FITTED_NEW_PAIR = 0.1  # median, of a pair whose parts were fitted apart
CALIBRATION_ROUNDED = 2e-3  # weights with five significant digits, sums of hundreds of them
CALIBRATED_SINGLE = 1e-4  # float32
BOTTLENECK = 0.1  # of a closed loop with hundreds of requests, output and overheads beside the bottleneck

# quotes: factors on the offered price
BREAK_EVEN = 1e-4  # an end that is narrowed to 1e-5 of itself
SLOPE_OF_A_TERM = 1e-6  # by one reverse pass against differences, prices as they are
BREAK_EVEN_BY_SEARCH = 1e-3  # a bisection whose every step is a solve

# pages
LEAST_CONTRAST = 4.5  # of text on its ground (WCAG 2, level AA)
LARGEST_PAGE_BYTES = 3 * 2**20

# a plan outside its scenarios
RUN_BY_MERIT_ORDER = 1e-2  # draws that look at no other hour, against the linear program

# walks among placements
COUNTED_WHILE_WALKING = 2e-5  # float32, sums kept step by step
MERIT_ORDER_AGAINST_SETTLED = 0.05  # contracts shared out to one pool after the other, against the linear program
WALK_AGAINST_GREEDY = 1e-2  # a walk that is this much dearer than placements made without a search has gone astray

# several devices
SAME_ON_MORE_DEVICES = 1e-4  # of a bound: float32 sums in another order, over some hundred steps uphill
SINGLE_AGAINST_NUMPY = 2e-4  # parts of pricing, float32 in two libraries, minima at a hundredth of the typical cost
