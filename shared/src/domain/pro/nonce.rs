//! Nonces of PRO calls: the chain of one device in one project (wire 2.6).
//! [`lost_answer`](crate::domain::pro::lost_answer) contains what it shows about lost answers.
//!
//! A strict call uses up the nonce it presents, together with its effect or not at all. A lenient call can present
//! anything, so its cipher text is remembered instead: it is not accepted twice, at any endpoint and however it is
//! spelled. The data of a strict call contain members that only its endpoint accepts, so that no other endpoint accepts
//! it; otherwise it is remembered as well. A nonce is stored as a mark of eight bytes, so that a chain stays one small
//! item.

use ltlm_protocol::Timestamp;

use crate::domain::decision::Decision;
use crate::model::denied::Denied;
use crate::model::ids::{ChainId, ShortHash};
use crate::model::nonce_chain::{Chain, OUTSTANDING_MAX, SeenBlob};
use crate::model::project::Project;
use crate::model::write::Write;

/// What a call does with the nonce that it presents (wire 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceRule {
    /// It must be outstanding, and is used up.
    Strict,
    /// Anything is accepted, and a new one is issued.
    Lenient,
    /// Anything is accepted, and none is issued.
    Closing,
}

/// One call's turn in its device's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonceUse {
    /// The device.
    pub hwid: String,
    /// What it does with nonces.
    pub class: NonceRule,
    /// The nonce that it presents.
    pub presented: Option<ShortHash>,
    /// The nonce that its answer carries.
    pub issued: ShortHash,
    /// The names under which its cipher text may be remembered, in hex: the one it gets, and the one that the last release gave.
    pub blob: [String; 2],
    /// Must its cipher text be remembered?
    pub is_remembered: bool,
    /// Names this one request.
    pub request: String,
    /// It was not encrypted with authentication.
    pub is_cbc: bool,
}

/// What a call changes in its chain besides its nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing.
    None,
    /// It charged a single use that the device will send again if it gets no answer.
    Charge {
        /// License, action and metadata.
        what: ShortHash,
        /// Tokens.
        amount: i64,
    },
    /// It finished a batch that the device will send again if it gets no answer.
    Batch,
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

impl NonceUse {
    /// The chain that it is a turn in.
    pub fn chain_id(&self, project_id: &str) -> ChainId {
        ChainId { project_id: project_id.to_owned(), hwid: self.hwid.clone() }
    }

    /// The names under which its cipher text may be remembered, if it has to be.
    pub fn blobs(&self) -> impl Iterator<Item = String> + '_ {
        self.blob.iter().filter(|_| self.is_remembered).cloned()
    }

    /// The same turn on a license of which nothing can be used online. Nothing is at stake then, and a device that has used another
    /// license of the project must not be sent through a fresh activation, which it would be refused.
    pub fn on(&self, is_air_gapped: bool) -> Self {
        match self.class {
            NonceRule::Strict if is_air_gapped => {
                Self { class: NonceRule::Lenient, is_remembered: true, ..self.clone() }
            }
            _ => self.clone(),
        }
    }

    /// Is the call allowed? Checked before anything about the license (wire 2.6).
    pub fn check(&self, chain: Option<&Chain>, seen: Option<&SeenBlob>) -> Result<(), Denied> {
        if self.is_done(chain, seen) {
            return Ok(());
        }
        let in_step = match (self.class, chain) {
            (NonceRule::Lenient | NonceRule::Closing, _) => true,
            // First contact: any nonce is accepted.
            (NonceRule::Strict, None) => true,
            (NonceRule::Strict, Some(chain)) => self.presented.is_some_and(|mark| chain.outstanding.contains(&mark)),
        };
        if in_step && seen.is_none() { Ok(()) } else { Err(Denied::NonceMismatch) }
    }

    /// Did this very request take effect already? The table's reply was lost, and it looks again.
    pub fn is_done(&self, chain: Option<&Chain>, seen: Option<&SeenBlob>) -> bool {
        match self.class {
            // The nonce was made for this request, and nobody has it yet.
            NonceRule::Strict => chain.is_some_and(|chain| chain.outstanding.contains(&self.issued)),
            NonceRule::Lenient | NonceRule::Closing => seen.is_some_and(|seen| seen.request == self.request),
        }
    }

    /// The chain after this call.
    pub fn next(&self, id: ChainId, chain: Option<&Chain>, trace: Evidence, now: Timestamp) -> Chain {
        let mut next = chain.cloned().unwrap_or_else(|| Chain::new(id, now));
        next.learn(self.presented, now);
        if self.class == NonceRule::Strict {
            next.outstanding.retain(|mark| Some(*mark) != self.presented);
        }
        next.outstanding.push(self.issued);
        match (trace, self.presented) {
            (Evidence::Charge { what, amount }, Some(used)) => {
                next.unproven.charged(used, self.issued, what, amount, now);
            }
            (Evidence::Batch, _) => next.batch = Some(self.issued),
            (Evidence::Charge { .. } | Evidence::None, _) => {}
        }
        let surplus = next.outstanding.len().saturating_sub(OUTSTANDING_MAX);
        next.outstanding.drain(..surplus);
        (next.revision, next.used_at) = (next.revision + 1, now);
        next
    }

    /// What the call leaves behind, to be written with its effect.
    pub fn writes(&self, state: &impl Chained, trace: Evidence, now: Timestamp) -> Vec<Write> {
        let chain = (self.class != NonceRule::Closing).then(|| {
            let id = self.chain_id(&state.project().id);
            let chain = self.next(id, state.chain(), trace, now);
            Write::MoveChain { chain, found: state.chain().map(|chain| chain.revision) }
        });
        let blob = self.is_remembered.then(|| {
            let seen = SeenBlob { hash: self.blob[0].clone(), request: self.request.clone(), at: now };
            Write::RememberBlob { seen }
        });
        chain.into_iter().chain(blob).collect()
    }
}

/// Decides a command together with its nonces: both are written in one transaction. `trace` derives from the decision
/// what it changes in the chain.
pub fn in_turn<S: Chained, R>(
    state: &S,
    turn: &NonceUse,
    now: Timestamp,
    decide: impl FnOnce(&S) -> Result<Decision<R>, Denied>,
    trace: impl FnOnce(&Decision<R>) -> Evidence,
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
    use crate::domain::license::state::tests::{NOW, fresh};

    fn mark(n: u8) -> ShortHash {
        ShortHash([n; 8])
    }

    fn turn(class: NonceRule, presented: u8, issued: u8) -> NonceUse {
        NonceUse {
            hwid: "a".into(),
            class,
            presented: Some(mark(presented)),
            issued: mark(issued),
            blob: [format!("blob {issued}"), format!("old blob {issued}")],
            is_remembered: class != NonceRule::Strict,
            request: format!("request {issued}"),
            is_cbc: true,
        }
    }

    fn id() -> ChainId {
        ChainId { project_id: "p".into(), hwid: "a".into() }
    }

    fn after(chain: Option<&Chain>, turn: &NonceUse, trace: Evidence, seconds: i64) -> Chain {
        turn.next(id(), chain, trace, NOW.plus_seconds(seconds))
    }

    #[test]
    fn a20_a_strict_call_uses_up_its_nonce_and_only_that() {
        let first = after(None, &turn(NonceRule::Lenient, 99, 1), Evidence::None, 0);
        let second = after(Some(&first), &turn(NonceRule::Lenient, 1, 2), Evidence::None, 0);
        assert_eq!(second.outstanding, [mark(1), mark(2)]);
        let strict = turn(NonceRule::Strict, 1, 3);
        assert_eq!(strict.check(Some(&second), None), Ok(()));
        let third = after(Some(&second), &strict, Evidence::None, 0);
        assert_eq!(third.outstanding, [mark(2), mark(3)]);
        assert_eq!(turn(NonceRule::Strict, 1, 4).check(Some(&third), None), Err(Denied::NonceMismatch));
        assert_eq!(turn(NonceRule::Strict, 2, 4).check(Some(&third), None), Ok(()));
        let nothing = NonceUse { presented: None, ..turn(NonceRule::Strict, 0, 4) };
        assert_eq!(nothing.check(Some(&third), None), Err(Denied::NonceMismatch));
        assert_eq!(nothing.check(None, None), Ok(()), "first contact");
    }

    #[test]
    fn a_cipher_text_is_accepted_once_and_recognized_by_its_own_request() {
        let lenient = turn(NonceRule::Lenient, 1, 2);
        let seen = |request: &str| SeenBlob { hash: "blob 2".into(), request: request.into(), at: NOW };
        assert_eq!(lenient.check(None, Some(&seen("another"))), Err(Denied::NonceMismatch));
        assert_eq!(lenient.check(None, Some(&seen("request 2"))), Ok(()));
        assert!(lenient.is_done(None, Some(&seen("request 2"))) && !lenient.is_done(None, None));
        let strict = turn(NonceRule::Strict, 1, 2);
        let chain = after(None, &strict, Evidence::None, 0);
        assert!(strict.is_done(Some(&chain), None));
        assert_eq!(strict.check(Some(&chain), None), Ok(()), "its own commit is not a replay");
    }

    #[test]
    fn a_closing_call_leaves_the_chain_alone() {
        let writes = turn(NonceRule::Closing, 1, 2).writes(&fresh(), Evidence::None, NOW);
        assert!(matches!(&writes[..], [Write::RememberBlob { .. }]), "{writes:?}");
        let writes = turn(NonceRule::Lenient, 1, 2).writes(&fresh(), Evidence::None, NOW);
        assert!(matches!(&writes[..], [Write::MoveChain { .. }, Write::RememberBlob { .. }]), "{writes:?}");
        let writes = turn(NonceRule::Strict, 1, 2).writes(&fresh(), Evidence::None, NOW);
        assert!(matches!(&writes[..], [Write::MoveChain { found: None, .. }]), "{writes:?}");
    }

    #[test]
    fn only_the_newest_nonces_are_kept() {
        let chain = (0..40).fold(None, |chain: Option<Chain>, n| {
            Some(after(chain.as_ref(), &turn(NonceRule::Lenient, 99, n), Evidence::None, 0))
        });
        let chain = chain.unwrap();
        assert_eq!((chain.outstanding.len(), chain.outstanding[0]), (OUTSTANDING_MAX, mark(8)));
        assert_eq!(chain.revision, 40);
    }

    #[test]
    fn a_batch_is_remembered_until_its_answers_nonce_comes_back() {
        let done = after(None, &turn(NonceRule::Strict, 5, 6), Evidence::Batch, 0);
        assert_eq!(done.batch, Some(mark(6)));
        assert_eq!(after(Some(&done), &turn(NonceRule::Lenient, 5, 7), Evidence::None, 0).batch, Some(mark(6)));
        assert_eq!(after(Some(&done), &turn(NonceRule::Lenient, 6, 7), Evidence::None, 0).batch, None);
    }
}
