//! Tests whose figures `cargo xtask prove` publishes in docs/proofs.md: long then, and short otherwise.

/// How often a proof is repeated: `long` where `LTLM_PROVE` is set.
pub(crate) fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("LTLM_PROVE").is_some() { long } else { short }
}

/// Says what was seen of a claim of docs/proofs.md, on a line that the command picks up. It is called at the end of the test: a claim
/// that does not hold says nothing.
#[expect(clippy::print_stdout, reason = "the command reads it")]
pub(crate) fn seen(claim: &str, figures: &str) {
    println!("\nPROOF {claim} {figures}");
}
