//! Is a ledger whole? Its entries are linked each to the one before, and each starts where the last one ended; the wallet
//! keeps the last one's hash. So whatever was changed, left out or put in later, shows.

use crate::model::ids::Link;
use crate::model::wallet::Wallet;
use crate::model::wallet::entry::Entry;

/// How far a ledger was found whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The last entry's place.
    pub sequence: i64,
    /// Its hash.
    pub head: Link,
    /// The balance after it.
    pub balance: i64,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is not what it was when the next one was written.
    Altered,
    /// It does not start where the last one ended, or does not add up.
    Balance,
}

/// The first place at which a ledger is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    /// The entry's place.
    pub sequence: i64,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Fault {
    /// The text on the wire.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Altered => "altered",
            Self::Balance => "balance",
        }
    }
}

impl Checked {
    /// Goes on with the next entry.
    pub fn then(self, entry: &Entry) -> Result<Self, Break> {
        let sequence = self.sequence + 1;
        if entry.sequence != sequence {
            return Err(Break { sequence, fault: Fault::Missing });
        }
        if entry.previous != self.head {
            // What the first one is linked to is nothing: then it is not the first.
            return Err(Break { sequence: self.sequence.max(1), fault: Fault::Altered });
        }
        let adds_up = entry.balance_before == self.balance
            && entry.balance_before.checked_add(entry.amount) == Some(entry.balance_after);
        match adds_up {
            true => Ok(Self { sequence, head: entry.link(), balance: entry.balance_after }),
            false => Err(Break { sequence, fault: Fault::Balance }),
        }
    }

    /// Is this the whole ledger of the wallet?
    pub fn is_all_of(self, wallet: &Wallet) -> Result<(), Break> {
        if self.sequence != wallet.sequence {
            return Err(Break { sequence: self.sequence + 1, fault: Fault::Missing });
        }
        if self.head != wallet.head {
            return Err(Break { sequence: self.sequence.max(1), fault: Fault::Altered });
        }
        match self.balance == wallet.booked() {
            true => Ok(()),
            false => Err(Break { sequence: self.sequence.max(1), fault: Fault::Balance }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{LicenseId, WalletId};
    use crate::model::wallet::entry::Source;
    use crate::model::wallet::tests::cause;
    use ltlm_protocol::Timestamp;
    use serde_json::json;

    fn history() -> (Wallet, Vec<Entry>) {
        let mut wallet = Wallet::empty(WalletId::License(LicenseId("w".into())));
        let mut ledger = Vec::new();
        for balance in [50, 20, 90, 10] {
            let meta = json!({"who": "ada", "n": balance}).as_object().cloned();
            let (moved, entries) = wallet.reset(
                balance,
                crate::model::wallet::cause::Cause { meta, ..cause(&balance.to_string(), Source::Reset) },
                Timestamp::from_ms(balance),
            );
            wallet = moved;
            ledger.extend(entries);
        }
        (wallet, ledger)
    }

    fn check(wallet: &Wallet, ledger: &[Entry]) -> Result<(), Break> {
        ledger.iter().try_fold(Checked::default(), |checked, entry| checked.then(entry))?.is_all_of(wallet)
    }

    #[test]
    fn whatever_is_done_to_a_ledger_shows_at_the_first_entry_that_it_touches() {
        let (wallet, ledger) = history();
        assert_eq!(check(&wallet, &ledger), Ok(()));
        let changed = |change: fn(&mut Vec<Entry>)| {
            let mut ledger = ledger.clone();
            change(&mut ledger);
            check(&wallet, &ledger).unwrap_err()
        };
        let at = |sequence: i64, fault: Fault| Break { sequence, fault };
        assert_eq!(changed(|l| drop(l.remove(1))), at(2, Fault::Missing));
        assert_eq!(changed(|l| drop(l.pop())), at(4, Fault::Missing));
        assert_eq!(changed(|l| l[1].action = "other".into()), at(2, Fault::Altered));
        assert_eq!(changed(|l| l[3].action = "other".into()), at(4, Fault::Altered));
        assert_eq!(changed(|l| l[2].amount += 1), at(3, Fault::Balance));
        assert_eq!(changed(|l| l[0].previous = [1; 32]), at(1, Fault::Altered));
        assert_eq!(changed(|l| l[1].meta = json!({"who": "bob"}).as_object().cloned()), at(2, Fault::Altered));
        assert_eq!(changed(|l| l[1].recorded_at = Timestamp::from_ms(7)), at(2, Fault::Altered));
    }

    #[test]
    fn erased_facts_leave_the_chain_whole() {
        let (wallet, mut ledger) = history();
        let erased = ledger[1].facts_link();
        ledger[1].meta = None;
        assert_eq!(
            check(&wallet, &ledger),
            Err(Break { sequence: 2, fault: Fault::Altered }),
            "taken away is not erased"
        );
        ledger[1].erased = erased;
        assert_eq!(check(&wallet, &ledger), Ok(()));
    }
}
