//! The detector's settings, with reasons. Those of the filters were chosen on UCSD Ped2: statistics from its training
//! clips, choices on its first six test clips, each from the middle of a range that does about as well. Those of the
//! large area were chosen on the drawn sample clips, such that they cost nothing on Ped2.

/// The power that a level's distance from the usual one is raised to. Above 1, one strong window outweighs many weak
/// ones: speed shows as strength, crowds show as number.
pub(super) const ENERGY_POWER: i32 = 3;

/// Rows and columns to each side of a window that make up the size of a person: 5 rows x 3 columns.
pub(super) const PERSON_RADII: (usize, usize) = (2, 1);

/// Columns to each side that count as the surroundings of a window: 11 columns.
pub(super) const SURROUND_RADIUS: usize = 5;

/// Rows and columns to each side of the large area: 9 rows x 21 columns, the size of a van that is near.
pub(super) const LARGE_RADII: (usize, usize) = (4, 10);

/// Maps that the filter at rest covers. Fewer flicker with the gait; more react late.
pub(super) const SHORT_MAPS: usize = 5;

/// Maps that the filters along paths cover.
pub(super) const LONG_MAPS: usize = 12;

/// Maps that the filter of the large area covers: enough that one flash of light is not taken for an object.
pub(super) const LARGE_MAPS: usize = 3;

/// Speeds of the paths, to the left and to the right, in quarters of a cell per map.
pub(super) const SPEEDS: [usize; 4] = [0, 1, 2, 3];

/// How many filters there are: one at rest, one for each speed, one for the large area.
pub(super) const FILTERS: usize = SPEEDS.len() + 2;

/// Divisor of sums over fewer maps than this: a single map is no trend.
pub(super) const LEAST_DIVISOR: usize = 2;

/// What the large area weighs against the other filters. Below 1 it stays out of the way in ordinary crowds.
pub(super) const LARGE_WEIGHT: f64 = 0.8;

/// The quantile of a row's peaks in ordinary times that counts as strength 1.
pub(super) const SCALE_QUANTILE: f64 = 0.99;

/// No row's scale is below this share of the highest row's. Rows where little was seen would otherwise turn the first
/// passer-by into an anomaly.
pub(super) const SCALE_FLOOR: f64 = 0.6;

/// No scale is below this energy. It keeps noise small where training saw next to nothing, and peaks below it are no
/// activity. One window at the highest level, averaged over a person's size, has 1/15 = 0.067.
pub(super) const LEAST_SCALE: f64 = 0.01;

/// Sides of the grid that the filters work on are at most this; larger maps are averaged down to it.
pub(super) const MAX_GRID_SIDE: usize = 64;

/// Maps whose scores are averaged for the smoothed score.
pub(super) const CAUSAL_WINDOW: usize = 3;

/// The window, in maps, of [`super::centred`] that suits scores computed after the fact.
pub const OFFLINE_WINDOW: usize = 9;

/// The usual levels are those of this many maps at the start of the training...
pub(super) const BASELINE_MAPS: usize = 256;

/// ...or of as many as fit into this many bytes.
pub(super) const BASELINE_BYTES: usize = 16 << 20;

/// The most maps whose peaks a trainer keeps: up to 6 MiB.
pub(super) const RETAINED_MAPS: usize = 4096;

/// The fewest maps with activity in them that a model is made of. Below, not even one passer-by was seen.
pub const LEAST_ACTIVE_MAPS: u64 = 16;

/// Parts of the training that are left out in turn, to see how ordinary times score that were not learned.
pub(super) const FOLDS: usize = 4;

/// With fewer maps than this, leaving a part out says nothing: it may hold the only passer-by.
pub(super) const LEAST_CROSS_VALIDATED: usize = 256;

/// The quantile of ordinary scores that the event threshold is derived from...
pub(super) const THRESHOLD_QUANTILE: f64 = 0.995;

/// ...and the margin it is multiplied by.
pub(super) const THRESHOLD_MARGIN: f64 = 1.1;

/// No event threshold is below this: a score of 1 is ordinary by definition, and twice that is rare.
pub const LEAST_THRESHOLD: f64 = 1.4;

/// The most windows a map may have.
pub const MAX_WINDOWS: usize = 1 << 20;

/// The longest text, in bytes, that is read as a model.
pub const MAX_MODEL_BYTES: usize = 8 << 20;

/// The longest text, in bytes, that is read as a trainer: [`BASELINE_BYTES`] in base64, and some more.
pub const MAX_TRAINING_BYTES: usize = 24 << 20;
