use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

const BOUND: usize = 1_000;

/// A tile of the tests: its camera, its number in the order of arrival, its bytes.
type Tile = (u8, usize, usize);

/// The same with nothing but a list in order of arrival, and for each camera when it had its last turn.
#[derive(Default)]
struct Naive {
    waiting: Vec<Tile>,
    last_turn: HashMap<u8, usize>,
    turns: usize,
}

impl Naive {
    fn bytes(&self) -> usize {
        self.waiting.iter().map(|(_, _, bytes)| bytes).sum()
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.waiting.is_empty() || self.bytes() + bytes <= BOUND
    }

    fn push(&mut self, tile: Tile) {
        if self.waiting.iter().all(|(camera, ..)| *camera != tile.0) {
            // A camera that has waited for nothing comes after all that wait.
            self.turns += 1;
            self.last_turn.insert(tile.0, self.turns);
        }
        self.waiting.push(tile);
    }

    /// The oldest tile of the camera whose last turn is the longest ago.
    fn pop(&mut self) -> Option<Tile> {
        let next = |at: &usize| {
            let (camera, number, _) = self.waiting[*at];
            (self.last_turn[&camera], number)
        };
        let at = (0..self.waiting.len()).min_by_key(next)?;
        let tile = self.waiting.remove(at);
        self.turns += 1;
        self.last_turn.insert(tile.0, self.turns);
        Some(tile)
    }
}

/// What may happen: a tile of a camera comes, if there is room for it, or one is taken.
#[derive(Debug, Clone, Copy)]
enum Step {
    Push(u8, usize),
    Pop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..5_u8, 0..400_usize).prop_map(|(camera, bytes)| Step::Push(camera, bytes)),
        // Longer than everything that may wait.
        1 => (0..5_u8).prop_map(|camera| Step::Push(camera, 2 * BOUND)),
        3 => Just(Step::Pop),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn agrees_with_the_naive_model(steps in steps()) {
        let mut backlog = Backlog::new(BOUND);
        let mut naive = Naive::default();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push(camera, bytes) => {
                    let room = backlog.has_room(bytes);
                    prop_assert_eq!(room, naive.has_room(bytes));
                    if room {
                        backlog.push(camera, bytes, (camera, number, bytes));
                        naive.push((camera, number, bytes));
                    }
                }
                Step::Pop => prop_assert_eq!(backlog.pop(), naive.pop()),
            }
            prop_assert_eq!(backlog.bytes, naive.bytes());
            prop_assert!(backlog.bytes <= BOUND || naive.waiting.len() == 1);
        }
        while let Some(tile) = naive.pop() {
            prop_assert_eq!(backlog.pop(), Some(tile));
        }
        prop_assert!(backlog.pop().is_none());
        prop_assert_eq!(backlog.bytes, 0);
    }

    /// While a camera waits, every other camera has at most one turn before it has its own.
    #[test]
    fn nobody_has_two_turns_while_another_waits(steps in steps()) {
        let mut backlog = Backlog::new(BOUND);
        let mut waiting: HashMap<u8, usize> = HashMap::new();
        let mut turns_since: HashMap<u8, HashSet<u8>> = HashMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push(camera, bytes) if backlog.has_room(bytes) => {
                    backlog.push(camera, bytes, (camera, number, bytes));
                    *waiting.entry(camera).or_default() += 1;
                    turns_since.entry(camera).or_default();
                }
                Step::Push(..) => {}
                Step::Pop => {
                    let Some((popped, ..)) = backlog.pop() else { continue };
                    for (camera, others) in &mut turns_since {
                        let first_turn = *camera == popped || others.insert(popped);
                        prop_assert!(first_turn, "{popped} had two turns while {camera} waited");
                    }
                    turns_since.remove(&popped);
                    let left = waiting[&popped] - 1;
                    waiting.insert(popped, left);
                    if left > 0 {
                        turns_since.insert(popped, HashSet::new());
                    }
                }
            }
        }
    }

    /// What a viewer has to put together at once is one frame for each camera, however many frames wait.
    #[test]
    fn a_camera_has_one_frame_begun_at_a_time(
        frames in proptest::collection::vec((0..5_u8, 1..6_usize), 1..40),
    ) {
        let mut backlog = Backlog::new(usize::MAX);
        for (frame, (camera, tiles)) in frames.iter().enumerate() {
            for left in (0..*tiles).rev() {
                backlog.push(*camera, 1, (*camera, frame, left));
            }
        }
        let mut begun: HashMap<u8, usize> = HashMap::new();
        while let Some((camera, frame, left)) = backlog.pop() {
            prop_assert_eq!(*begun.entry(camera).or_insert(frame), frame);
            if left == 0 {
                begun.remove(&camera);
            }
        }
        prop_assert!(begun.is_empty());
    }
}

#[test]
fn a_short_stream_passes_the_long_frame_of_another_camera() {
    let mut backlog = Backlog::new(BOUND);
    for tile in 0..100 {
        backlog.push("yard", 1, ("yard", tile));
    }
    assert_eq!(backlog.pop(), Some(("yard", 0)));
    backlog.push("gate", 1, ("gate", 0));
    backlog.push("gate", 1, ("gate", 1));
    let next: Vec<_> = std::iter::from_fn(|| backlog.pop()).take(5).collect();
    assert_eq!(
        next,
        [
            ("yard", 1),
            ("gate", 0),
            ("yard", 2),
            ("gate", 1),
            ("yard", 3)
        ]
    );
}

#[test]
fn a_tile_longer_than_the_bound_waits_alone() {
    let mut backlog = Backlog::new(BOUND);
    assert!(backlog.has_room(usize::MAX));
    backlog.push("gate", usize::MAX, 0);
    assert!(!backlog.has_room(1));
    assert_eq!(backlog.pop(), Some(0));
    assert!(backlog.has_room(BOUND));
    backlog.push("gate", BOUND, 1);
    assert!(backlog.has_room(0));
    assert!(!backlog.has_room(1));
}
