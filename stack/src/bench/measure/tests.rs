use super::*;
use cipherframe::scheme::Key;
use cipherframe::{KeyId, PoolSpec, Progress, Quantiser};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// How long a tile waits for another one that is pooled at the same time.
const COMPANY_LIMIT: Duration = Duration::from_secs(20);

/// A key whose tiles end when as many are in work as expected.
struct Counting {
    scheme: SchemeId,
    expected: usize,
    /// Tiles in work now, and the most at any time.
    in_work: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Key for Counting {
    fn scheme(&self) -> SchemeId {
        self.scheme
    }

    fn key_id(&self) -> KeyId {
        KeyId::from_bytes([0; 16])
    }
}

impl EvaluationKey for Counting {
    fn pool(
        &self,
        _: &StreamSpec,
        tile: u32,
        ciphertext: &[u8],
        _: &dyn Progress,
    ) -> Result<Vec<u8>, SchemeError> {
        let mut in_work = self.in_work.lock().unwrap();
        in_work.0 += 1;
        in_work.1 = in_work.1.max(in_work.0);
        self.changed.notify_all();
        let (mut in_work, _) = self
            .changed
            .wait_timeout_while(in_work, COMPANY_LIMIT, |(_, most)| *most < self.expected)
            .unwrap();
        in_work.0 -= 1;
        assert_eq!(ciphertext, [tile as u8]);
        Ok(vec![tile as u8 + 100])
    }
}

/// The most tiles of a scheme in work at any time, on two threads.
fn at_once(scheme: SchemeId, expected: usize) -> usize {
    let pool = PoolSpec::new(2, 2, 0).unwrap();
    let spec = StreamSpec::new(scheme, 64, 64, Quantiser::from_bits(4).unwrap(), pool).unwrap();
    let key = Counting {
        scheme,
        expected,
        in_work: Mutex::default(),
        changed: Condvar::new(),
    };
    let threads = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let ciphertexts = [0, 1, 2, 3].map(|tile| vec![tile]);
    let maps = threads.install(|| pool_all(&key, &spec, &ciphertexts));
    assert_eq!(
        maps.unwrap(),
        [[100], [101], [102], [103]],
        "in the order of the tiles"
    );
    key.in_work.into_inner().unwrap().1
}

#[test]
fn tiles_for_one_thread_are_pooled_on_all_threads_at_once() {
    assert_eq!(at_once(SchemeId::Bfv, 2), 2);
}

#[test]
fn tiles_for_all_threads_are_pooled_one_after_the_other() {
    assert_eq!(at_once(SchemeId::Tfhe, 1), 1);
}
