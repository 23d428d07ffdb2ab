//! The pinned parameter set and the sizes that follow from it.
//!
//! Everything is fixed by [`SET`] and [`PACKING`], so key and ciphertext lengths are known exactly before a byte is read.

use crate::scheme::Fingerprint;
use tfhe::core_crypto::prelude::*;
use tfhe::shortint::parameters::v1_8::V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128;
use tfhe::shortint::parameters::{ClassicPBSParameters, DynamicDistribution};

/// The name of the parameter set.
pub const SET_NAME: &str = "V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128";

/// The bootstrapping parameter set: n = 918, k = 1, N = 2048, 132-bit security.
pub const SET: ClassicPBSParameters = V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128;

/// How results are packed. Key dimension and noise, which security rests on, are those of
/// `V1_8_COMP_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128`, the library's list compression for [`SET`]. That set
/// decomposes into 3 levels and stores 12 bits, for 8 levels on the torus; here 16 levels fill it, and those two
/// would fail with probability 2^-73. One level more and 16 bits bring it below 2^-128.
pub const PACKING: PackingParameters = PackingParameters {
    base_log: DecompositionBaseLog(4),
    level: DecompositionLevelCount(4),
    glwe_dimension: GlweDimension(4),
    polynomial_size: PolynomialSize(256),
    noise_bound_log2: 43,
    storage_modulus_log2: 16,
};

/// Parameters of the packing keyswitch and of the modulus that packed results are stored in.
#[derive(Clone, Copy, Debug)]
pub struct PackingParameters {
    /// log2 of the decomposition base.
    pub base_log: DecompositionBaseLog,
    /// Decomposition levels.
    pub level: DecompositionLevelCount,
    /// GLWE dimension of the packing key.
    pub glwe_dimension: GlweDimension,
    /// Polynomial size of the packing key: results in one packed ciphertext.
    pub polynomial_size: PolynomialSize,
    /// log2 of the bound of the key's TUniform noise.
    pub noise_bound_log2: u32,
    /// log2 of the storage modulus: bits per stored word.
    pub storage_modulus_log2: usize,
}

impl PackingParameters {
    /// Noise of the packing keyswitch key.
    pub fn noise(&self) -> DynamicDistribution<u64> {
        DynamicDistribution::new_t_uniform(self.noise_bound_log2)
    }

    /// Words of a packed ciphertext's mask.
    pub const fn mask_words(&self) -> usize {
        self.glwe_dimension.0 * self.polynomial_size.0
    }
}

/// The torus as 64-bit integers.
pub const MODULUS: CiphertextModulus<u64> = CiphertextModulus::new_native();

/// Bytes of a stored word of a packed result.
pub const MAP_WORD_BYTES: usize = PACKING.storage_modulus_log2 / 8;

/// The most messages that share one mask: the dimension of the big LWE key.
pub const MESSAGES_PER_LIST: usize = 2048;

/// Bytes kept of each 64-bit word of a camera ciphertext: its top 24 bits.
pub const TILE_WORD_BYTES: usize = 3;

/// The dimension of the big LWE key, n = kN.
pub const fn big_lwe_dimension() -> LweDimension {
    LweDimension(SET.glwe_dimension.0 * SET.polynomial_size.0)
}

/// Words of the seeded keyswitching key (bodies only).
pub const fn keyswitch_key_words() -> usize {
    big_lwe_dimension().0 * SET.ks_level.0
}

/// Words of the seeded bootstrapping key (bodies only).
pub const fn bootstrap_key_words() -> usize {
    SET.lwe_dimension.0 * SET.pbs_level.0 * (SET.glwe_dimension.0 + 1) * SET.polynomial_size.0
}

/// Words of the seeded packing keyswitching key (bodies only).
pub const fn packing_key_words() -> usize {
    big_lwe_dimension().0 * PACKING.level.0 * PACKING.polynomial_size.0
}

/// Words of the compact public key: mask and body polynomial.
pub const fn public_key_words() -> usize {
    2 * big_lwe_dimension().0
}

/// The fingerprint of everything that two sides must share to understand each other's bytes.
pub fn fingerprint() -> Fingerprint {
    Fingerprint::of(&format!(
        "{SET_NAME} {SET:?} {PACKING:?} words {TILE_WORD_BYTES} format 2"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfhe::shortint::parameters::CompressionParameters;
    use tfhe::shortint::parameters::v1_8::V1_8_COMP_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128;

    #[test]
    fn the_packing_key_is_as_secure_as_the_librarys() {
        let CompressionParameters::Classic(library) =
            V1_8_COMP_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128
        else {
            panic!("the library changed the kind of its compression parameters");
        };
        assert_eq!(PACKING.glwe_dimension, library.packing_ks_glwe_dimension);
        assert_eq!(PACKING.polynomial_size, library.packing_ks_polynomial_size);
        assert_eq!(PACKING.noise(), library.packing_ks_key_noise_distribution);
    }

    #[test]
    fn a_list_of_pixels_has_the_dimension_of_the_big_key() {
        assert_eq!(big_lwe_dimension().0, MESSAGES_PER_LIST);
    }
}
