//! The parameter sets, one for each depth of circuit, and the sizes that follow from them.

use super::lean::{Ring, RingError};
use crate::scheme::Fingerprint;

/// t: slots hold integers modulo this prime, and `t = 1` modulo 2N gives N slots.
pub const PLAINTEXT_MODULUS: u32 = 65_537;

/// Variance of the encryption noise, a centred binomial distribution: standard deviation 3.16.
pub const NOISE_VARIANCE: usize = 10;

/// Bits of a residue as it is stored and sent: every prime is below 2^30.
pub const RESIDUE_BITS: usize = 30;

/// The largest primes below 2^30 that are 1 modulo 2^14, so that polynomials of up to 8192 coefficients have transforms.
const PRIMES: [u32; 11] = [
    1_073_692_673,
    1_073_643_521,
    1_073_479_681,
    1_073_430_529,
    1_073_299_457,
    1_073_233_921,
    1_073_184_769,
    1_073_135_617,
    1_073_053_697,
    1_072_857_089,
    1_072_611_329,
];

/// A parameter set. Secret keys are uniform in {-1, 0, 1}.
///
/// Both stay below the moduli of the homomorphic encryption standard (2018, table 1: 128 bits of security, ternary secret,
/// classical attacks): 109 bits for N = 4096, 218 bits for N = 8192.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParameterSet {
    /// The name, in logs and documents.
    pub name: &'static str,
    /// N: coefficients of a polynomial and slots of a ciphertext.
    pub degree: usize,
    /// How many primes a fresh ciphertext has. Each product takes one of them away.
    pub primes: usize,
}

/// For kernel 2: depth 2.
pub const DEPTH_2: ParameterSet = ParameterSet {
    name: "BFV_N4096_Q90_T65537",
    degree: 4096,
    primes: 3,
};

/// For kernels 3 and 4: depth 4.
pub const DEPTH_4: ParameterSet = ParameterSet {
    name: "BFV_N8192_Q150_T65537",
    degree: 8192,
    primes: 5,
};

/// Every parameter set, in the order in which a key holds them.
pub const SETS: [ParameterSet; 2] = [DEPTH_2, DEPTH_4];

/// The set that pools a `kernel`.
pub const fn for_kernel(kernel: u8) -> ParameterSet {
    if kernel <= 2 { DEPTH_2 } else { DEPTH_4 }
}

impl ParameterSet {
    /// The ciphertext primes; a result has the first one alone.
    pub fn moduli(&self) -> Vec<u32> {
        PRIMES.iter().take(self.primes).copied().collect()
    }

    /// The primes that hold products.
    pub fn auxiliary_moduli(&self) -> Vec<u32> {
        let rest = PRIMES.iter().skip(self.primes);
        rest.take(self.primes + 1).copied().collect()
    }

    /// The arithmetic of the set.
    pub fn ring(&self) -> Result<Ring, RingError> {
        let (q, p) = (self.moduli(), self.auxiliary_moduli());
        Ring::new(self.degree, PLAINTEXT_MODULUS, &q, &p)
    }

    /// Bytes of a polynomial of `primes` rows.
    pub const fn polynomial_bytes(&self, primes: usize) -> usize {
        primes * self.degree * RESIDUE_BITS / 8
    }

    /// Bytes of the relinearisation key: two polynomials for each digit.
    pub const fn relinearisation_key_bytes(&self) -> usize {
        2 * self.primes * self.polynomial_bytes(self.primes)
    }

    /// The fingerprint of everything that two sides must share to understand each other's ciphertexts.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.description())
    }

    fn description(&self) -> String {
        format!(
            "{} degree {} moduli {:?} plaintext {PLAINTEXT_MODULUS} noise {NOISE_VARIANCE} secret ternary \
             residue bits {RESIDUE_BITS} format 1;",
            self.name,
            self.degree,
            self.moduli()
        )
    }
}

/// The fingerprint in front of every key, which serves all sets.
pub fn key_fingerprint() -> Fingerprint {
    Fingerprint::of(&SETS.map(|set| set.description()).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moduli_are_within_the_128_bit_table() {
        // Homomorphic encryption standard, table 1, ternary secret, classical, 128 bits.
        for (set, most) in SETS.iter().zip([109.0, 218.0]) {
            let bits: f64 = set.moduli().iter().map(|q| f64::from(*q).log2()).sum();
            assert!(
                bits <= most && bits > set.primes as f64 * 29.9,
                "{set:?}: {bits}"
            );
        }
    }

    #[test]
    fn primes_are_primes_with_transforms_for_both_degrees() {
        for value in PRIMES {
            assert!(
                (2..32_769u32).all(|divisor| value % divisor != 0),
                "{value}"
            );
            assert_eq!(value % 16_384, 1);
        }
        assert_eq!(PLAINTEXT_MODULUS % 16_384, 1);
    }

    #[test]
    fn every_set_is_a_ring() {
        for set in SETS {
            set.ring().unwrap();
        }
        // One auxiliary prime less than needed is noticed.
        let p = DEPTH_2.auxiliary_moduli();
        assert!(Ring::new(4096, PLAINTEXT_MODULUS, &DEPTH_2.moduli(), &p[..3]).is_err());
    }
}
