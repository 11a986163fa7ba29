//! Records in items, attribute by attribute, so that the content of the table is chosen explicitly.
//!
//! Free-form documents are stored as JSON text: they are exact, and no expression reads them. Instants are
//! milliseconds. A missing attribute is read as its default if an older version of the record did not have it.

use ltlm_protocol::Timestamp;

use crate::model::administrator::AdminOperation;
use crate::model::batch_memory::BatchMemory;
use crate::model::bucket::Bucket;
use crate::model::dispatch_checkpoint::DispatchCheckpoint;
use crate::model::license::{BuyerListing, Listing};
use crate::model::nonce_chain::{Chain, SeenBlob};
use crate::model::organization::{Member, Organization};
use crate::model::record::Record;
use crate::model::seat::Seat;
use crate::model::settings::Settings;
use crate::model::wallet::Wallet;
use crate::model::wallet::due::Due;
use crate::model::wallet::entry::{Entry, PastFloor, Source as EntrySource};
use crate::model::wallet::rollup::DayRollup;
use crate::table::item::accounts::{account, read_account};
use crate::table::item::admin::{read_admin_key, read_audit};
use crate::table::item::attributes::{Item, ItemError, Reader};
use crate::table::item::erasure::read_erasure;
use crate::table::item::import::{read_import, read_import_key};
use crate::table::item::ledger::{entry, read_drawn, read_grants, read_holds, read_rooms, read_tally, rollup, wallet};
use crate::table::item::license::{device, license, listing, read_device, read_holder, read_license, seat, settings};
use crate::table::item::organizations::{member, organization, read_access_token, read_key};
use crate::table::item::portal::{read_code, read_developer, read_sign_in};
use crate::table::item::pro::{batch_memory, chain, event, marks, read_event, read_unproven};
use crate::table::item::project::{policy, project, read_policy, read_project};
use crate::table::item::run::read_run;
use crate::table::item::store::{
    card, order, payment, read_card, read_order, read_payment, read_sale, read_trial, sale, trial,
};
use crate::table::item::webhooks::{read_dead, read_notice, read_webhook, webhook};
use crate::table::key::{self, Key, Kind};
use crate::table::port::Source;

/// Reads the record of an item; `None` if its key names no record.
pub fn record(item: &Item) -> Result<Option<Record>, Source> {
    let r = Reader(item);
    let Some(kind) = key::parse(&r.text("pk")?, &r.text("sk")?) else { return Ok(None) };
    let record = match kind {
        Kind::Project { id } => Record::Project(read_project(&r, id)?),
        // A retired secret names nothing any more.
        Kind::Secret { .. } if r.int_opt("retiredAt").is_some() => return Ok(None),
        Kind::Secret { hash } => Record::Secret { hash, project_id: r.text("projectId")? },
        Kind::Policy { number } => Record::Policy(read_policy(&r, number)?),
        Kind::License(id) => Record::License(read_license(&r, id)?),
        Kind::Listing(license) => {
            let (project_id, number) = (r.text("projectId")?, r.int("number")?);
            Record::Listing(Listing { license, project_id, number, sealed: r.bytes("sealed") })
        }
        Kind::BuyerListing(license) => Record::BuyerListing(BuyerListing { license, number: r.int("number")? }),
        Kind::Account(id) => Record::Account(read_account(&r, id)?),
        // From the index of what is due, which has the keys only.
        Kind::Wallet(id) if !item.contains_key("sequence") => {
            Record::Due(Due { wallet: id, position: r.text("dueSk")? })
        }
        Kind::Wallet(id) => Record::Wallet(Wallet {
            id,
            grants: read_grants(&r)?,
            debt: r.int("debt")?,
            sequence: r.int("sequence")?,
            spent: r.int("spent")?,
            period: r.at_opt("period"),
            spent_before: r.int_opt("spentBefore").unwrap_or(0),
            due_at: r.at_opt("dueAt"),
            holds: read_holds(&r)?,
            rooms: read_rooms(&r)?,
            head: r.link_opt("head").unwrap_or_default(),
            moved_at: r.at_opt("movedAt").unwrap_or(Timestamp::EPOCH),
            account_revision: r.int_opt("accountRevision"),
        }),
        Kind::Device(license, hwid) => Record::Device(license, read_device(&r, hwid)?),
        Kind::Seat(license, slot) => {
            Record::Seat(license, Seat { slot, epoch: r.int("epoch")?, holder: read_holder(&r)? })
        }
        Kind::Settings(license) => {
            let (document, revision) = (r.document("document")?, r.int("revision")?);
            Record::Settings(license, Settings { document, revision, updated_at: r.at("updatedAt")? })
        }
        Kind::BatchMemory(owner, hwid) => Record::BatchMemory(
            owner,
            BatchMemory {
                hwid,
                request: r.text("request")?,
                from: r.int("from")?,
                count: r.int("count")?,
                hash: r.text("hash")?,
                at: r.at("at")?,
                answered: marks(&r.bytes("answered")).first().copied(),
                revision: r.int("revision")?,
            },
        ),
        Kind::Chain(id) => Record::Chain(Chain {
            id,
            outstanding: marks(&r.bytes("outstanding")),
            unproven: read_unproven(&r)?,
            batch: marks(&r.bytes("batch")).first().copied(),
            revision: r.int("revision")?,
            used_at: r.at("usedAt")?,
        }),
        Kind::SeenBlob { hash } => Record::SeenBlob(SeenBlob { hash, request: r.text("request")?, at: r.at("at")? }),
        Kind::Entry(wallet, operation) => Record::Entry(Entry {
            wallet,
            operation,
            fingerprint: r.text("fingerprint")?,
            sequence: r.int("sequence")?,
            amount: r.int("amount")?,
            balance_before: r.int("balanceBefore")?,
            balance_after: r.int("balanceAfter")?,
            limit_after: r.int("limitAfter")?,
            action: r.text("action")?,
            source: r
                .text_opt("source")
                .and_then(|s| EntrySource::parse(&s))
                .ok_or(ItemError { attribute: "source" })?,
            hwid: r.text_opt("hwid"),
            usage_sequence: r.int_opt("usageSequence"),
            occurred_at: r.at("occurredAt")?,
            recorded_at: r.at("recordedAt")?,
            meta: r.document_opt("meta")?,
            erased: r.link_opt("erased"),
            batch: r.text_opt("batch"),
            uncharged: r.int_opt("uncharged"),
            is_presumed: r.int_opt("presumed") == Some(1),
            past_floor: match r.int_opt("pastFloor") {
                None => None,
                Some(1) => Some(PastFloor::First),
                Some(_) => Some(PastFloor::Further),
            },
            spent_after: r.int_opt("spentAfter"),
            original: r.text_opt("original"),
            refunded: r.int_opt("refunded").unwrap_or(0),
            drawn: read_drawn(&r)?,
            lapsed: r.int_opt("lapsed").unwrap_or(0),
            limit_before: r.int_opt("limitBefore"),
            previous: r.link_opt("previous").unwrap_or_default(),
        }),
        Kind::Organization(id) => Record::Organization(Organization {
            id,
            plan: r.text("plan")?,
            created_at: r.at("createdAt")?,
            created_by: read_key(&r, "createdBy", "fingerprint").ok_or(ItemError { attribute: "createdBy" })?,
            changed_by: read_key(&r, "changedBy", "changeFingerprint"),
            revision: r.int("revision")?,
        }),
        Kind::Member(organization, user) => Record::Member(Member {
            organization,
            user,
            removed_at: r.at_opt("removedAt"),
            revision: r.int("revision")?,
        }),
        Kind::AccessToken { hash } if !item.contains_key("projectId") => {
            Record::AccessTokenName { hash, place: r.text("dueSk")? }
        }
        Kind::AccessToken { hash } => Record::AccessToken(read_access_token(&r, hash)?),
        Kind::Rollup { wallet, day } => Record::Rollup(DayRollup {
            wallet,
            day,
            first: r.int("first")?,
            last: r.int("last")?,
            tally: read_tally(&r)?,
            revision: r.int("revision")?,
        }),
        Kind::Job { name } => Record::DispatchCheckpoint(DispatchCheckpoint {
            name,
            started_at: r.at("startedAt")?,
            project: r.text_opt("project"),
            shard: r.int("shard")?,
            after: r.text_opt("after"),
            sent: r.int("sent")?,
            done: r.int("done")? != 0,
            revision: r.int("revision")?,
        }),
        Kind::Run { name } => Record::Run(read_run(&r, name)?),
        Kind::Order { id } => Record::Order(read_order(&r, id)?),
        Kind::Payment { id } => Record::Payment(read_payment(&r, id)?),
        Kind::PaymentEvent { id } => Record::PaymentEvent(id),
        Kind::Trial => Record::Trial(read_trial(&r)?),
        Kind::Card => Record::Card(read_card(&r)?),
        Kind::Sale => Record::Sale(read_sale(&r)?),
        Kind::Code => Record::Code(read_code(&r)?),
        // From the index of keys only.
        Kind::Erasure { project_id, id } => Record::Erasure(read_erasure(&r, project_id, id)?),
        Kind::Event(_) if !item.contains_key("type") => {
            match key::parse_event_kind(&r.text("duePk")?, &r.text("dueSk")?) {
                Some((day, kind)) => Record::EventKind { day, kind },
                None => return Ok(None),
            }
        }
        Kind::Event(license) => Record::Event(read_event(&r, license)?),
        Kind::Developer => Record::Developer(read_developer(&r)?),
        Kind::Bucket { name } => Record::Bucket(Bucket { name, full_at: r.at("fullAt")?, call: r.text("call")? }),
        Kind::SignIn { hash } => Record::SignIn(read_sign_in(&r, hash)?),
        Kind::Webhook { id } => Record::Webhook(read_webhook(&r, id)?),
        Kind::Notice { id } => Record::Notice(read_notice(&r, id)?),
        Kind::Dead { webhook, notice } => Record::FailedDelivery(read_dead(&r, webhook, notice)?),
        Kind::AdminOperation { id } => Record::AdminOperation(AdminOperation {
            id,
            fingerprint: r.text("fingerprint")?,
            request: r.text_opt("request").unwrap_or_default(),
            made: r.text("made")?.split(' ').map(str::to_owned).collect(),
            created_at: r.at("createdAt")?,
            audit: read_audit(&r)?,
        }),
        Kind::AdminKey { id } => Record::AdminKey(read_admin_key(&r, id)?),
        Kind::Import { project_id } => Record::Import(read_import(&r, project_id)?),
        Kind::ImportKey { id } => Record::ImportKey(read_import_key(&r, id)?),
    };
    Ok(Some(record))
}

/// The item of a record that moves between deployments; `None` for what does not.
pub fn of(record: &Record) -> Option<Item> {
    Some(match record {
        Record::Project(found) => project(found),
        Record::Policy(found) => policy(found),
        Record::License(found) => license(found),
        Record::Listing(found) => listing(found),
        Record::Wallet(found) => wallet(found),
        Record::Device(id, found) => device(id, found),
        Record::Seat(id, found) => seat(id, found),
        Record::Settings(id, found) => settings(id, found),
        Record::BatchMemory(owner, found) => batch_memory(owner, found),
        Record::Chain(found) => chain(found),
        Record::Entry(found) => entry(found),
        Record::Rollup(found) => rollup(found),
        Record::Event(found) => event(found),
        Record::Order(found) => order(found),
        Record::Payment(found) => payment(found),
        Record::Sale(found) => sale(found),
        Record::Trial(found) => trial(found),
        Record::Card(found) => card(found),
        Record::Account(found) => account(found),
        Record::Organization(found) => organization(found),
        Record::Member(found) => member(found),
        Record::Webhook(found) => webhook(found),
        _ => return None,
    })
}

/// The key of a record that an import can have written.
pub fn key_of(record: &Record) -> Option<Key> {
    if let Record::BuyerListing(listing) = record {
        return Some(key::buyer_listing(&listing.license));
    }
    let item = of(record)?;
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    text("pk").zip(text("sk")).map(|(pk, sk)| Key { pk, sk })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::{NOW, fresh};
    use crate::model::administrator::{AdminKey, Audit, Scope};
    use crate::model::device::{Device, SeatClaim};
    use crate::model::erasure::Erasure;
    use crate::model::ids::{
        AccountId, BatchOwner, ChainId, OperationId, OperationKey, OrganizationId, Origin, ShortHash, WalletId,
    };
    use crate::model::license::License;
    use crate::model::organization::{AccessToken, Made};
    use crate::model::seat::{SeatCounts, SeatsOpen};
    use crate::model::wallet::rollup::Tally;
    use crate::model::wallet::tests::cause;
    use crate::table::item::admin::{admin_key, admin_operation};
    use crate::table::item::erasure::erasure;
    use crate::table::item::license::buyer_listing;
    use crate::table::item::organizations::access_token;
    use crate::table::item::pro::seen_blob;
    use crate::table::item::run::job;
    use aws_sdk_dynamodb::types::AttributeValue as Value;
    use ltlm_protocol::license_data::KickedNotice;
    use serde_json::{Map, json};

    fn round(item: Item) -> Record {
        record(&item).unwrap().unwrap()
    }

    #[test]
    fn every_record_reads_back_as_it_was_written() {
        let state = fresh();
        let mut grant = state.wallet.as_ref().unwrap().grants[0].clone();
        grant.expires_at = Some(NOW.plus_days(1));
        let held = Wallet { grants: vec![grant], debt: 3, spent: 9, ..state.wallet.clone().unwrap() };
        let (_, entries) = held.spend(1, false, cause("op#1", EntrySource::Single), NOW).unwrap();
        assert_eq!(round(project(&state.project)), Record::Project(state.project.clone()));
        assert_eq!(round(policy(&state.policy)), Record::Policy(state.policy.clone()));
        assert_eq!(round(license(&state.license)), Record::License(state.license.clone()));
        let counts = SeatCounts { counted_at: NOW, max: 300, turn: 2, above: 0, pages: vec![100, 7, 0] };
        let open = SeatsOpen { max: 300, turn: 2, lowered_at: Some(NOW) };
        let counted = License { seat_counts: Some(counts), seats_open: Some(open), ..state.license.clone() };
        assert_eq!(round(license(&counted)), Record::License(counted));
        assert_eq!(round(wallet(&held)), Record::Wallet(held));
        let id = state.license.id.clone();
        for document in [Map::new(), Map::from_iter([("漢".to_owned(), json!({"n": [1.5, null]}))])] {
            let kept = Settings { document, revision: 2, updated_at: NOW };
            assert_eq!(round(settings(&id, &kept)), Record::Settings(id.clone(), kept));
        }
        assert_eq!(round(entry(&entries[0])), Record::Entry(entries[0].clone()));
        let operation = AdminOperation {
            id: "x".into(),
            fingerprint: "f".into(),
            request: "r".into(),
            made: vec!["1".into(), "2".into()],
            created_at: NOW,
            audit: None,
        };
        assert_eq!(round(admin_operation(&operation)), Record::AdminOperation(operation.clone()));
        let audit = Audit {
            operation_id: "op".into(),
            action: "admin-tokens".into(),
            target: "/v1".into(),
            key_id: "first".into(),
            family: vec!["first".into()],
            from: None,
            change: Some(json!({"amount": 1})),
        };
        let audited = AdminOperation { audit: Some(audit), ..operation };
        assert_eq!(round(admin_operation(&audited)), Record::AdminOperation(audited));
        let stored = AdminKey {
            id: "key_1".into(),
            hash: "h".into(),
            name: Some("ci".into()),
            scopes: vec![Scope::Licenses, Scope::Read],
            project_id: Some("prj_1".into()),
            expires_at: Some(NOW),
            created_by: "first".into(),
            family: vec!["first".into(), "key_0".into()],
            created_at: NOW,
            revoked_at: None,
        };
        assert_eq!(round(admin_key(&stored)), Record::AdminKey(stored));
        let place = Listing { license: id.clone(), project_id: "prj_1".into(), number: 7, sealed: vec![1, 2] };
        assert_eq!(round(listing(&place)), Record::Listing(place));
        let listed = BuyerListing { license: id.clone(), number: state.license.number };
        assert_eq!(round(buyer_listing(&state.license)), Record::BuyerListing(listed));
        let chain_id = ChainId { project_id: "prj_1".into(), hwid: "a#b".into() };
        let owners = [BatchOwner::License(id.clone()), BatchOwner::Chain(chain_id.clone())];
        let memory = BatchMemory {
            hwid: "a#b".into(),
            request: "r".into(),
            from: 1,
            count: 2,
            hash: "h".into(),
            at: NOW,
            answered: Some(ShortHash([7; 8])),
            revision: 3,
        };
        for owner in owners {
            assert_eq!(round(batch_memory(&owner, &memory)), Record::BatchMemory(owner, memory.clone()));
        }
        let seen = SeenBlob { hash: "h".into(), request: "r".into(), at: NOW };
        assert_eq!(round(seen_blob(&seen)), Record::SeenBlob(seen));
    }

    #[test]
    fn a_use_may_have_a_number_and_an_older_one_has_none() {
        let wallet = fresh().wallet.unwrap();
        for number in [None, Some(1), Some(9_007_199_254_740_991)] {
            let cause =
                crate::model::wallet::cause::Cause { usage_sequence: number, ..cause("op", EntrySource::Single) };
            let (_, entries) = wallet.spend(1, false, cause, NOW).unwrap();
            let item = entry(&entries[0]);
            assert_eq!(item.contains_key("usageSequence"), number.is_some());
            assert_eq!((round(item), entries[0].usage_sequence), (Record::Entry(entries[0].clone()), number));
        }
    }

    #[test]
    fn every_seat_of_a_device_reads_back() {
        let id = fresh().license.id;
        let notice = KickedNotice {
            kicked_by: None,
            kicked_by_nickname: Some("A B".into()),
            timestamp: "t".into(),
            reason: "r".into(),
        };
        for seat in
            [SeatClaim::None, SeatClaim::Released, SeatClaim::Holds { slot: 99, epoch: 7 }, SeatClaim::Kicked(notice)]
        {
            let written =
                Device { seat, meta: Some(Map::new()), ..crate::domain::license::state::tests::device("a#b") };
            assert_eq!(round(device(&id, &written)), Record::Device(id.clone(), written));
        }
    }

    #[test]
    fn what_accounts_and_organizations_keep_reads_back_as_it_was_written() {
        let account = AccountId { project_id: "prj_1".into(), name: "acme/general".into() };
        let id = WalletId::Account(account);
        let key = OperationKey { id: OperationId { origin: Origin::Client, id: "op".into() }, fingerprint: "f".into() };
        let given = Wallet::empty(id.clone()).allot(9, None, NOW, cause("a", EntrySource::Renewal), NOW).0;
        let (kept, entries) = given.hold(4, NOW.plus_days(1), cause("h", EntrySource::Hold), NOW).unwrap();
        let kept = Wallet { due_at: Some(NOW.plus_days(30)), spent_before: 3, ..kept };
        assert_eq!(round(wallet(&kept)), Record::Wallet(kept.clone()));
        let due = wallet(&kept);
        assert!(due.contains_key("duePk") && !wallet(&given).contains_key("duePk"), "the index is sparse");
        let erased = Entry { meta: None, erased: Some([7; 32]), ..entries[0].clone() };
        assert_eq!(round(entry(&erased)), Record::Entry(erased));
        let mut tally = Tally::default();
        entries.iter().for_each(|entry| tally.add(entry));
        let day = DayRollup { wallet: id, day: 20_457, first: 1, last: 2, tally, revision: 3 };
        assert_eq!(round(rollup(&day)), Record::Rollup(day));
        let begun = Erasure::begin("prj_1", "op", "f", NOW, NOW);
        assert_eq!(round(erasure(&begun)), Record::Erasure(begun.clone()));
        let far = Erasure { account: Some("u".into()), position: Some(4), ended_at: Some(NOW), revision: 2, ..begun };
        assert_eq!(round(erasure(&far)), Record::Erasure(far));
        let run = DispatchCheckpoint {
            project: Some("prj_1".into()),
            after: Some("p".into()),
            ..DispatchCheckpoint::at("renewals", None, NOW)
        };
        assert_eq!(round(job(&run)), Record::DispatchCheckpoint(run));
        let acme = OrganizationId { project_id: "prj_1".into(), name: "acme".into() };
        for changed_by in [None, Some(key.clone())] {
            let made = Organization {
                id: acme.clone(),
                plan: "pro".into(),
                created_at: NOW,
                created_by: key.clone(),
                changed_by,
                revision: 2,
            };
            assert_eq!(round(organization(&made)), Record::Organization(made));
        }
        let ada = Member { organization: acme, user: "ada".into(), removed_at: Some(NOW), revision: 2 };
        assert_eq!(round(member(&ada)), Record::Member(ada));
        let token = AccessToken {
            hash: "h".into(),
            project_id: "prj_1".into(),
            organization: None,
            user: Some("ada".into()),
            expires_at: NOW,
            revoked_at: None,
            made: None,
        };
        assert_eq!(round(access_token(&token)), Record::AccessToken(token.clone()));
        let made = Some(Made { by: key, request: "r".into() });
        let token = AccessToken { made, organization: Some("o".into()), revoked_at: Some(NOW), ..token };
        assert_eq!(round(access_token(&token)), Record::AccessToken(token));
    }

    #[test]
    fn what_the_version_before_wrote_reads_as_nothing_of_what_is_new() {
        let without = |mut item: Item, names: &[&str]| {
            names.iter().for_each(|name| drop(item.remove(*name)));
            item
        };
        let key = OperationKey { id: OperationId { origin: Origin::Client, id: "op".into() }, fingerprint: "f".into() };
        let id = AccountId { project_id: "prj_1".into(), name: "ada".into() };
        let made = crate::model::account::Account {
            id: id.clone(),
            tier: "Gift".into(),
            tier_ends_at: None,
            anchor: NOW,
            overdraft_limit: 0,
            created_at: NOW,
            created_by: key,
            paid: [("Gift".to_owned(), NOW)].into(),
            revision: 1,
        };
        assert_eq!(round(account(&made)), Record::Account(made.clone()));
        let old = crate::model::account::Account { paid: [].into(), ..made.clone() };
        assert_eq!(round(without(account(&made), &["paid"])), Record::Account(old));

        let given = Wallet::empty(WalletId::Account(id)).allot(9, None, NOW, cause("a", EntrySource::Renewal), NOW).0;
        let (_, entries) = given.spend(1, false, cause("s", EntrySource::Single), NOW).unwrap();
        let (kept, _) = given.hold(4, NOW.plus_days(1), cause("h", EntrySource::Hold), NOW).unwrap();
        let new = Entry { lapsed: 2, limit_before: Some(9), ..entries[0].clone() };
        assert!(!new.drawn.is_empty(), "it says what it was drawn from");
        assert_eq!(round(entry(&new)), Record::Entry(new.clone()));
        let old = Entry { drawn: Vec::new(), lapsed: 0, limit_before: None, ..new.clone() };
        assert_eq!(round(without(entry(&new), &["drawn", "lapsed", "limitBefore"])), Record::Entry(old));

        // A hold was known by its instant alone, and a piece of a grant by the grant's name.
        let mut item = without(wallet(&kept), &["rooms"]);
        let Some(Value::S(text)) = item.get("holds").cloned() else { panic!("{item:?}") };
        let mut rows: Vec<Map<String, serde_json::Value>> = serde_json::from_str(&text).unwrap();
        for row in &mut rows {
            row.remove("sequence");
            let pieces = row.get_mut("pieces").and_then(serde_json::Value::as_array_mut).unwrap();
            pieces.iter_mut().for_each(|piece| drop(piece.as_object_mut().unwrap().remove("priority")));
        }
        item.insert("holds".to_owned(), Value::S(json!(rows).to_string()));
        let mut old = Wallet { rooms: Vec::new(), ..kept };
        old.holds.iter_mut().for_each(|hold| hold.sequence = 0);
        assert_eq!(round(item), Record::Wallet(old.clone()));
        assert_eq!(round(wallet(&old)), Record::Wallet(old));
    }

    #[test]
    fn a_broken_item_is_an_error_that_names_the_attribute() {
        let mut item = license(&fresh().license);
        item.remove("state");
        assert!(record(&item).unwrap_err().to_string().contains("state"));
    }
}
