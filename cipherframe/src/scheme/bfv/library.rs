//! The crate `fhe`: its view of the parameter sets, and residues in and out of its polynomials.

use super::lean::Residues;
use super::parameters::{NOISE_VARIANCE, PLAINTEXT_MODULUS, ParameterSet};
use crate::scheme::SchemeError;
use fhe::bfv::{BfvParameters, BfvParametersBuilder, Encoding, Plaintext};
use fhe_math::rq::traits::TryConvertFrom;
use fhe_math::rq::{Context, Poly, Representation};
use fhe_traits::FheEncoder;
use std::sync::Arc;

/// Turns the library's errors into ours.
pub fn library<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> SchemeError {
    move |error| SchemeError::Library {
        what,
        why: error.to_string(),
    }
}

/// The library's parameters for a set.
pub fn parameters(set: &ParameterSet) -> Result<Arc<BfvParameters>, SchemeError> {
    let moduli: Vec<u64> = set.moduli().into_iter().map(u64::from).collect();
    BfvParametersBuilder::new()
        .set_degree(set.degree)
        .set_plaintext_modulus(PLAINTEXT_MODULUS.into())
        .set_moduli(&moduli)
        .set_variance(NOISE_VARIANCE)
        .build_arc()
        .map_err(library("building the parameters"))
}

/// The context of polynomials with `primes` residues.
pub fn context(parameters: &BfvParameters, primes: usize) -> Result<&Arc<Context>, SchemeError> {
    let level = parameters.moduli().len().saturating_sub(primes);
    parameters
        .context_at_level(level)
        .map_err(library("finding the context"))
}

/// One value per slot as a plaintext for a fresh ciphertext.
pub fn plaintext(slots: &[u64], parameters: &Arc<BfvParameters>) -> Result<Plaintext, SchemeError> {
    Plaintext::try_encode(slots, Encoding::simd(), parameters).map_err(library("encoding"))
}

/// The plain coefficients of a polynomial.
pub fn residues(polynomial: &Poly) -> Residues {
    let mut polynomial = polynomial.clone();
    polynomial.change_representation(Representation::PowerBasis);
    let rows = polynomial.coefficients();
    let mut residues = Residues::zero(rows.ncols(), rows.nrows());
    for (to, from) in residues.coefficients_mut().zip(rows.outer_iter()) {
        for (to, from) in to.iter_mut().zip(from) {
            // Every modulus is below 2^30.
            *to = *from as u32;
        }
    }
    residues
}

/// A polynomial from its plain coefficients, in the representation that ciphertexts need.
pub fn polynomial(residues: &Residues, context: &Arc<Context>) -> Result<Poly, SchemeError> {
    let values: Vec<u64> = residues
        .lanes()
        .as_flattened()
        .iter()
        .map(|residue| u64::from(*residue))
        .collect();
    let mut polynomial = Poly::try_convert_from(values, context, true, Representation::PowerBasis)
        .map_err(library("reading a polynomial"))?;
    polynomial.change_representation(Representation::Ntt);
    Ok(polynomial)
}
