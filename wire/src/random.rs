//! Random bytes from the operating system.

/// The operating system gave no random bytes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}; allow this process the getrandom call")]
pub struct RandomError(#[from] getrandom::Error);

/// A random byte, or the same one each time where the system gives none: it only spreads waits.
#[must_use]
pub fn chance() -> u8 {
    bytes::<1>().map_or(128, |[byte]| byte)
}

/// `N` bytes fit for keys and passwords.
///
/// # Errors
/// When the operating system gives none.
pub fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
