//! A wallet that a command moves: brought up to an instant, with what is still to be written.

use ltlm_protocol::Timestamp;

use crate::model::wallet::Wallet;
use crate::model::wallet::entry::{Entry, Source};
use crate::model::write::Write;

/// A wallet brought up to now: what lapsed is gone, what was due is given.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenWallet {
    /// The wallet now.
    pub wallet: Wallet,
    /// What brought it up to now, to be written with the next movement.
    pub entries: Vec<Entry>,
    /// The sequence number that is in the table.
    pub found: i64,
    /// When the next allocation is due, if one comes.
    pub due_at: Option<Timestamp>,
}

impl OpenWallet {
    /// The allocations among what brought it up to now.
    pub fn allocations(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.source == Source::Renewal)
    }

    /// The writes that leave the wallet as `moved`, reached by `entries` after its own.
    pub fn moved(self, moved: Wallet, entries: Vec<Entry>) -> Vec<Write> {
        let wallet = Wallet { due_at: moved.due_or_end(self.due_at), ..moved };
        let entries = self.entries.into_iter().chain(entries).map(|entry| Write::AddEntry { entry });
        std::iter::once(Write::MoveWallet { wallet, found: self.found }).chain(entries).collect()
    }

    /// The writes that leave the wallet as it is now.
    pub fn settled(self) -> Vec<Write> {
        let wallet = self.wallet.clone();
        self.moved(wallet, Vec::new())
    }
}
