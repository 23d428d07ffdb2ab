//! Polynomials as rows of residues.

/// Coefficients that are worked on side by side: enough that compilers make vector loops of them.
pub const LANES: usize = 64;

/// Neighbouring coefficients of a row.
pub type Lanes = [u32; LANES];

/// A polynomial of N coefficients: for each prime of a basis a row of N residues below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Residues {
    lanes_per_row: usize,
    lanes: Vec<Lanes>,
}

impl Residues {
    /// The zero polynomial of `degree` coefficients (a multiple of [`LANES`]) in `rows` rows.
    pub fn zero(degree: usize, rows: usize) -> Self {
        let lanes_per_row = (degree / LANES).max(1);
        Self {
            lanes_per_row,
            lanes: vec![[0; LANES]; lanes_per_row * rows],
        }
    }

    /// N, the coefficients in a row.
    pub fn degree(&self) -> usize {
        self.lanes_per_row * LANES
    }

    /// The number of rows.
    pub fn row_count(&self) -> usize {
        self.lanes.len() / self.lanes_per_row
    }

    /// The rows, lanes by lanes.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[Lanes]> {
        self.lanes.chunks_exact(self.lanes_per_row)
    }

    /// The rows for writing, lanes by lanes.
    pub fn rows_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [Lanes]> {
        self.lanes.chunks_exact_mut(self.lanes_per_row)
    }

    /// The rows, coefficient by coefficient.
    pub fn coefficients(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.rows().map(<[Lanes]>::as_flattened)
    }

    /// The rows for writing, coefficient by coefficient.
    pub fn coefficients_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [u32]> {
        self.rows_mut().map(<[Lanes]>::as_flattened_mut)
    }

    /// Forgets all rows but the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        self.lanes.truncate(self.lanes_per_row * rows);
    }

    /// A copy, with zeros after it up to `rows` rows.
    pub(super) fn widened(&self, rows: usize) -> Self {
        let mut lanes = Vec::with_capacity(self.lanes_per_row * rows);
        lanes.extend_from_slice(&self.lanes);
        lanes.resize(self.lanes_per_row * rows, [0; LANES]);
        Self {
            lanes_per_row: self.lanes_per_row,
            lanes,
        }
    }

    /// All rows in one piece.
    pub fn lanes(&self) -> &[Lanes] {
        &self.lanes
    }

    /// All rows in one piece, for writing.
    pub(super) fn lanes_mut(&mut self) -> &mut [Lanes] {
        &mut self.lanes
    }

    /// Lanes in a row.
    pub(super) fn lanes_per_row(&self) -> usize {
        self.lanes_per_row
    }
}
