//! The newest frames of a camera that does not wait.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Frames that may wait. More are taken in place of the oldest.
const WAITING: usize = 2;

/// Between a thread that puts items in and one that waits for them.
#[derive(Debug)]
pub(super) struct Newest<T, E>(Arc<Shared<T, E>>);

#[derive(Debug)]
struct Shared<T, E> {
    state: Mutex<State<T, E>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T, E> {
    waiting: VecDeque<T>,
    /// Why nothing more comes, until it was taken; then `None` inside.
    ended: Option<Option<E>>,
}

impl<T, E> Clone for Newest<T, E> {
    fn clone(&self) -> Self {
        Newest(self.0.clone())
    }
}

impl<T, E> Default for Newest<T, E> {
    fn default() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            ended: None,
        };
        Newest(Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }
}

impl<T, E> Newest<T, E> {
    /// Puts an item in; the oldest makes room for it.
    pub(super) fn put(&self, item: T) {
        let mut state = self.lock();
        if state.waiting.len() == WAITING {
            state.waiting.pop_front();
        }
        state.waiting.push_back(item);
        self.0.changed.notify_one();
    }

    /// Nothing more comes, and why.
    pub(super) fn end(&self, reason: E) {
        self.lock().ended = Some(Some(reason));
        self.0.changed.notify_one();
    }

    /// Nothing more comes, and nobody need say why.
    pub(super) fn close(&self) {
        self.lock().ended.get_or_insert(None);
        self.0.changed.notify_one();
    }

    /// Waits for the next item. `None` after the end, whose reason is given once.
    pub(super) fn take(&self) -> Option<Result<T, E>> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.waiting.pop_front() {
                return Some(Ok(item));
            }
            if let Some(reason) = &mut state.ended {
                return reason.take().map(Err);
            }
            let woken = self.0.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_oldest_makes_room_and_the_reason_comes_last_and_once() {
        let newest = Newest::default();
        (0..5).for_each(|item| newest.put(item));
        newest.end("over");
        assert_eq!(newest.take(), Some(Ok(3)));
        assert_eq!(newest.take(), Some(Ok(4)));
        newest.close();
        assert_eq!(newest.take(), Some(Err("over")));
        assert_eq!(newest.take(), None);
    }

    #[test]
    fn who_is_too_early_waits() {
        let newest = Newest::<_, ()>::default();
        let put = newest.clone();
        let waiting = thread::spawn(move || newest.take());
        put.put(7);
        assert_eq!(waiting.join().unwrap(), Some(Ok(7)));
        let (closed, waiting) = (put.clone(), thread::spawn(move || put.take()));
        closed.close();
        assert_eq!(waiting.join().unwrap(), None);
    }
}
