//! Random bytes from the operating system.

/// The operating system gave no random bytes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}; allow this process the getrandom call")]
pub struct RandomError(#[from] getrandom::Error);

/// `N` bytes fit for keys.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
