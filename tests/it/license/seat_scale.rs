//! Licenses of more than a hundred seats: the same rules at the same cost.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::model::record::Record;
use shared::model::seat::Holder;
use shared::model::write::Write;
use shared::service::ids::license_id;
use shared::service::ports::Clock;
use shared::table::port::{Meter, Read, Table};

use crate::support::{Reply, TestApp, device, post_request, send};

async fn license(app: &TestApp, seats: i64) -> (String, String) {
    let mut terms = local::demo::sub();
    terms["config"]["limits"]["seats"]["maxSeats"] = json!(seats);
    terms["config"]["limits"]["devices"]["maxDevices"] = json!(10_000);
    terms["config"]["customerActions"]["seatReleaseCooldownSeconds"] = json!(0);
    let policy = app.policy(terms).await;
    (app.license(&policy, None).await, policy)
}

async fn lower(app: &TestApp, policy: &str, seats: i64) {
    let path = format!("/v1/admin/policies/{policy}");
    let mut config = app.admin("GET", &path, Value::Null).await.body["config"].clone();
    config["limits"]["seats"]["maxSeats"] = json!(seats);
    assert_eq!(app.admin("PATCH", &path, json!({ "config": config })).await.status, 200);
}

/// Seats strangers on these slots, for an hour.
async fn fill(app: &TestApp, key: &str, slots: impl IntoIterator<Item = i64>) {
    let now = app.clock.now();
    let claims: Vec<_> = slots
        .into_iter()
        .map(|slot| Write::ClaimSeat {
            license: license_id(key),
            slot,
            found: None,
            holder: Holder {
                hwid: format!("stranger-{slot:058}"),
                nickname: Some("Stranger".into()),
                seen_at: now,
                lease_until: now.plus_seconds(3_600),
            },
            now,
        })
        .collect();
    for some in claims.chunks(100) {
        app.host.app.table.inner().commit(some, None, &Meter::default()).await.unwrap();
    }
}

fn occupied(reply: &Reply) -> bool {
    reply.seat().1 == "OCCUPIED"
}

async fn active(app: &TestApp, key: &str) -> i64 {
    app.get(key, "/seats").await.int_of("activeSeats")
}

#[tokio::test]
async fn a_heartbeat_costs_the_same_with_five_thousand_seats_as_with_a_hundred() {
    let app = TestApp::new().await;
    let mut costs = Vec::new();
    for seats in [100, 5_000] {
        let (key, _) = license(&app, seats).await;
        app.activate(&key, &device('a')).await;
        let held = app.host.app.table.inner();
        let taken: BTreeSet<i64> = shared_slots(held, &key).await;
        fill(&app, &key, (0..seats).filter(|slot| !taken.contains(slot))).await;
        // The count of the other pages is a minute old by then; this heartbeat renews it, the next ones live on it.
        app.clock.advance_seconds(61);
        let counting = app.beat(&key, &device('a')).await;
        assert_eq!((counting.int_of("activeSeats"), occupied(&counting)), (seats, true));
        let beat = app.beat(&key, &device('a')).await;
        assert_eq!(beat.int_of("activeSeats"), seats);
        costs.push((beat.spent.round_trips, beat.spent.write_units, beat.spent.read_units));
    }
    assert_eq!((costs[0].0, costs[0].1), (costs[1].0, costs[1].1), "{costs:?}");
    // A page of strangers' seats is as long as another; the count makes the license's own record a little longer.
    assert!((costs[0].2 - costs[1].2).abs() <= 1.0, "{costs:?}");
}

/// Slots that are held.
async fn shared_slots(table: &impl Table, key: &str) -> BTreeSet<i64> {
    let reads = [shared::table::Read::Seats(license_id(key))];
    let records = table.read(&reads, &Meter::default()).await.unwrap();
    let slots = records.into_iter().filter_map(|record| match record {
        shared::model::record::Record::Seat(_, seat) => seat.live(Timestamp::EPOCH).map(|_| seat.slot),
        _ => None,
    });
    slots.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_and_fifty_seats_go_to_exactly_so_many_of_three_hundred() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let (key, _) = license(&app, 250).await;
    let hwid = |n: usize| format!("device-{n:04}");
    let mut seated = 0;
    for some in (0..300).collect::<Vec<_>>().chunks(30) {
        let calls = some.iter().map(|n| {
            let host = if n % 2 == 0 { app.host.clone() } else { other.clone() };
            let request = post_request(&key, "activate", &json!({"hwid": hwid(*n)}));
            #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
            tokio::spawn(async move { send(&host, request).await })
        });
        seated += join_all(calls).await.into_iter().filter(|reply| occupied(reply.as_ref().unwrap())).count();
    }
    assert_eq!((seated, active(&app, &key).await), (250, 250));
    let list = app.get(&key, "/seats").await;
    let rows = list.body["seats"].as_array().unwrap();
    let holders: BTreeSet<_> = rows.iter().map(|row| row["hwid"].as_str().unwrap().to_owned()).collect();
    assert_eq!((rows.len(), holders.len()), (250, 250), "nobody holds two");

    // One leaves; within two heartbeats a waiting device has the seat, and nobody else.
    let waiting: Vec<_> = (0..300).map(hwid).filter(|hwid| !holders.contains(hwid)).collect();
    app.post(&key, "signout", json!({"hwid": holders.first().unwrap()})).await;
    let mut got = 0;
    for _ in 0..2 {
        app.clock.advance_seconds(61);
        for hwid in &waiting {
            got += usize::from(occupied(&app.beat(&key, hwid).await));
        }
        if got > 0 {
            break;
        }
    }
    assert_eq!((got, active(&app, &key).await), (1, 250));
    // An activation looks everywhere at once.
    let second = holders.iter().nth(1).unwrap();
    app.post(&key, "signout", json!({"hwid": second})).await;
    assert!(occupied(&app.activate(&key, second).await));
    let late = app.post(&key, "activate", json!({"hwid": "late", "requireSeat": true})).await;
    late.refused(403, "SEAT_LIMIT_REACHED");
}

/// The long form by hand: `LTLM_SEATS=5000 cargo test -p ltlm-tests -- every_seat_is_given`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_seat_is_given_before_anybody_is_refused() {
    #[expect(clippy::disallowed_methods, reason = "a test's own, not the product's configuration")]
    let seats = std::env::var("LTLM_SEATS").ok().and_then(|text| text.parse().ok()).unwrap_or(350);
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let (key, _) = license(&app, seats).await;
    let claim = |n: i64| {
        let host = if n % 2 == 0 { app.host.clone() } else { other.clone() };
        let request = post_request(&key, "activate", &json!({"hwid": format!("device-{n:04}"), "requireSeat": true}));
        #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
        tokio::spawn(async move { send(&host, request).await })
    };
    for first in (0..seats).step_by(25) {
        let some: Vec<_> = (first..(first + 25).min(seats)).collect();
        for (n, reply) in some.iter().zip(join_all(some.iter().copied().map(claim)).await) {
            let mut reply = reply.unwrap();
            // Too many at once is no refusal: the caller comes again.
            while reply.status == 503 {
                reply = claim(*n).await.unwrap();
            }
            assert!(occupied(&reply), "{} of {seats} are taken: {}", active(&app, &key).await, reply.text);
        }
    }
    assert_eq!(active(&app, &key).await, seats);
    claim(seats).await.unwrap().refused(403, "SEAT_LIMIT_REACHED");
}

#[tokio::test]
async fn lowering_many_seats_evicts_nobody_and_admits_nobody_until_enough_have_left() {
    let app = TestApp::new().await;
    let (key, policy) = license(&app, 300).await;
    fill(&app, &key, 0..250).await;
    assert!(occupied(&app.activate(&key, &device('a')).await));
    lower(&app, &policy, 200).await;
    assert!(!occupied(&app.activate(&key, &device('b')).await));
    assert!(occupied(&app.beat(&key, &device('a')).await), "who holds a seat keeps it");
    assert_eq!(active(&app, &key).await, 251);
    // The strangers fall silent; only a is left, above the maximum perhaps.
    for _ in 0..14 {
        app.clock.advance_seconds(300);
        assert!(occupied(&app.beat(&key, &device('a')).await));
    }
    assert!(occupied(&app.activate(&key, &device('b')).await));
    lower(&app, &policy, 50).await;
    assert!(occupied(&app.beat(&key, &device('a')).await));
    assert!(occupied(&app.activate(&key, &device('c')).await));
    lower(&app, &policy, 2).await;
    assert!(!occupied(&app.activate(&key, &device('d')).await));
    assert_eq!(app.beat(&key, &device('a')).await.int_of("activeSeats"), 3);
    assert_eq!(active(&app, &key).await, 3);
}

#[tokio::test]
async fn a_seat_on_another_page_is_kicked_claimed_and_given_back() {
    let app = TestApp::new().await;
    let (key, _) = license(&app, 5_000).await;
    let hwid = |n: i64| format!("device-{n}");
    for n in 0..6 {
        assert!(occupied(&app.activate(&key, &hwid(n)).await));
    }
    for n in 1..6 {
        app.post(&key, "signout", json!({"hwid": hwid(0)})).await;
        let body = json!({"targetHwid": hwid(n), "callerHwid": hwid(0), "claimSeat": true});
        let released = app.post(&key, "release-seat", body).await;
        assert_eq!((released.status, &released.body["seatClaimed"]), (200, &json!(true)), "{}", released.text);
        assert!(occupied(&app.beat(&key, &hwid(0)).await), "from a page that is not its own");
        assert_eq!(app.beat(&key, &hwid(n)).await.seat(), ("KICKED", "KICKED"));
    }
    assert_eq!(active(&app, &key).await, 1);
    let path = format!("/v1/admin/licenses/{key}/seats/{}/release", hwid(0));
    assert_eq!(app.admin("POST", &path, Value::Null).await.int_of("activeSeats"), 0);
    assert_eq!(app.beat(&key, &hwid(0)).await.seat(), ("KICKED", "KICKED"));
}

/// The seats that are held now, by slot.
async fn holders(app: &TestApp, key: &str) -> Vec<(i64, String)> {
    let reads = [Read::Seats(license_id(key))];
    let records = app.host.app.table.inner().read(&reads, &Meter::default()).await.unwrap();
    let now = app.clock.now();
    let held = records.into_iter().filter_map(|record| match record {
        Record::Seat(_, seat) => seat.live(now).map(|holder| (seat.slot, holder.hwid.clone())),
        _ => None,
    });
    held.collect()
}

#[tokio::test]
async fn as_many_are_admitted_as_are_missing_to_a_lowered_number() {
    let app = TestApp::new().await;
    for (before, held, after) in [(200, 30..170, 150), (450, 300..420, 130), (120, 60..115, 60)] {
        let (key, policy) = license(&app, before).await;
        let missing = usize::try_from(after - (held.end - held.start)).unwrap();
        fill(&app, &key, held).await;
        lower(&app, &policy, after).await;
        let mut seated = Vec::new();
        for n in 0..missing + 2 {
            let hwid = format!("device-{n:03}");
            if occupied(&app.activate(&key, &hwid).await) {
                seated.push(hwid);
            }
        }
        assert_eq!((seated.len(), active(&app, &key).await), (missing, after), "from {before} to {after}");
        // Who leaves may come back, and who waits gets what becomes free.
        app.post(&key, "signout", json!({"hwid": seated[0]})).await;
        assert!(occupied(&app.activate(&key, &seated[0]).await));
        app.post(&key, "signout", json!({"hwid": seated[1]})).await;
        app.clock.advance_seconds(61);
        let late = format!("device-{:03}", missing + 1);
        assert!(occupied(&app.beat(&key, &late).await));
        assert_eq!(active(&app, &key).await, after);
    }
}

/// A claim that was judged by the larger number is held at the table's door while the number is lowered and the rest is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_on_its_way_does_not_land_above_a_lowered_number() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    for (before, after, by_override, route) in [
        (5, 4, false, "activate"),
        (5, 4, true, "heartbeat"),
        (200, 150, false, "heartbeat"),
        (200, 150, true, "activate"),
    ] {
        let (key, policy) = license(&app, before).await;
        let (x, y) = (device('a'), device('b'));
        // x is known and has no seat.
        app.activate(&key, &x).await;
        app.activate(&key, &y).await;
        app.clock.advance_seconds(601);
        refill(&app, &key, (0..after - 1).collect()).await;
        assert_eq!(active(&app, &key).await, after - 1);
        let held = other.app.table.hold(|write| matches!(write, Write::ClaimSeat { .. }));
        let call = {
            let (other, request) = (other.clone(), post_request(&key, route, &json!({"hwid": x})));
            #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
            tokio::spawn(async move { send(&other, request).await })
        };
        held.reached().await;
        match by_override {
            false => lower(&app, &policy, after).await,
            true => {
                let body = json!({"overrides": {"limits": {"seats": {"maxSeats": after}}}});
                let path = format!("/v1/admin/licenses/{key}");
                assert_eq!(app.admin("PATCH", &path, body).await.status, 200);
            }
        }
        assert!(occupied(&app.activate(&key, &y).await), "the last of {after}");
        held.release();
        let late = call.await.unwrap();
        assert_eq!((late.seat().1, active(&app, &key).await), ("NO_SEAT", after), "from {before}: {route}");
    }
}

/// Seats strangers on slots that may have been used before.
async fn refill(app: &TestApp, key: &str, slots: Vec<i64>) {
    let reads = [Read::Seats(license_id(key))];
    let table = app.host.app.table.inner();
    let records = table.read(&reads, &Meter::default()).await.unwrap();
    let now = app.clock.now();
    for slot in slots {
        let found = records.iter().find_map(|record| match record {
            Record::Seat(_, seat) if seat.slot == slot => Some(seat.epoch),
            _ => None,
        });
        let holder = Holder {
            hwid: format!("stranger-{slot:058}"),
            nickname: None,
            seen_at: now,
            lease_until: now.plus_seconds(3_600),
        };
        let claim = Write::ClaimSeat { license: license_id(key), slot, found, holder, now };
        table.commit(&[claim], None, &Meter::default()).await.unwrap();
    }
}

/// A heartbeat of a holder above the maximum is on its way when its lease ends and another takes the seat that is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fell_silent_above_a_lowered_number_does_not_come_back_beside_its_successor() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let (key, policy) = license(&app, 3).await;
    for letter in ['a', 'b', 'c', 'd'] {
        app.activate(&key, &device(letter)).await;
    }
    let by_slot = holders(&app, &key).await;
    let at = |slot: i64| by_slot.iter().find(|(held, _)| *held == slot).unwrap().1.clone();
    lower(&app, &policy, 2).await;
    app.clock.advance_seconds(599);
    app.beat(&key, &at(0)).await;
    app.post(&key, "signout", json!({"hwid": at(1)})).await;
    let held = other.app.table.hold(|write| matches!(write, Write::RenewSeat { .. }));
    let call = {
        let (other, request) = (other.clone(), post_request(&key, "heartbeat", &json!({"hwid": at(2)})));
        #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
        tokio::spawn(async move { send(&other, request).await })
    };
    held.reached().await;
    app.clock.advance_seconds(1);
    assert!(occupied(&app.beat(&key, &device('d')).await));
    held.release();
    assert_eq!(call.await.unwrap().seat().1, "NO_SEAT");
    assert_eq!(active(&app, &key).await, 2);
}

#[tokio::test]
async fn who_looks_sees_a_fresh_count_and_keeps_none() {
    let app = TestApp::new().await;
    let (key, _) = license(&app, 300).await;
    app.activate(&key, &device('a')).await;
    let own = holders(&app, &key).await[0].0;
    refill(&app, &key, (0..300).filter(|slot| slot % 4 == 0 && *slot != own).take(70).collect()).await;
    let stored = async || {
        let records = app.host.app.table.inner().read(&[Read::License(license_id(&key))], &Meter::default()).await;
        records.unwrap().into_iter().find_map(|record| match record {
            Record::License(license) => license.seat_counts.map(|counts| counts.counted_at),
            _ => None,
        })
    };
    let before = stored().await;
    for (seconds, expected) in [(61, 71), (601, 70), (3_600, 0)] {
        app.clock.advance_seconds(seconds);
        for look in ["", &format!("?hwid={}", device('a')), "/seats"] {
            let seen = app.get(&key, look).await;
            assert_eq!(
                (seen.int_of("activeSeats"), seen.spent.write_units),
                (expected, 0.0),
                "{look} after {seconds} s"
            );
        }
        let seen = app.admin("GET", &format!("/v1/admin/licenses/{key}"), Value::Null).await;
        assert_eq!((seen.int_of("activeSeats"), seen.spent.write_units), (expected, 0.0));
        assert_eq!(stored().await, before);
    }
    // Who uses the license keeps what it counted.
    assert_eq!(app.consume(&key, &device('a'), 1, "x").await.int_of("activeSeats"), 0);
    assert_eq!(stored().await, Some(app.clock.now()));
    app.clock.advance_seconds(61);
    assert!(occupied(&app.beat(&key, &device('a')).await));
    assert_eq!(stored().await, Some(app.clock.now()));
}

/// With thirty seats free among five hundred, thirty of fifty get one, whether they are activated at once or wait with heartbeats.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_free_seats_are_found_wherever_they_are() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let (key, _) = license(&app, 500).await;
    let free: Vec<i64> = (0..30).map(|n| n * n * 7 % 500).collect::<BTreeSet<_>>().into_iter().collect();
    fill(&app, &key, (0..500).filter(|slot| !free.contains(slot))).await;
    let hwid = |n: usize| format!("device-{n:04}");
    let mut seated = Vec::new();
    for some in (0..free.len() + 20).collect::<Vec<_>>().chunks(10) {
        let calls = some.iter().map(|n| {
            let host = if n % 2 == 0 { app.host.clone() } else { other.clone() };
            let request = post_request(&key, "activate", &json!({"hwid": hwid(*n)}));
            #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
            tokio::spawn(async move { send(&host, request).await })
        });
        let replies = join_all(calls).await;
        seated.extend(some.iter().zip(replies).filter(|(_, reply)| occupied(reply.as_ref().unwrap())).map(|(n, _)| *n));
    }
    assert_eq!((seated.len(), active(&app, &key).await), (free.len(), 500));
    // Thirty more wait with the twenty, and then all who got one leave.
    for n in 1_000..1_030 {
        assert!(!occupied(&app.activate(&key, &hwid(n)).await));
    }
    for n in &seated {
        app.post(&key, "signout", json!({"hwid": hwid(*n)})).await;
    }
    app.clock.advance_seconds(61);
    let mut got = 0;
    for n in (0..free.len() + 20).filter(|n| !seated.contains(n)).chain(1_000..1_030) {
        got += usize::from(occupied(&app.beat(&key, &hwid(n)).await));
    }
    assert_eq!((got, active(&app, &key).await), (free.len(), 500));
}
