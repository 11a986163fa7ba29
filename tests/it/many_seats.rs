//! Licenses of more than a hundred seats: the same rules at the same cost.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::domain::Write;
use shared::domain::seats::Holder;
use shared::service::Clock;
use shared::service::ids::license_id;
use shared::table::{Meter, Table};

use crate::support::{Reply, World, device, post_request, send};

async fn license(world: &World, seats: i64) -> (String, String) {
    let mut terms = local::demo::sub();
    terms["config"]["limits"]["seats"]["maxSeats"] = json!(seats);
    terms["config"]["limits"]["devices"]["maxDevices"] = json!(10_000);
    terms["config"]["customerActions"]["seatReleaseCooldownSeconds"] = json!(0);
    let policy = world.policy(terms).await;
    (world.license(&policy, None).await, policy)
}

async fn lower(world: &World, policy: &str, seats: i64) {
    let path = format!("/v1/admin/policies/{policy}");
    let mut config = world.admin("GET", &path, Value::Null).await.body["config"].clone();
    config["limits"]["seats"]["maxSeats"] = json!(seats);
    assert_eq!(world.admin("PATCH", &path, json!({ "config": config })).await.status, 200);
}

/// Seats strangers on these slots, for an hour.
async fn fill(world: &World, key: &str, slots: impl IntoIterator<Item = i64>) {
    let now = world.clock.now();
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
        world.host.app.table.inner().commit(some, None, &Meter::default()).await.unwrap();
    }
}

fn occupied(reply: &Reply) -> bool {
    reply.seat().1 == "OCCUPIED"
}

async fn active(world: &World, key: &str) -> i64 {
    world.get(key, "/seats").await.int_of("activeSeats")
}

#[tokio::test]
async fn a_heartbeat_costs_the_same_with_five_thousand_seats_as_with_a_hundred() {
    let world = World::new().await;
    let mut costs = Vec::new();
    for seats in [100, 5_000] {
        let (key, _) = license(&world, seats).await;
        world.activate(&key, &device('a')).await;
        let held = world.host.app.table.inner();
        let taken: BTreeSet<i64> = shared_slots(held, &key).await;
        fill(&world, &key, (0..seats).filter(|slot| !taken.contains(slot))).await;
        // The count of the other pages is a minute old by then; this heartbeat renews it, the next ones live on it.
        world.clock.advance_seconds(61);
        let counting = world.beat(&key, &device('a')).await;
        assert_eq!((counting.int_of("activeSeats"), occupied(&counting)), (seats, true));
        let beat = world.beat(&key, &device('a')).await;
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
        shared::domain::Record::Seat(_, seat) => seat.live(Timestamp::EPOCH).map(|_| seat.slot),
        _ => None,
    });
    slots.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_and_fifty_seats_go_to_exactly_so_many_of_three_hundred() {
    let world = World::new().await;
    let other = world.another_process().await;
    let (key, _) = license(&world, 250).await;
    let hwid = |n: usize| format!("device-{n:04}");
    let mut seated = 0;
    for some in (0..300).collect::<Vec<_>>().chunks(30) {
        let calls = some.iter().map(|n| {
            let host = if n % 2 == 0 { world.host.clone() } else { other.clone() };
            let request = post_request(&key, "activate", &json!({"hwid": hwid(*n)}));
            #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
            tokio::spawn(async move { send(&host, request).await })
        });
        seated += join_all(calls).await.into_iter().filter(|reply| occupied(reply.as_ref().unwrap())).count();
    }
    assert_eq!((seated, active(&world, &key).await), (250, 250));
    let list = world.get(&key, "/seats").await;
    let rows = list.body["seats"].as_array().unwrap();
    let holders: BTreeSet<_> = rows.iter().map(|row| row["hwid"].as_str().unwrap().to_owned()).collect();
    assert_eq!((rows.len(), holders.len()), (250, 250), "nobody holds two");

    // One leaves; within two heartbeats a waiting device has the seat, and nobody else.
    let waiting: Vec<_> = (0..300).map(hwid).filter(|hwid| !holders.contains(hwid)).collect();
    world.post(&key, "signout", json!({"hwid": holders.first().unwrap()})).await;
    let mut got = 0;
    for _ in 0..2 {
        world.clock.advance_seconds(61);
        for hwid in &waiting {
            got += usize::from(occupied(&world.beat(&key, hwid).await));
        }
        if got > 0 {
            break;
        }
    }
    assert_eq!((got, active(&world, &key).await), (1, 250));
    // An activation looks everywhere at once.
    let second = holders.iter().nth(1).unwrap();
    world.post(&key, "signout", json!({"hwid": second})).await;
    assert!(occupied(&world.activate(&key, second).await));
    let late = world.post(&key, "activate", json!({"hwid": "late", "requireSeat": true})).await;
    late.refused(403, "SEAT_LIMIT_REACHED");
}

#[tokio::test]
async fn lowering_many_seats_evicts_nobody_and_admits_nobody_until_enough_have_left() {
    let world = World::new().await;
    let (key, policy) = license(&world, 300).await;
    fill(&world, &key, 0..250).await;
    assert!(occupied(&world.activate(&key, &device('a')).await));
    lower(&world, &policy, 200).await;
    assert!(!occupied(&world.activate(&key, &device('b')).await));
    assert!(occupied(&world.beat(&key, &device('a')).await), "who holds a seat keeps it");
    assert_eq!(active(&world, &key).await, 251);
    // The strangers fall silent; only a is left, above the maximum perhaps.
    for _ in 0..14 {
        world.clock.advance_seconds(300);
        assert!(occupied(&world.beat(&key, &device('a')).await));
    }
    assert!(occupied(&world.activate(&key, &device('b')).await));
    lower(&world, &policy, 50).await;
    assert!(occupied(&world.beat(&key, &device('a')).await));
    assert!(occupied(&world.activate(&key, &device('c')).await));
    lower(&world, &policy, 2).await;
    assert!(!occupied(&world.activate(&key, &device('d')).await));
    assert_eq!(world.beat(&key, &device('a')).await.int_of("activeSeats"), 3);
    assert_eq!(active(&world, &key).await, 3);
}

#[tokio::test]
async fn a_seat_on_another_page_is_kicked_claimed_and_given_back() {
    let world = World::new().await;
    let (key, _) = license(&world, 5_000).await;
    let hwid = |n: i64| format!("device-{n}");
    for n in 0..6 {
        assert!(occupied(&world.activate(&key, &hwid(n)).await));
    }
    for n in 1..6 {
        world.post(&key, "signout", json!({"hwid": hwid(0)})).await;
        let body = json!({"targetHwid": hwid(n), "callerHwid": hwid(0), "claimSeat": true});
        let released = world.post(&key, "release-seat", body).await;
        assert_eq!((released.status, &released.body["seatClaimed"]), (200, &json!(true)), "{}", released.text);
        assert!(occupied(&world.beat(&key, &hwid(0)).await), "from a page that is not its own");
        assert_eq!(world.beat(&key, &hwid(n)).await.seat(), ("KICKED", "KICKED"));
    }
    assert_eq!(active(&world, &key).await, 1);
    let path = format!("/v1/admin/licenses/{key}/seats/{}/release", hwid(0));
    assert_eq!(world.admin("POST", &path, Value::Null).await.int_of("activeSeats"), 0);
    assert_eq!(world.beat(&key, &hwid(0)).await.seat(), ("KICKED", "KICKED"));
}
