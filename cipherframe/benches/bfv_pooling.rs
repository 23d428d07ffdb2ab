//! What each step of pooling a `bfv` block costs, on one thread, beside the crate `fhe`'s own squaring.
//!
//! The steps and their order are those of `cipherframe::scheme::bfv::lean`. Times do not depend on the residues, so they
//! are random here and no key is needed.

use cipherframe::scheme::bfv::lean::{Ciphertext, RelinearisationKey, Residues, Ring};
use cipherframe::scheme::bfv::library::{parameters, plaintext};
use cipherframe::scheme::bfv::packing::{push_residues, read_residues};
use cipherframe::scheme::bfv::parameters::{DEPTH_2, DEPTH_4, ParameterSet};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fhe::bfv::{Ciphertext as LibraryCiphertext, RelinearizationKey, SecretKey};
use fhe_traits::FheEncrypter;
use rand::Rng;
use std::hint::black_box;

fn random(ring: &Ring, rows: usize) -> Residues {
    let mut rng = rand::rng();
    let mut residues = Residues::zero(ring.degree(), rows);
    for (row, prime) in residues.coefficients_mut().zip(ring.primes()) {
        row.fill_with(|| rng.random_range(0..prime.value()));
    }
    residues
}

fn ciphertext(ring: &Ring, rows: usize) -> Ciphertext {
    Ciphertext {
        parts: [random(ring, rows), random(ring, rows)],
    }
}

fn key(ring: &Ring) -> RelinearisationKey {
    let primes = ring.primes().len();
    let digits = (0..primes).map(|_| [random(ring, primes), random(ring, primes)]);
    ring.relinearisation_key(&digits.collect::<Vec<_>>())
}

fn lean(criterion: &mut Criterion, set: &ParameterSet) {
    let ring = set.ring().unwrap();
    let key = key(&ring);
    let mut group = criterion.benchmark_group(format!("lean {}", set.name));
    let mut bytes = Vec::new();
    push_residues(&mut bytes, &random(&ring, set.primes));
    group.bench_function("read a polynomial", |bencher| {
        bencher.iter(|| read_residues("", black_box(&bytes), set.degree, ring.primes()));
    });
    for length in (2..=set.primes).rev() {
        let level = ring.level(length).unwrap();
        let a = ciphertext(&ring, length);
        let name = |step: &str| format!("{step} at {length} primes");
        group.bench_function(name("add"), |bencher| {
            bencher.iter_batched_ref(
                || a.clone(),
                |sum| level.add_assign(sum, &a),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(name("extend and transform"), |bencher| {
            bencher.iter(|| level.extend(black_box(&a)));
        });
        let extended = level.extend(&a);
        group.bench_function(name("tensor and transform back"), |bencher| {
            bencher.iter_batched(
                || extended.clone(),
                |a| level.tensor_square(a),
                BatchSize::SmallInput,
            );
        });
        let tensor = level.tensor_square(extended.clone());
        group.bench_function(name("scale"), |bencher| {
            bencher.iter_batched(
                || tensor.clone(),
                |tensor| level.scale(tensor),
                BatchSize::SmallInput,
            );
        });
        let parts = level.scale(tensor);
        group.bench_function(name("relinearise"), |bencher| {
            bencher.iter_batched(
                || parts.clone(),
                |parts| level.relinearise(parts, &key),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(name("switch down"), |bencher| {
            bencher.iter_batched_ref(
                || a.clone(),
                |a| level.switch_down(a),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(name("square, all steps"), |bencher| {
            bencher.iter(|| level.square(black_box(&a), &key));
        });
    }
    group.finish();
}

/// The crate's squaring and relinearisation, on the same parameters.
fn library(criterion: &mut Criterion, set: &ParameterSet) {
    let parameters = parameters(set).unwrap();
    let mut rng = rand::rng();
    let secret = SecretKey::random(&parameters, &mut rng);
    let key = RelinearizationKey::new(&secret, &mut rng).unwrap();
    let one = plaintext(&[1], &parameters).unwrap();
    let a: LibraryCiphertext = secret.try_encrypt(&one, &mut rng).unwrap();
    let mut group = criterion.benchmark_group(format!("fhe {}", set.name));
    group.bench_function(format!("square at {} primes", set.primes), |bencher| {
        bencher.iter(|| {
            let mut square = black_box(&a) * black_box(&a);
            key.relinearizes(&mut square).unwrap();
            square
        });
    });
    group.finish();
}

fn benches(criterion: &mut Criterion) {
    for set in [DEPTH_2, DEPTH_4] {
        lean(criterion, &set);
        library(criterion, &set);
    }
}

criterion_group!(bfv_pooling, benches);
criterion_main!(bfv_pooling);
