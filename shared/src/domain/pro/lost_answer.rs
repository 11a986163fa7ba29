//! Single charges whose answer may have been lost (wire 4.6, T-5).
//!
//! The existing client queues a use whose answer it did not receive, and sends it again in a batch. Each single charge
//! is *unproven* until the device presents the nonce of its answer. What the device presents first after the charge
//! shows how likely it is that the answer was lost, and whether the queued use counts as the charged one:
//!
//! | the device presents | the answer is | the queued use is absorbed |
//! |---|---|---|
//! | the nonce that the charge used up, or an older one | lost | at any time of its own |
//! | an unknown text, or none | presumed lost | at any time of its own, a few times a day |
//! | a nonce that was issued later | overtaken | if its time fits the charge |
//! | the nonce of the answer, also later | proven to have arrived | no |

use ltlm_protocol::{Timestamp, limits};

use crate::model::ids::ShortHash;
use crate::model::nonce_chain::{Answer, CHARGE_DAYS, CLOCK_DAYS, Charge, DeviceClock, Refused, Unproven};

/// A call that arrives so soon after a charge may have been sent before the answer could arrive: it proves nothing.
const ANSWERED_AFTER_SECONDS: i64 = 1;

/// How far the time of a use may be from an overtaken charge if the device's clock is not known, in seconds.
const FITS_SECONDS: i64 = 600;

/// How far it may be if the device's clock is known, in seconds: a call may take half a minute until it fails.
const FITS_KNOWN_SECONDS: i64 = 60;

/// Whose favor an uncertain case is decided in (project setting `tokens.lostAnswers`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LostAnswers {
    /// The customer's: what is presumed lost is not charged again, within the daily limit.
    #[default]
    Customer,
    /// The vendor's: only what is known to be lost is not charged again.
    Proven,
}

/// A queued use that may be one of the charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedUse {
    /// License, action and metadata.
    pub what: ShortHash,
    /// Tokens.
    pub amount: i64,
    /// When it happened by the device's clock, if the device stated a time.
    pub used_at: Option<Timestamp>,
}

/// The charge that a queued use is presumed to repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    place: usize,
    /// Is it presumed only? Then it counts against the daily limit.
    pub is_presumed: bool,
}

/// The position of the presented nonce relative to a charge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presented {
    Before,
    After,
    Unknown,
}

impl Unproven {
    /// Applies what a presented nonce shows. `outstanding` are the nonces that were issued and not used, oldest first.
    pub fn learn(&mut self, outstanding: &[ShortHash], presented: Option<ShortHash>, now: Timestamp) {
        self.charges.retain(|charge| Some(charge.issued) != presented && now < charge.at.plus_days(CHARGE_DAYS));
        // Whoever used it up: it was issued before that charge, and before each that came later.
        let used_by = self.charges.iter().position(|charge| Some(charge.used) == presented);
        let place = |mark: ShortHash| outstanding.iter().position(|kept| *kept == mark);
        let presented_place = presented.and_then(place);
        for (index, charge) in self.charges.iter_mut().enumerate() {
            let is_of_the_moment = now < charge.at.plus_seconds(ANSWERED_AFTER_SECONDS);
            if charge.answer != Answer::Unknown {
                continue;
            }
            let presented = match (used_by, presented_place) {
                (Some(user), _) if user <= index => Presented::Before,
                (Some(_), _) => Presented::After,
                // The nonce of an unproven charge is outstanding, unless many newer ones have taken its place.
                (None, Some(now)) if place(charge.issued).is_some_and(|then| now < then) => Presented::Before,
                (None, Some(_)) => Presented::After,
                (None, None) => Presented::Unknown,
            };
            charge.answer = match presented {
                // Such a nonce is in an answer that the device has got, however early.
                Presented::After => Answer::Overtaken,
                _ if is_of_the_moment => Answer::Unknown,
                Presented::Before => Answer::Lost,
                Presented::Unknown => Answer::PresumedLost,
            };
        }
    }

    /// Remembers a charge. Of too many the least certain one is forgotten, and of equally certain ones the oldest: a use
    /// that is queued for it is charged again.
    pub fn charged(&mut self, used: ShortHash, issued: ShortHash, what: ShortHash, amount: i64, now: Timestamp) {
        self.charges.push(Charge { used, issued, what, amount, at: now, answer: Answer::Unknown });
        while self.charges.len() > limits::UNPROVEN_CHARGES_MAX {
            let weakest = self.charges.iter().enumerate().min_by_key(|(place, charge)| (charge.answer, *place));
            let Some(place) = weakest.map(|(place, _)| place) else { return };
            self.charges.remove(place);
        }
    }

    /// The charge that a queued use repeats: the oldest possible one.
    pub fn find(&self, queued: &QueuedUse, favor: LostAnswers, now: Timestamp) -> Option<Match> {
        let may_presume = self.presumed_on(now.day()) < limits::PRESUMED_LOST_PER_DAY;
        self.charges.iter().enumerate().find_map(|(place, charge)| {
            if (charge.what, charge.amount) != (queued.what, queued.amount) {
                return None;
            }
            let is_it = match (charge.answer, favor) {
                (Answer::Lost, _) => true,
                (_, LostAnswers::Proven) => false,
                (Answer::PresumedLost, LostAnswers::Customer) => may_presume,
                (Answer::Overtaken | Answer::Unknown, LostAnswers::Customer) => self.fits(charge, queued.used_at),
            };
            is_it.then_some(Match { place, is_presumed: charge.answer == Answer::PresumedLost })
        })
    }

    /// Removes the charge that a queued use repeats: no other use can repeat it.
    pub fn absorb(&mut self, found: Match, now: Timestamp) {
        if found.place < self.charges.len() {
            self.charges.remove(found.place);
        }
        if found.is_presumed {
            let before = self.presumed_on(now.day());
            (self.presumed_day, self.presumed_count) = (now.day(), before + 1);
        }
    }

    fn presumed_on(&self, day: i64) -> i64 {
        if self.presumed_day == day { self.presumed_count } else { 0 }
    }

    /// Could the use have happened at the charge?
    fn fits(&self, charge: &Charge, used_at: Option<Timestamp>) -> bool {
        let Some(used_at) = used_at else { return false };
        let clock = self.clock.filter(|clock| charge.at < clock.at.plus_days(CLOCK_DAYS));
        let (ahead_ms, within) = match clock {
            Some(clock) => (clock.ahead_ms, FITS_KNOWN_SECONDS),
            None => (0, FITS_SECONDS),
        };
        let distance = used_at.ms().saturating_sub(ahead_ms).saturating_sub(charge.at.ms());
        distance.saturating_abs() <= within * 1_000
    }

    /// The same with a refused use remembered, if it can show what is unknown: the clock offset of a device that has
    /// charges in doubt. A device's refusals are therefore written about once a day, however many there are.
    pub fn with_refused(&self, refused: Refused) -> Option<Self> {
        let is_judged = self.charges.iter().any(|charge| matches!(charge.answer, Answer::Unknown | Answer::Overtaken));
        let is_old = |at: Timestamp| at.plus_days(CLOCK_DAYS) <= refused.at;
        let is_known = self.clock.is_some_and(|clock| !is_old(clock.at));
        let waits = self.refused.is_some_and(|refused| !is_old(refused.at));
        (is_judged && !is_known && !waits).then(|| Self { refused: Some(refused), ..self.clone() })
    }

    /// Learns the offset of the device's clock from the queued copy of a refused use. If several uses at different
    /// times could be the copy, nothing is learned.
    pub fn learn_clock(&mut self, queue: impl Iterator<Item = QueuedUse>) {
        let Some(refused) = self.refused.take() else { return };
        let times = queue
            .filter(|queued| (queued.what, queued.amount) == (refused.what, refused.amount))
            .filter_map(|queued| queued.used_at)
            .map(Timestamp::ms);
        let range = times.fold(None, |range: Option<(i64, i64)>, ms| {
            Some(range.map_or((ms, ms), |(least, most)| (least.min(ms), most.max(ms))))
        });
        let range = range.filter(|(least, most)| most.saturating_sub(*least) <= FITS_KNOWN_SECONDS * 1_000);
        let Some((least, _)) = range else { return };
        self.clock = Some(DeviceClock { ahead_ms: least.saturating_sub(refused.at.ms()), at: refused.at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::NOW;
    use crate::domain::pro::nonce::{Evidence, NonceRule, NonceUse};
    use crate::model::ids::ChainId;
    use crate::model::nonce_chain::Chain;

    fn mark(n: u8) -> ShortHash {
        ShortHash([n; 8])
    }

    fn at(seconds: i64) -> Timestamp {
        NOW.plus_seconds(seconds)
    }

    const CHARGE: Evidence = Evidence::Charge { what: ShortHash([99; 8]), amount: 7 };

    fn call(
        chain: Option<&Chain>,
        class: NonceRule,
        presented: u8,
        issued: u8,
        trace: Evidence,
        seconds: i64,
    ) -> Chain {
        let turn = NonceUse {
            hwid: "a".into(),
            class,
            presented: Some(mark(presented)).filter(|_| presented != 0),
            issued: mark(issued),
            blob: [format!("blob {issued}"), format!("old blob {issued}")],
            is_remembered: class != NonceRule::Strict,
            request: format!("request {issued}"),
            is_cbc: true,
        };
        let id = ChainId { project_id: "p".into(), hwid: "a".into() };
        turn.next(id, chain, trace, at(seconds))
    }

    /// A chain after a charge that used nonce 5 and answered with 6.
    fn charged() -> Chain {
        call(None, NonceRule::Strict, 5, 6, CHARGE, 0)
    }

    fn shown(chain: &Chain, presented: u8, issued: u8, seconds: i64) -> Chain {
        call(Some(chain), NonceRule::Lenient, presented, issued, Evidence::None, seconds)
    }

    fn queued(seconds: i64) -> QueuedUse {
        QueuedUse { what: mark(99), amount: 7, used_at: Some(at(seconds)) }
    }

    fn is_absorbed(chain: &mut Chain, queued: QueuedUse, seconds: i64) -> bool {
        let found = chain.unproven.find(&queued, LostAnswers::Customer, at(seconds));
        found.is_some_and(|found| {
            chain.unproven.absorb(found, at(seconds));
            true
        })
    }

    #[test]
    fn a_lost_answer_absorbs_one_use_whatever_its_time() {
        for seconds in [1, 8, 30, 3_600] {
            let lost = shown(&charged(), 5, 7, seconds);
            assert_eq!(lost.unproven.charges[0].answer, Answer::Lost, "{seconds} s later");
            // Once lost, what was issued since changes nothing.
            let lost = call(Some(&lost), NonceRule::Strict, 7, 8, Evidence::None, seconds + 1);
            for clock in [0, 8, 3_600, -900, 86_400, -86_400] {
                let mut chain = lost.clone();
                assert!(is_absorbed(&mut chain, queued(clock), 60), "a clock {clock} s ahead");
                assert!(!is_absorbed(&mut chain, queued(clock), 60), "one for one");
            }
            for other in [QueuedUse { what: mark(98), ..queued(0) }, QueuedUse { amount: 6, ..queued(0) }] {
                assert!(!is_absorbed(&mut lost.clone(), other, 60));
            }
            assert!(is_absorbed(&mut lost.clone(), QueuedUse { used_at: None, ..queued(0) }, 60));
        }
        // An older nonce is as good a proof as the one that was used up.
        let first = call(None, NonceRule::Lenient, 90, 4, Evidence::None, -10);
        let second = call(Some(&first), NonceRule::Lenient, 90, 5, Evidence::None, -9);
        let charged = call(Some(&second), NonceRule::Strict, 5, 6, CHARGE, 0);
        assert_eq!(shown(&charged, 4, 7, 2).unproven.charges[0].answer, Answer::Lost);
    }

    #[test]
    fn an_answer_that_arrived_absorbs_nothing() {
        let proven = shown(&charged(), 6, 7, 0);
        assert!(proven.unproven.charges.is_empty());
        // Also if it looked lost before.
        for before in [5, 0, 77] {
            let doubted = shown(&charged(), before, 7, 20);
            assert_eq!(doubted.unproven.charges.len(), 1);
            assert!(shown(&doubted, 6, 8, 25).unproven.charges.is_empty());
        }
    }

    #[test]
    fn a_quit_makes_it_presumed_and_that_is_bounded_by_day() {
        for presented in [0, 77] {
            let presumed = shown(&charged(), presented, 7, 2);
            assert_eq!(presumed.unproven.charges[0].answer, Answer::PresumedLost);
            let later = call(Some(&presumed), NonceRule::Strict, 7, 8, Evidence::None, 3);
            assert_eq!(later.unproven.find(&queued(3_600), LostAnswers::Proven, at(10)), None);
            let found = later.unproven.find(&queued(3_600), LostAnswers::Customer, at(10)).unwrap();
            assert!(found.is_presumed);
        }
        let mut chain = charged();
        for n in 0..9 {
            chain = call(Some(&chain), NonceRule::Lenient, 77, 20 + n, Evidence::None, 10 + i64::from(n));
            chain = call(Some(&chain), NonceRule::Strict, 20 + n, 40 + n, CHARGE, 10 + i64::from(n));
        }
        let mut chain = shown(&chain, 77, 60, 60);
        let absorbed = (0..10).filter(|_| is_absorbed(&mut chain, queued(0), 70)).count();
        assert_eq!(absorbed as i64, limits::PRESUMED_LOST_PER_DAY);
        assert!(is_absorbed(&mut chain, queued(0), 86_400), "the next day");
    }

    #[test]
    fn an_overtaken_answer_absorbs_what_fits_its_time() {
        // A call of the same moment proves nothing, and its answer overtook the charge's.
        let same = shown(&charged(), 5, 7, 0);
        assert_eq!(same.unproven.charges[0].answer, Answer::Unknown);
        let chain = shown(&same, 7, 8, 60);
        assert_eq!(chain.unproven.charges[0].answer, Answer::Overtaken);
        for (seconds, fits) in [(0, true), (600, true), (-600, true), (601, false), (-601, false)] {
            assert_eq!(is_absorbed(&mut chain.clone(), queued(seconds), 60), fits, "{seconds} s");
        }
        assert!(!is_absorbed(&mut chain.clone(), QueuedUse { used_at: None, ..queued(0) }, 60));
        assert_eq!(chain.unproven.find(&queued(0), LostAnswers::Proven, at(60)), None);
        // A refused use and its queued twin tell how the clock runs.
        let refused = |seconds: i64| Refused { what: mark(98), amount: 1, at: at(seconds) };
        let twin = |seconds: i64| QueuedUse { what: mark(98), amount: 1, used_at: Some(at(seconds)) };
        let mut known = Chain { unproven: chain.unproven.with_refused(refused(0)).unwrap(), ..chain.clone() };
        assert_eq!(known.unproven.with_refused(refused(1)), None, "one is enough");
        known.unproven.learn_clock([queued(9), twin(3_600)].into_iter());
        assert_eq!(known.unproven.with_refused(refused(2)), None, "it is known");
        assert!(known.unproven.with_refused(refused(86_400)).is_some(), "for a day");
        for (seconds, fits) in [(3_600, true), (3_660, true), (3_540, true), (3_661, false), (0, false)] {
            assert_eq!(is_absorbed(&mut known.clone(), queued(seconds), 60), fits, "{seconds} s");
        }
        // Two that could be the twin tell nothing.
        let mut unknown = Chain { unproven: chain.unproven.with_refused(refused(0)).unwrap(), ..chain };
        unknown.unproven.learn_clock([twin(3_600), twin(7_200)].into_iter());
        assert_eq!((unknown.unproven.clock, unknown.unproven.refused), (None, None));
        // Without a charge to judge nothing is remembered.
        assert_eq!(Unproven::default().with_refused(refused(0)), None);
    }

    #[test]
    fn charges_are_forgotten_after_a_month_and_the_least_certain_first() {
        let lost = shown(&charged(), 5, 7, 2);
        let day = 86_400;
        assert_eq!(shown(&lost, 7, 8, 30 * day - 1).unproven.charges.len(), 1);
        assert!(shown(&lost, 7, 8, 30 * day).unproven.charges.is_empty());
        let mut chain = lost;
        for n in 0..20 {
            chain = call(Some(&chain), NonceRule::Lenient, 77, 20 + n, Evidence::None, 10 + i64::from(n));
            chain = call(Some(&chain), NonceRule::Strict, 20 + n, 100 + n, CHARGE, 10 + i64::from(n));
        }
        let charges = &chain.unproven.charges;
        assert_eq!(charges.len(), limits::UNPROVEN_CHARGES_MAX);
        assert_eq!((charges[0].answer, charges[0].issued), (Answer::Lost, mark(6)));
        assert_eq!(
            charges[1].issued,
            mark(120 - limits::UNPROVEN_CHARGES_MAX as u8 + 1),
            "of presumed ones the oldest go"
        );
    }
}
