//! Turns: callers of one process that move the same wallet do so one after the other, first come, first served.
//!
//! Without turns, only one of all callers that decided on the same state passes the guard, and the others lose the round. With
//! turns, no caller of a process loses a round to another one, and each caller receives the wallet as the previous one left it,
//! so that it does not read it again.
//!
//! A turn is a hint: other processes do not know of it, so the guard of the commit decides. A caller that gets no turn continues
//! without one. A wallet that was received with a turn is used for writes, whose guards check it, and never for a refusal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::model::ids::WalletId;
use crate::model::record::Record;
use crate::model::wallet::Wallet;
use crate::model::write::Write;

/// The largest number of callers that have a turn or wait for one, at all wallets. Further callers continue without a turn.
const CALLERS_MAX: usize = 1_024;

/// The number of wallets without callers that are kept as the last caller left them. Beyond it, all of these are forgotten.
const IDLE_MAX: usize = 256;

/// The turns at the wallets of this process.
#[derive(Debug, Default)]
pub struct Turns(Mutex<Queues>);

#[derive(Debug, Default)]
struct Queues {
    by_wallet: HashMap<WalletId, Queue>,
    callers: usize,
}

/// The callers at a wallet.
#[derive(Debug, Default)]
struct Queue {
    /// Grants the turn in the order of the requests for it.
    mutex: Arc<AsyncMutex<()>>,
    callers: usize,
    /// The wallet as the last turn left it.
    left: Option<Wallet>,
}

/// A turn at a wallet. When it is dropped, the next caller gets its turn.
#[derive(Debug)]
pub struct Turn<'a> {
    // Fields are dropped in this order: the turn is released before the place is given up.
    _mine: OwnedMutexGuard<()>,
    place: Place<'a>,
}

/// A caller's place in a queue. A caller that is cancelled while it waits gives it up too.
#[derive(Debug)]
struct Place<'a> {
    turns: &'a Turns,
    wallet: WalletId,
}

/// The wallet that a decision moves, and its sequence number before. Of several wallets it is the first in the order of ids: a caller
/// waits for one turn only.
pub fn moved(writes: &[Write]) -> Option<(&WalletId, i64)> {
    let moved = writes.iter().filter_map(|write| match write {
        Write::MoveWallet { wallet, found } => Some((&wallet.id, *found)),
        _ => None,
    });
    moved.min_by_key(|(wallet, _)| *wallet)
}

impl Turns {
    /// Waits for a turn at a wallet; `None` if too many callers wait already.
    pub async fn take(&self, wallet: &WalletId) -> Option<Turn<'_>> {
        let (mutex, place) = self.enter(wallet)?;
        Some(Turn { _mine: mutex.lock_owned().await, place })
    }

    fn enter(&self, wallet: &WalletId) -> Option<(Arc<AsyncMutex<()>>, Place<'_>)> {
        let mut queues = self.lock();
        if queues.callers >= CALLERS_MAX {
            return None;
        }
        queues.callers += 1;
        let queue = queues.by_wallet.entry(wallet.clone()).or_default();
        queue.callers += 1;
        Some((Arc::clone(&queue.mutex), Place { turns: self, wallet: wallet.clone() }))
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The wallet as another caller of this process left it, if that is newer than the sequence number `found`.
    pub fn newer(&self, found: i64) -> Option<Wallet> {
        let queues = self.place.turns.lock();
        let left = queues.by_wallet.get(&self.place.wallet)?.left.as_ref();
        left.filter(|left| left.sequence > found).cloned()
    }

    /// Keeps the wallet for the next caller as these writes, which were committed, left it.
    pub fn committed(&self, writes: &[Write]) {
        self.saw(writes.iter().find_map(|write| match write {
            Write::MoveWallet { wallet, .. } if wallet.id == self.place.wallet => Some(wallet),
            _ => None,
        }));
    }

    /// Keeps the wallet for the next caller as the table has it, if it is among the records that a failed guard returned.
    pub fn found(&self, records: &[Option<Record>]) {
        self.saw(records.iter().find_map(|record| match record {
            Some(Record::Wallet(wallet)) if wallet.id == self.place.wallet => Some(wallet),
            _ => None,
        }));
    }

    fn saw(&self, wallet: Option<&Wallet>) {
        let mut queues = self.place.turns.lock();
        if let Some((queue, wallet)) = queues.by_wallet.get_mut(&self.place.wallet).zip(wallet) {
            queue.left = Some(wallet.clone());
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.lock();
        queues.callers -= 1;
        let Some(queue) = queues.by_wallet.get_mut(&self.wallet) else { return };
        queue.callers -= 1;
        if queues.by_wallet.len() > IDLE_MAX {
            queues.by_wallet.retain(|_, queue| queue.callers > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;
    use crate::model::ids::LicenseId;

    fn wallet(name: usize) -> WalletId {
        WalletId::License(LicenseId(name.to_string()))
    }

    fn at(id: &WalletId, sequence: i64) -> Wallet {
        Wallet { sequence, ..Wallet::empty(id.clone()) }
    }

    fn moved_to(id: &WalletId, sequence: i64) -> Write {
        Write::MoveWallet { wallet: at(id, sequence), found: sequence - 1 }
    }

    #[test]
    fn turns_come_in_the_order_in_which_they_were_asked_for() {
        let (turns, id) = (Turns::default(), wallet(0));
        let first = turns.take(&id).now_or_never().unwrap();
        let order = RefCell::new(Vec::new());
        let waiting = (0..16).map(|caller| {
            let (turns, id, order) = (&turns, &id, &order);
            async move {
                let _turn = turns.take(id).await;
                order.borrow_mut().push(caller);
            }
        });
        let mut waiting = pin!(join_all(waiting));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(order.borrow().is_empty());
        drop(first);
        waiting.now_or_never().unwrap();
        assert_eq!(*order.borrow(), (0..16).collect::<Vec<_>>());
    }

    #[test]
    fn a_caller_that_does_not_wait_to_the_end_leaves_its_place() {
        let (turns, id) = (Turns::default(), wallet(0));
        let first = turns.take(&id).now_or_never().unwrap();
        let mut third = Box::pin(turns.take(&id));
        {
            let mut second = pin!(turns.take(&id));
            assert!(second.as_mut().now_or_never().is_none());
            assert!(third.as_mut().now_or_never().is_none());
        }
        drop(first);
        let third = third.now_or_never().unwrap();
        assert!(third.is_some());
        // The turn is granted to a caller that is cancelled before it takes it.
        let mut fourth = Box::pin(turns.take(&id));
        assert!(fourth.as_mut().now_or_never().is_none());
        drop(third);
        drop(fourth);
        assert!(turns.take(&id).now_or_never().unwrap().is_some());
        let queues = turns.lock();
        assert_eq!((queues.callers, queues.by_wallet[&id].callers), (0, 0));
    }

    #[test]
    fn turns_at_other_wallets_are_other_turns() {
        let turns = Turns::default();
        let all: Vec<_> = (0..16).map(|name| turns.take(&wallet(name)).now_or_never().unwrap()).collect();
        assert!(all.iter().all(Option::is_some));
    }

    #[test]
    fn a_turn_tells_how_the_one_before_saw_the_wallet() {
        let (turns, id) = (Turns::default(), wallet(0));
        let take = || turns.take(&id).now_or_never().unwrap().unwrap();
        let first = take();
        assert_eq!(first.newer(0), None);
        first.committed(&[moved_to(&wallet(1), 7)]);
        assert_eq!(first.newer(0), None);
        first.committed(&[moved_to(&wallet(1), 7), moved_to(&id, 5)]);
        drop(first);
        let second = take();
        assert_eq!(second.newer(4).map(|wallet| wallet.sequence), Some(5));
        assert_eq!(second.newer(5), None);
        // A restored table contains an older wallet.
        second.found(&[None, Some(Record::Wallet(at(&id, 3)))]);
        drop(second);
        assert_eq!(take().newer(4), None);
    }

    #[test]
    fn nothing_grows_without_bound() {
        let turns = Turns::default();
        for name in 0..3 * IDLE_MAX {
            let id = wallet(name);
            turns.take(&id).now_or_never().unwrap().unwrap().committed(&[moved_to(&id, 1)]);
            assert!(turns.lock().by_wallet.len() <= IDLE_MAX + 1);
        }
        let id = wallet(0);
        let turn = turns.take(&id).now_or_never().unwrap();
        let mut waiting: Vec<_> = (1..CALLERS_MAX).map(|_| Box::pin(turns.take(&id))).collect();
        for waits in &mut waiting {
            assert!(waits.as_mut().now_or_never().is_none());
        }
        // One more caller continues without a turn. Once another one has left, one more waits again.
        assert!(turns.take(&id).now_or_never().unwrap().is_none());
        waiting.pop();
        assert!(turns.take(&id).now_or_never().is_none());
        drop(waiting);
        drop(turn);
        assert_eq!(turns.lock().callers, 0);
    }

    #[test]
    fn of_several_wallets_the_first_is_waited_for() {
        assert_eq!(moved(&[moved_to(&wallet(2), 9), moved_to(&wallet(1), 4)]), Some((&wallet(1), 3)));
        assert_eq!(moved(&[]), None);
    }
}
