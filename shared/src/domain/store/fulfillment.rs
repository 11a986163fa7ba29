//! What an order is fulfilled from, and what came of it.

use ltlm_protocol::Timestamp;

use crate::domain::accounts::state::AccountState;
use crate::domain::license::state::LicenseState;
use crate::domain::license::token_renewal::TokenRenewal;
use crate::domain::store::catalog::store_flag;
use crate::domain::store::reversal_policy::{self, Rule, Rules};
use crate::model::billing_period::Fate;
use crate::model::ids::LicenseId;
use crate::model::license::License;
use crate::model::order::{Chore, Order, OrderItem, OrderState, Payment, Reason, Sale};
use crate::model::policy::Policy;
use crate::model::record::Record;
use crate::model::trial::{Card, Trial};
use crate::model::wallet::Wallet;
use crate::model::write::Write;

/// A license that the order can create: it does not exist yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLicense {
    /// Its id.
    pub id: LicenseId,
    /// The writes that create it.
    pub writes: Vec<Write>,
}

/// What a payment finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Fulfillment {
    /// The order.
    pub order: Order,
    /// What is known of the payment.
    pub payment: Option<Payment>,
    /// This message came before.
    pub is_seen: bool,
    /// The policy that is bought.
    pub policy: Option<Policy>,
    /// What is known of the buyer's address and trials.
    pub trial: Option<Trial>,
    /// The card, if a trial was had with it.
    pub card: Option<Card>,
    /// The license that the order concerns: that of a pack, the one that it created, or the buyer's trial.
    pub license: Option<LicenseState>,
    /// The account that the order gives tokens to; none for other goods.
    pub account: Option<AccountState>,
    /// The license that it can create.
    pub new: Option<NewLicense>,
    /// The last sale of the same thing to the same buyer.
    pub sale: Option<Sale>,
    /// Does the project take real money? Else the provider's test money.
    pub takes_live: bool,
}

/// What came of a provider's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was given.
    Given,
    /// It came before, or changes nothing.
    Nothing,
    /// A trial that was had before is not given again.
    Refused,
    /// The payment had gone back already.
    WentBack,
    /// The payment is disputed already: nothing is given until the vendor has won.
    HeldBack,
    /// An order that was paid is paid by another payment, or its buyer paid on two pages: it is given back.
    PaidAgain,
    /// A payment bought nothing, because what was ordered has ended.
    Unapplied,
    /// It is of the mode that the project does not take.
    OtherMode,
    /// The delivery is taken back, stopped, or left, as the policy says.
    Settled,
    /// A period of a subscription is paid.
    Extended,
}

impl Fulfillment {
    /// What is known of an order, before anything else is.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            payment: None,
            is_seen: false,
            policy: None,
            trial: None,
            card: None,
            license: None,
            account: None,
            new: None,
            sale: None,
            takes_live: true,
        }
    }

    /// Takes in a record. False if that is not enough to decide again.
    pub fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::Order(order) => self.order = order,
            Record::Sale(sale) => self.sale = Some(sale),
            Record::Payment(payment) => self.payment = Some(payment),
            Record::PaymentEvent(_) => self.is_seen = true,
            Record::Trial(trial) => {
                // Of several under different spellings, the one that has a license.
                let replaces = |known: &Trial| known.email == trial.email || known.license.is_none();
                if self.trial.as_ref().is_none_or(replaces) {
                    self.trial = Some(trial);
                }
                // Its license may be what the order moves.
                return false;
            }
            Record::Card(card) => self.card = Some(card),
            other => match &mut self.account {
                Some(account) => account.absorb(other),
                None => return self.license.as_mut().is_none_or(|license| license.absorb(other)),
            },
        }
        true
    }

    /// The policy by which it was bought.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.license
            .as_ref()
            .map(|license| &license.policy)
            .filter(|_| self.is_about_a_license())
            .or(self.policy.as_ref())
    }

    /// Is the license the one that the order created, moved or adds to, and not a trial that it can move?
    fn is_about_a_license(&self) -> bool {
        matches!(self.order.goods, OrderItem::Pack { .. }) || self.order.license.is_some()
    }

    /// Is nothing given while a payment is disputed?
    pub(crate) fn is_held_back(&self) -> bool {
        self.rules().is_some_and(|rules| rules.on_dispute != Rule::Keep)
    }

    /// The vendor's rules for what it bought.
    pub(crate) fn rules(&self) -> Option<Rules> {
        match &self.order.goods {
            OrderItem::Tokens { pack, .. } => Some(pack.rules()),
            OrderItem::Policy { .. } | OrderItem::Pack { .. } => self.policy().map(Rules::of),
        }
    }

    /// Did the buyer pay for the same item on another page while this one was open? A caller that names its operations
    /// wants all of them, and a policy can allow several.
    pub(crate) fn is_duplicate(&self) -> bool {
        let allows = self.policy().is_some_and(|policy| store_flag(policy, "allowsDuplicates"));
        let order = &self.order;
        let is_other = |sale: &Sale| sale.order != order.id && sale.at > order.created_at;
        !order.is_named && !allows && order.price.minor > 0 && self.sale.as_ref().is_some_and(is_other)
    }

    /// Remembers the sale, so that another page for the same thing is known.
    pub(crate) fn save_sale(&self, now: Timestamp) -> Option<Write> {
        let order = &self.order;
        let (found, order_id) = (self.sale.as_ref().map(|sale| sale.revision), order.id.clone());
        let (project_id, what) = (order.project_id.clone(), order.what());
        let sale = Sale { project_id, what, order: order_id, at: now, revision: found.unwrap_or(0) + 1 };
        (!order.is_named && order.price.minor > 0).then_some(Write::SaveSale { sale, found })
    }

    /// What is known of the payment, once it is this order's.
    pub(crate) fn payment_of_order(&self, id: &str, now: Timestamp) -> Payment {
        Payment { order: Some(self.order.id.clone()), ..Payment::next(id, self.payment.as_ref(), now) }
    }

    /// What became of a payment so far.
    pub(crate) fn fate(&self, payment: &Payment) -> Fate {
        self.rules().map_or_else(Fate::default, |rules| reversal_policy::fate(payment, rules))
    }

    /// The order afterwards, as a write.
    pub(crate) fn save(&self, order: Order) -> Write {
        Write::SaveOrder {
            order: Order { revision: self.order.revision + 1, ..order },
            found: Some(self.order.revision),
        }
    }

    /// What is known of the payment afterwards, as a write.
    pub(crate) fn save_payment(&self, payment: Payment) -> Write {
        Write::SavePayment { payment, found: self.payment.as_ref().map(|payment| payment.revision) }
    }
}

/// The order that is paid and gives nothing.
pub(crate) fn unapplied(mut order: Order, reason: Reason, now: Timestamp) -> Order {
    let payments: Vec<_> = order.periods.list.iter().filter_map(|period| period.payment.clone()).collect();
    for payment in payments {
        order.note_unapplied(&payment, reason, now);
        // Whether a payment for what has ended goes back is the vendor's to decide.
        if reason != Reason::Ended {
            order.ask(Chore::Refund(payment));
        }
    }
    Order { state: OrderState::Refused, ..order }
}

impl NewLicense {
    /// The writes that create it, as paid by this order, and its end.
    pub(crate) fn writes_for(&self, order: &Order, policy: &Policy, now: Timestamp) -> (Vec<Write>, Option<Timestamp>) {
        let found = self.writes.iter().find_map(|write| match write {
            Write::AddLicense { license } => Some(license.clone()),
            _ => None,
        });
        let Some(found) = found else { return (self.writes.clone(), None) };
        let end = found.valid_until.map(|end| order.periods.until().unwrap_or(end));
        let license = License { is_test: order.is_test, valid_until: end, ..found };
        let renewal = TokenRenewal::of(&policy.terms);
        let writes = self.writes.iter().cloned().map(|write| match write {
            Write::AddLicense { .. } => Write::AddLicense { license: license.clone() },
            // When its tokens come again follows from its end.
            Write::AddWallet { wallet } => {
                let next = renewal.and_then(|renewal| renewal.next(&license, &wallet, now));
                let due_at = next.filter(|_| !wallet.grants.is_empty());
                Write::AddWallet { wallet: Wallet { due_at, ..wallet } }
            }
            other => other,
        });
        (writes.collect(), end)
    }
}
