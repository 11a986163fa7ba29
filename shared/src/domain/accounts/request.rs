//! What the bodies of requests about accounts have in common.

use ltlm_protocol::read::Reader;

/// Says that the body may hold `dryRun`, which the handler reads.
pub(crate) fn may_be_dry_run(r: &mut Reader<'_>) {
    r.bool_opt("dryRun");
}
