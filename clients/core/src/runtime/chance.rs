//! The operating system's chance.

/// Unpredictable bytes; `None` if the system has none.
pub(super) fn bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "the one place that draws chance")]
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}
