//! A wallet that the index nominates for the schedule.

use crate::model::ids::WalletId;

/// A wallet as the index of what is due names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The wallet.
    pub wallet: WalletId,
    /// Its position in the index.
    pub position: String,
}
