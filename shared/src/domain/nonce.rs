//! Nonces of PRO calls: the chain of one device in one project (wire 2.6), and what it tells about answers that were lost
//! (wire 4.6, T-4 and T-5).
//!
//! A strict call uses up the nonce it presents, together with its effect or not at all. A lenient call may present
//! anything, so its cipher text is remembered instead: it is not accepted twice. What is kept of a nonce is a mark of
//! eight bytes, so that a chain stays one small item.

use ltlm_protocol::Timestamp;

use super::denied::Denied;
use super::project::Project;
use super::write::{Decision, Write};

/// Nonces of a chain that were issued and not used: the newest are kept (wire 2.6).
pub const OUTSTANDING_MAX: usize = 32;
/// Single charges of a chain whose answer may have been lost: the newest are kept.
pub const CHARGES_MAX: usize = 32;
/// How long a chain is kept after its last call, in days (wire 2.6).
pub const CHAIN_DAYS: i64 = 400;
/// How long a cipher text is remembered, in days (wire 2.6).
pub const BLOB_DAYS: i64 = 30;
/// A used nonce that comes again after so many seconds proves that the answer was lost (wire 4.6, T-5). Before, calls of one
/// moment may still be on their way.
const LOST_AFTER_SECONDS: i64 = 30;
/// A queued use is taken for the charged one from so many seconds before the charge (wire 4.6, T-5) …
const ABSORB_BEFORE_SECONDS: i64 = 600;
/// … to so many after it.
const ABSORB_AFTER_SECONDS: i64 = 5;

/// What is kept of a nonce, or of what a charge was for: the first eight bytes of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub [u8; 8]);

/// Names a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainId {
    /// The project.
    pub project_id: String,
    /// The device.
    pub hwid: String,
}

/// A chain's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Whose.
    pub id: ChainId,
    /// Nonces issued and not used, oldest first.
    pub outstanding: Vec<Mark>,
    /// Single charges whose answer is not proven to have arrived, oldest first.
    pub charges: Vec<Charge>,
    /// The nonce in the answer to the last batch, until the device presents it.
    pub batch: Option<Mark>,
    /// Counts writes of this record.
    pub revision: i64,
    /// The last call.
    pub used_at: Timestamp,
}

/// A single charge whose answer may have been lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The nonce it used up.
    pub used: Mark,
    /// The nonce in its answer.
    pub issued: Mark,
    /// License and action.
    pub what: Mark,
    /// Tokens.
    pub amount: i64,
    /// When it was charged.
    pub at: Timestamp,
    /// Its answer was lost: the device came back with the nonce from before.
    pub is_lost: bool,
}

/// What became of a cipher text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBlob {
    /// Its SHA-256, in hex.
    pub hash: String,
    /// Names the request that brought it first.
    pub request: String,
    /// When.
    pub at: Timestamp,
}

/// What a call does with the nonce that it presents (wire 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It must be outstanding, and is used up.
    Strict,
    /// Anything is accepted, and a new one is issued.
    Lenient,
    /// Anything is accepted, and none is issued.
    Closing,
}

/// One call's turn in its device's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The device.
    pub hwid: String,
    /// What it does with nonces.
    pub class: Class,
    /// The nonce that it presents.
    pub presented: Option<Mark>,
    /// The nonce that its answer carries.
    pub issued: Mark,
    /// SHA-256 of its cipher text, in hex.
    pub blob: String,
    /// Names this one request.
    pub request: String,
    /// It was not encrypted with authentication.
    pub is_cbc: bool,
}

/// What a call leaves in its chain beside its nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Nothing.
    None,
    /// It charged a single use that the device will send again if it gets no answer.
    Charge {
        /// License and action.
        what: Mark,
        /// Tokens.
        amount: i64,
    },
    /// It finished a batch that the device will send again if it gets no answer.
    Batch,
}

impl Chain {
    fn new(id: ChainId, now: Timestamp) -> Self {
        Self { id, outstanding: Vec::new(), charges: Vec::new(), batch: None, revision: 0, used_at: now }
    }

    /// What the presented nonce tells about earlier answers.
    pub(super) fn learn(&mut self, presented: Mark, now: Timestamp) {
        if self.batch == Some(presented) {
            self.batch = None;
        }
        let place = |mark: Mark| self.outstanding.iter().position(|kept| *kept == mark);
        let presented_place = place(presented);
        // Whoever holds a nonce from after a charge will not come back with the one from before it.
        let is_past = |charge: &Charge| {
            let later = presented_place.zip(place(charge.issued)).is_some_and(|(now, then)| now > then);
            charge.issued == presented || (later && !charge.is_lost)
        };
        let kept: Vec<_> = self.charges.iter().copied().filter(|charge| !is_past(charge)).collect();
        self.charges = kept;
        for charge in self.charges.iter_mut().filter(|charge| charge.used == presented) {
            charge.is_lost |= now >= charge.at.plus_seconds(LOST_AFTER_SECONDS);
        }
    }

    /// Takes away the lost charge that a queued use was, if there is one.
    pub fn absorb(&mut self, what: Mark, amount: i64, used_at: Option<Timestamp>) -> bool {
        let Some(used_at) = used_at else { return false };
        let is_it = |charge: &Charge| {
            let from = charge.at.plus_seconds(-ABSORB_BEFORE_SECONDS);
            let until = charge.at.plus_seconds(ABSORB_AFTER_SECONDS);
            charge.is_lost && charge.what == what && charge.amount == amount && (from..=until).contains(&used_at)
        };
        let Some(place) = self.charges.iter().position(is_it) else { return false };
        self.charges.remove(place);
        true
    }
}

/// State that a call in an envelope is decided on.
pub trait Chained {
    /// The caller's project.
    fn project(&self) -> &Project;
    /// The nonces of the calling device.
    fn chain(&self) -> Option<&Chain>;
    /// The call's cipher text, if it came before.
    fn seen_blob(&self) -> Option<&SeenBlob>;
}

impl Turn {
    /// The chain that it is a turn in.
    pub fn chain_id(&self, project_id: &str) -> ChainId {
        ChainId { project_id: project_id.to_owned(), hwid: self.hwid.clone() }
    }

    /// May the call be made? Asked before anything about the license is (wire 2.6).
    pub fn check(&self, chain: Option<&Chain>, seen: Option<&SeenBlob>) -> Result<(), Denied> {
        if self.is_done(chain, seen) {
            return Ok(());
        }
        let fresh = match (self.class, chain) {
            (Class::Lenient | Class::Closing, _) => seen.is_none(),
            // First contact: any nonce is accepted.
            (Class::Strict, None) => true,
            (Class::Strict, Some(chain)) => self.presented.is_some_and(|mark| chain.outstanding.contains(&mark)),
        };
        if fresh { Ok(()) } else { Err(Denied::NonceMismatch) }
    }

    /// Did this very request take effect already? The table's reply was lost, and it looks again.
    pub fn is_done(&self, chain: Option<&Chain>, seen: Option<&SeenBlob>) -> bool {
        match self.class {
            // The nonce was made for this request, and nobody has it yet.
            Class::Strict => chain.is_some_and(|chain| chain.outstanding.contains(&self.issued)),
            Class::Lenient | Class::Closing => seen.is_some_and(|seen| seen.request == self.request),
        }
    }

    /// The chain after this call.
    pub fn next(&self, id: ChainId, chain: Option<&Chain>, trace: Trace, now: Timestamp) -> Chain {
        let mut next = chain.cloned().unwrap_or_else(|| Chain::new(id, now));
        if let Some(presented) = self.presented {
            next.learn(presented, now);
        }
        if self.class == Class::Strict {
            next.outstanding.retain(|mark| Some(*mark) != self.presented);
        }
        next.outstanding.push(self.issued);
        match (trace, self.presented) {
            (Trace::Charge { what, amount }, Some(used)) => {
                next.charges.push(Charge { used, issued: self.issued, what, amount, at: now, is_lost: false });
            }
            (Trace::Batch, _) => next.batch = Some(self.issued),
            (Trace::Charge { .. } | Trace::None, _) => {}
        }
        keep_newest(&mut next.outstanding, OUTSTANDING_MAX);
        keep_newest(&mut next.charges, CHARGES_MAX);
        (next.revision, next.used_at) = (next.revision + 1, now);
        next
    }

    /// What the call leaves behind, to be written with its effect.
    pub fn writes(&self, state: &impl Chained, trace: Trace, now: Timestamp) -> Vec<Write> {
        let chain = (self.class != Class::Closing).then(|| {
            let id = self.chain_id(&state.project().id);
            let chain = self.next(id, state.chain(), trace, now);
            Write::MoveChain { chain, found: state.chain().map(|chain| chain.revision) }
        });
        let blob = (self.class != Class::Strict).then(|| {
            let seen = SeenBlob { hash: self.blob.clone(), request: self.request.clone(), at: now };
            Write::RememberBlob { seen }
        });
        chain.into_iter().chain(blob).collect()
    }
}

fn keep_newest<T>(list: &mut Vec<T>, max: usize) {
    list.drain(..list.len().saturating_sub(max));
}

/// Decides a command in its turn: what it changes and its nonces are written together. `trace` tells from the decision what
/// it leaves in the chain.
pub fn in_turn<S: Chained, R>(
    state: &S,
    turn: &Turn,
    now: Timestamp,
    decide: impl FnOnce(&S) -> Result<Decision<R>, Denied>,
    trace: impl FnOnce(&Decision<R>) -> Trace,
) -> Result<Decision<R>, Denied> {
    turn.check(state.chain(), state.seen_blob())?;
    let decision = decide(state)?;
    if turn.is_done(state.chain(), state.seen_blob()) {
        return Ok(Decision::read(decision.reply));
    }
    let trace = trace(&decision);
    let Decision { mut writes, touch, reply } = decision;
    writes.extend(turn.writes(state, trace, now));
    Ok(Decision { writes, touch, reply })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::state::tests::{NOW, fresh};

    fn mark(n: u8) -> Mark {
        Mark([n; 8])
    }

    fn turn(class: Class, presented: u8, issued: u8) -> Turn {
        Turn {
            hwid: "a".into(),
            class,
            presented: Some(mark(presented)),
            issued: mark(issued),
            blob: format!("blob {issued}"),
            request: format!("request {issued}"),
            is_cbc: true,
        }
    }

    fn id() -> ChainId {
        ChainId { project_id: "p".into(), hwid: "a".into() }
    }

    fn after(chain: Option<&Chain>, turn: &Turn, trace: Trace, seconds: i64) -> Chain {
        turn.next(id(), chain, trace, NOW.plus_seconds(seconds))
    }

    const CHARGE: Trace = Trace::Charge { what: Mark([9; 8]), amount: 5 };

    #[test]
    fn a20_a_strict_call_uses_up_its_nonce_and_only_that() {
        let first = after(None, &turn(Class::Lenient, 99, 1), Trace::None, 0);
        let second = after(Some(&first), &turn(Class::Lenient, 1, 2), Trace::None, 0);
        assert_eq!(second.outstanding, [mark(1), mark(2)]);
        let strict = turn(Class::Strict, 1, 3);
        assert_eq!(strict.check(Some(&second), None), Ok(()));
        let third = after(Some(&second), &strict, Trace::None, 0);
        assert_eq!(third.outstanding, [mark(2), mark(3)]);
        assert_eq!(turn(Class::Strict, 1, 4).check(Some(&third), None), Err(Denied::NonceMismatch));
        assert_eq!(turn(Class::Strict, 2, 4).check(Some(&third), None), Ok(()));
        let nothing = Turn { presented: None, ..turn(Class::Strict, 0, 4) };
        assert_eq!(nothing.check(Some(&third), None), Err(Denied::NonceMismatch));
        assert_eq!(nothing.check(None, None), Ok(()), "first contact");
    }

    #[test]
    fn a_cipher_text_is_accepted_once_and_recognised_by_its_own_request() {
        let lenient = turn(Class::Lenient, 1, 2);
        let seen = |request: &str| SeenBlob { hash: "blob 2".into(), request: request.into(), at: NOW };
        assert_eq!(lenient.check(None, Some(&seen("another"))), Err(Denied::NonceMismatch));
        assert_eq!(lenient.check(None, Some(&seen("request 2"))), Ok(()));
        assert!(lenient.is_done(None, Some(&seen("request 2"))) && !lenient.is_done(None, None));
        let strict = turn(Class::Strict, 1, 2);
        let chain = after(None, &strict, Trace::None, 0);
        assert!(strict.is_done(Some(&chain), None));
        assert_eq!(strict.check(Some(&chain), None), Ok(()), "its own commit is not a replay");
    }

    #[test]
    fn a_closing_call_leaves_the_chain_alone() {
        let writes = turn(Class::Closing, 1, 2).writes(&fresh(), Trace::None, NOW);
        assert!(matches!(&writes[..], [Write::RememberBlob { .. }]), "{writes:?}");
        let writes = turn(Class::Lenient, 1, 2).writes(&fresh(), Trace::None, NOW);
        assert!(matches!(&writes[..], [Write::MoveChain { .. }, Write::RememberBlob { .. }]), "{writes:?}");
        let writes = turn(Class::Strict, 1, 2).writes(&fresh(), Trace::None, NOW);
        assert!(matches!(&writes[..], [Write::MoveChain { found: None, .. }]), "{writes:?}");
    }

    #[test]
    fn only_the_newest_nonces_are_kept() {
        let chain = (0..40).fold(None, |chain: Option<Chain>, n| {
            Some(after(chain.as_ref(), &turn(Class::Lenient, 99, n), Trace::None, 0))
        });
        let chain = chain.unwrap();
        assert_eq!((chain.outstanding.len(), chain.outstanding[0]), (OUTSTANDING_MAX, mark(8)));
        assert_eq!(chain.revision, 40);
    }

    #[test]
    fn a72_a_lost_answer_is_proven_by_the_nonce_from_before() {
        let charged = after(None, &turn(Class::Strict, 5, 6), CHARGE, 0);
        let early = after(Some(&charged), &turn(Class::Lenient, 5, 7), Trace::None, 29);
        assert!(!early.charges[0].is_lost, "calls of one moment prove nothing");
        let mut late = after(Some(&charged), &turn(Class::Lenient, 5, 7), Trace::None, 30);
        assert!(late.charges[0].is_lost);
        let at = |seconds: i64| Some(NOW.plus_seconds(seconds));
        for (what, amount, used_at) in [
            (mark(8), 5, at(-1)),
            (mark(9), 4, at(-1)),
            (mark(9), 5, at(6)),
            (mark(9), 5, at(-601)),
            (mark(9), 5, None),
        ] {
            assert!(!late.clone().absorb(what, amount, used_at));
        }
        assert!(late.clone().absorb(mark(9), 5, at(-600)) && late.clone().absorb(mark(9), 5, at(5)));
        assert!(late.absorb(mark(9), 5, at(-1)), "one for one");
        assert!(!late.absorb(mark(9), 5, at(-1)), "a second equal use is charged");
    }

    #[test]
    fn an_answer_that_arrived_is_never_taken_for_lost() {
        let charged = after(None, &turn(Class::Strict, 5, 6), CHARGE, 0);
        assert!(!charged.clone().absorb(mark(9), 5, Some(NOW)), "never without evidence");
        let proven = after(Some(&charged), &turn(Class::Lenient, 6, 7), Trace::None, 1);
        assert!(proven.charges.is_empty());
        // A later nonce in hand: the one from before will not come back.
        let later = after(Some(&charged), &turn(Class::Lenient, 5, 7), Trace::None, 1);
        let later = after(Some(&later), &turn(Class::Lenient, 7, 8), Trace::None, 60);
        assert!(later.charges.is_empty());
        // But what is proven lost stays so until it is absorbed.
        let lost = after(Some(&charged), &turn(Class::Lenient, 5, 7), Trace::None, 40);
        let lost = after(Some(&lost), &turn(Class::Strict, 7, 8), Trace::None, 60);
        assert_eq!(lost.charges.len(), 1);
    }

    #[test]
    fn a_batch_is_remembered_until_its_answers_nonce_comes_back() {
        let done = after(None, &turn(Class::Strict, 5, 6), Trace::Batch, 0);
        assert_eq!(done.batch, Some(mark(6)));
        assert_eq!(after(Some(&done), &turn(Class::Lenient, 5, 7), Trace::None, 0).batch, Some(mark(6)));
        assert_eq!(after(Some(&done), &turn(Class::Lenient, 6, 7), Trace::None, 0).batch, None);
    }
}
