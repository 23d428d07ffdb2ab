//! `decrypt(pool(encrypt(x))) == max_pool(x)` for every scheme.

use cipherframe::keys::{load_camera_secret_key, load_evaluation_key, load_public_key};
use cipherframe::{
    EncryptionKey, EvaluationKey, Frame, PoolSpec, QuantisedFrame, Quantiser, SchemeId, StreamSpec,
    max_pool,
};
use client_key::ClientKey;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::sync::{Arc, LazyLock};

struct Keys {
    /// What a camera may encrypt with: the public key, and the secret key where the scheme has one.
    cameras: Vec<Arc<dyn EncryptionKey>>,
    evaluation: Arc<dyn EvaluationKey>,
    client: Arc<dyn ClientKey>,
}

static PLAIN: LazyLock<Keys> = LazyLock::new(|| keys(SchemeId::Plain));
static TFHE: LazyLock<Keys> = LazyLock::new(|| keys(SchemeId::Tfhe));
static BFV: LazyLock<Keys> = LazyLock::new(|| keys(SchemeId::Bfv));

fn keys(scheme: SchemeId) -> Keys {
    let folder = e2e::key_cache::key_set(scheme);
    let public = load_public_key(&folder.join(client_key::PUBLIC_KEY_FILE)).unwrap();
    let secret = scheme.get().camera_secret_key_bytes().map(|_| {
        let path = e2e::key_cache::camera_secret_key(scheme);
        load_camera_secret_key(&path).unwrap()
    });
    Keys {
        cameras: [public].into_iter().chain(secret).collect(),
        evaluation: load_evaluation_key(&folder.join(client_key::EVALUATION_KEY_FILE), &())
            .unwrap(),
        client: client_key::load(&folder.join(client_key::CLIENT_KEY_FILE)).unwrap(),
    }
}

fn keys_of(scheme: SchemeId) -> &'static Keys {
    match scheme {
        SchemeId::Plain => &PLAIN,
        SchemeId::Tfhe => &TFHE,
        SchemeId::Bfv => &BFV,
    }
}

/// Pools `frame` under encryption with every key that a camera may have, tile by tile, and compares each value with the
/// plaintext reference.
fn check(spec: &StreamSpec, frame: &QuantisedFrame) {
    let keys = keys_of(spec.scheme());
    for camera in &keys.cameras {
        check_with(camera.as_ref(), keys, spec, frame);
    }
}

fn check_with(camera: &dyn EncryptionKey, keys: &Keys, spec: &StreamSpec, frame: &QuantisedFrame) {
    let reference = max_pool(frame, spec.pool()).unwrap();
    let plan = spec.tile_plan();
    let mut pooled = vec![None; reference.values().len()];
    for tile in 0..plan.tile_count() {
        let ciphertext = camera.encrypt(spec, frame, tile).unwrap();
        let map = keys.evaluation.pool(spec, tile, &ciphertext, &()).unwrap();
        let values = keys.client.decrypt(spec, tile, &map).unwrap();
        let windows = plan.windows(tile).unwrap();
        assert_eq!(windows.len(), values.len(), "{spec}, tile {tile}");
        for (window, value) in windows.into_iter().zip(values) {
            pooled[window as usize] = Some(value);
        }
    }
    let expected: Vec<Option<u8>> = reference.values().iter().copied().map(Some).collect();
    assert_eq!(pooled, expected, "{spec}");
}

fn frame(
    width: u32,
    height: u32,
    quantiser: &Quantiser,
    pixel: impl Fn(u32, u32) -> u8,
) -> QuantisedFrame {
    let luma = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let luma = luma.map(|(x, y)| pixel(x, y)).collect();
    quantiser.quantise(&Frame::new(width, height, luma).unwrap())
}

fn spec(
    scheme: SchemeId,
    size: (u32, u32),
    quantiser: &Quantiser,
    pool: (u8, u8, u8),
) -> StreamSpec {
    let pool = PoolSpec::new(pool.0, pool.1, pool.2).unwrap();
    StreamSpec::new(scheme, size.0, size.1, quantiser.clone(), pool).unwrap()
}

/// Frame size, quantiser, (kernel, stride, padding), and the luma at (x, y).
type Case<'a> = (
    (u32, u32),
    &'a Quantiser,
    (u8, u8, u8),
    &'a dyn Fn(u32, u32) -> u8,
);

/// Ties, extremes, odd sizes, padding, stride below and above the kernel.
#[test]
fn chosen_frames_of_every_scheme() {
    let bits = Quantiser::from_bits(4).unwrap();
    let few = Quantiser::from_thresholds(vec![8, 20, 45]).unwrap();
    for scheme in SchemeId::ALL {
        let mixed = |x: u32, y: u32| (x * 83 + y * 47 + x * y * 29) as u8;
        let cases: [Case; 9] = [
            ((4, 4), &bits, (2, 2, 0), &|_, _| 0),
            ((4, 4), &bits, (2, 2, 0), &|_, _| 255),
            ((4, 4), &bits, (2, 2, 0), &|x, y| {
                if (x + y) % 2 == 0 { 255 } else { 0 }
            }),
            ((5, 3), &bits, (2, 1, 0), &mixed),
            ((5, 5), &bits, (2, 3, 1), &mixed),
            ((7, 5), &bits, (3, 2, 1), &mixed),
            ((4, 3), &bits, (3, 1, 2), &mixed),
            ((3, 3), &bits, (3, 3, 0), &|x, y| (16 * (x + 3 * y)) as u8),
            ((6, 4), &few, (2, 2, 0), &|x, y| {
                [7, 8, 19, 20, 44, 45][((x + 2 * y) % 6) as usize]
            }),
        ];
        for (size, quantiser, pool, pixel) in cases {
            let spec = spec(scheme, size, quantiser, pool);
            check(&spec, &frame(size.0, size.1, quantiser, pixel));
        }
    }
}

#[test]
fn tiles_come_back_to_their_places() {
    let bits = Quantiser::from_bits(2).unwrap();
    let spec = spec(SchemeId::Plain, (130, 70), &bits, (2, 2, 0));
    assert!(spec.tile_plan().tile_count() > 3);
    check(&spec, &frame(130, 70, &bits, |x, y| (x + 2 * y) as u8));
}

fn random(scheme: SchemeId, cases: u32, longest_side: u32) {
    let most_levels = 255usize;
    let strategy = (
        (
            1..=longest_side,
            1..=longest_side,
            scheme.get().kernels(),
            1u8..=4,
            0u8..3,
        ),
        // Few levels as likely as many.
        (0..=most_levels.ilog2()).prop_flat_map(move |log2| {
            let most = (2 << log2).min(most_levels);
            proptest::collection::btree_set(1u8..=255, 1..=most)
        }),
        any::<u64>(),
    );
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    };
    TestRunner::new(config)
        .run(
            &strategy,
            |((width, height, kernel, stride, padding), thresholds, seed)| {
                prop_assume!(padding < kernel);
                let quantiser =
                    Quantiser::from_thresholds(thresholds.into_iter().collect()).unwrap();
                let pool = PoolSpec::new(kernel, stride, padding).unwrap();
                let Ok(spec) = StreamSpec::new(scheme, width, height, quantiser.clone(), pool)
                else {
                    return Ok(());
                };
                let pixel = |x: u32, y: u32| {
                    (u64::from(x * 131 + y * 17 + 1).wrapping_mul(seed | 1) >> 29) as u8
                };
                check(&spec, &frame(width, height, &quantiser, pixel));
                Ok(())
            },
        )
        .unwrap();
}

#[test]
fn random_frames_of_the_plain_scheme() {
    random(SchemeId::Plain, 200, 90);
}

#[test]
fn random_frames_of_the_tfhe_scheme() {
    random(SchemeId::Tfhe, 12, 5);
}

/// Ties in the high digit, low digits that decide, and trees that are refreshed on the way.
#[test]
fn two_digits_and_large_windows_of_the_tfhe_scheme() {
    let (bits, few) = (
        Quantiser::from_bits(8).unwrap(),
        Quantiser::from_bits(4).unwrap(),
    );
    let cases: [Case; 6] = [
        ((4, 4), &bits, (2, 2, 0), &|x, y| (x + 4 * y) as u8),
        ((4, 2), &bits, (2, 2, 0), &|x, y| {
            [0, 255, 16, 15, 128, 143, 128, 129][(x + 4 * y) as usize]
        }),
        ((3, 3), &bits, (3, 1, 0), &|x, y| (200 + x * y) as u8),
        ((5, 5), &few, (5, 1, 1), &|x, y| (x * 83 + y * 47) as u8),
        ((8, 8), &few, (8, 8, 0), &|x, y| (x * 3 + y * 5) as u8),
        ((3, 2), &bits, (1, 1, 0), &|x, y| (x * 90 + y * 40) as u8),
    ];
    for (size, quantiser, pool, pixel) in cases {
        let spec = spec(SchemeId::Tfhe, size, quantiser, pool);
        check(&spec, &frame(size.0, size.1, quantiser, pixel));
    }
}

#[test]
fn random_frames_of_the_bfv_scheme() {
    random(SchemeId::Bfv, 25, 40);
}

#[test]
fn eight_bits_and_several_tiles_of_the_bfv_scheme() {
    let bits = Quantiser::from_bits(8).unwrap();
    for (kernel, tiles) in [(2, 5), (3, 3), (4, 2)] {
        let spec = spec(SchemeId::Bfv, (17, 15), &bits, (kernel, 2, 1));
        assert_eq!(spec.tile_plan().tile_count(), tiles, "{spec}");
        check(
            &spec,
            &frame(17, 15, &bits, |x, y| (x * 83 + y * 47 + x * y * 29) as u8),
        );
    }
}

#[test]
fn a_tile_is_as_long_for_a_black_as_for_a_busy_frame_and_pools_to_the_same_map_twice() {
    let bits = Quantiser::from_bits(4).unwrap();
    for scheme in SchemeId::ALL {
        let spec = spec(scheme, (4, 2), &bits, (2, 2, 0));
        let keys = keys_of(scheme);
        for camera in &keys.cameras {
            let sealed = |pixel: &dyn Fn(u32, u32) -> u8| {
                camera
                    .encrypt(&spec, &frame(4, 2, &bits, pixel), 0)
                    .unwrap()
            };
            let (black, busy) = (sealed(&|_, _| 0), sealed(&|x, y| (x * 60 + y * 9) as u8));
            assert_eq!(black.len(), busy.len(), "{scheme}");
            let map = |tile: &[u8]| keys.evaluation.pool(&spec, 0, tile, &()).unwrap();
            assert_eq!(map(&busy), map(&busy), "{scheme}");
            assert_eq!(map(&busy).len(), map(&black).len(), "{scheme}");
        }
    }
}

#[test]
fn every_tile_is_as_long_as_its_key_says_before() {
    let bits = Quantiser::from_bits(4).unwrap();
    for scheme in SchemeId::ALL {
        for (size, pool) in [((100, 50), (2, 2, 0)), ((61, 37), (3, 2, 1))] {
            let spec = spec(scheme, size, &bits, pool);
            let frame = frame(size.0, size.1, &bits, |x, y| (x * y) as u8);
            let tiles = spec.tile_plan().tile_count();
            // The public key first, then the secret key where the scheme has one for cameras.
            for (camera, secret) in keys_of(scheme).cameras.iter().zip([false, true]) {
                for tile in 0..tiles {
                    let made = camera.encrypt(&spec, &frame, tile).unwrap();
                    let before = scheme.get().tile_bytes(&spec, tile, secret);
                    assert_eq!(before, Ok(made.len()), "{spec}");
                    assert_eq!(camera.tile_bytes(&spec, tile), before, "{spec}");
                }
                assert!(camera.tile_bytes(&spec, tiles).is_err());
            }
        }
    }
}

/// A ciphertext is two polynomials; a 32-byte seed stands for the second one.
#[test]
fn a_camera_secret_key_halves_the_tiles() {
    let bits = Quantiser::from_bits(4).unwrap();
    for kernel in 2..=4u8 {
        let spec = spec(SchemeId::Bfv, (40, 30), &bits, (kernel, kernel, 0));
        let frame = frame(40, 30, &bits, |x, y| (x * y) as u8);
        let cameras = keys_of(SchemeId::Bfv).cameras.iter();
        let bytes = cameras.map(|key| key.encrypt(&spec, &frame, 0).unwrap().len());
        let [public, secret] = bytes.collect::<Vec<_>>()[..] else {
            panic!("bfv has two kinds of camera keys");
        };
        // One byte says which of the two it is.
        let ciphertexts = usize::from(kernel * kernel);
        assert_eq!(secret - 1, (public - 1) / 2 + 32 * ciphertexts);
        assert!((0.49..0.51).contains(&(secret as f64 / public as f64)));
    }
}
