//! The contract's cases of licenses, seats, time and trust, by their numbers: the machine on the product.

use ltlm_client::call::{Call, Reply};
use ltlm_client::machine::{HttpAnswer, Input};
use ltlm_client::{ErrorCode, Event, LogLevel, Reason, Status, hwid};
use serde_json::{Value, json};

use super::{Desk, Network, code, config, used};
use crate::support::{L1, Reply as Http, TestApp, device};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn status(status: Status) -> Result<Reply, ltlm_client::Error> {
    Ok(Reply::Status(status))
}

fn server_code(result: &Result<Reply, ltlm_client::Error>) -> Option<&str> {
    result.as_ref().err().and_then(|error| error.server_code.as_deref())
}

async fn remove(app: &TestApp, desk: &Desk<'_>) {
    let path = format!("/v1/admin/licenses/{L1}/devices/{}", desk.machine.hwid());
    assert_eq!(app.admin("DELETE", &path, Value::Null).await.status, 204);
}

/// A license of a policy like SUB with another configuration.
async fn license(app: &TestApp, change: impl Fn(&mut Value)) -> String {
    let mut terms = ::local::demo::sub();
    change(&mut terms);
    let policy = app.policy(terms).await;
    app.license(&policy, None).await
}

fn no_grace(terms: &mut Value) {
    terms["config"]["sdkEnforcement"]["offlineGracePeriod"] = json!({"enabled": false});
}

#[tokio::test]
async fn c16_c38_a_new_key_is_active_with_a_heartbeat_at_once() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    assert_eq!(desk.activate(L1).await, status(Status::Active));
    assert_eq!((desk.count("/validate"), desk.count("/heartbeat"), desk.count("/status")), (1, 1, 0));
    let order: Vec<_> = desk.events.iter().map(|event| serde_json::to_value(event).unwrap()["event"].clone()).collect();
    let expected = ["validation_started", "seat_status_changed", "validation_completed", "license_status_changed"];
    assert_eq!(order[..4], expected.map(|name| json!(name)));
    // 3 of 100, at once; the ledger says so when it was charged.
    assert!(matches!(desk.consume(3).await, Ok(Reply::Recorded { balance: 97, .. })));
    assert_eq!((desk.machine.balance(), desk.machine.pending()), (97, 1));
    assert_eq!(desk.call(Call::Sync).await, Ok(Reply::Synced { charged: 1, skipped: 0 }));
    assert_eq!((desk.machine.balance(), desk.machine.pending(), app.audit(L1).await), (97, 0, 3));
}

#[tokio::test]
async fn c17_a_wrong_key_is_refused_and_nothing_is_kept() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    let refused = desk.activate("LIC-0000000000000000").await;
    assert_eq!((code(&refused), server_code(&refused)), (Some(ErrorCode::Refused), Some("LICENSE_NOT_FOUND")));
    assert_eq!(
        desk.events.last(),
        Some(&Event::ValidationCompleted { success: false, status: Status::Unauthenticated })
    );
    desk.restart(false);
    assert_eq!(code(&desk.call(Call::LoadStored).await), Some(ErrorCode::NoLicense));
    assert_eq!(code(&desk.activate("  ").await), Some(ErrorCode::BadArgument));
}

#[tokio::test]
async fn c18_a_full_license_is_not_asked_again() {
    let app = TestApp::new().await;
    for letter in ['x', 'y', 'z'] {
        assert_eq!(app.activate(L1, &device(letter)).await.status, 200);
    }
    let mut desk = Desk::new(&app, "a");
    assert_eq!(server_code(&desk.activate(L1).await), Some("DEVICE_LIMIT_REACHED"));
    desk.run_for(DAY).await;
    assert_eq!(desk.sent.len(), 1);
}

#[tokio::test]
async fn c19_c20_a_start_shows_what_is_kept_without_the_server() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    assert_eq!(code(&desk.call(Call::LoadStored).await), Some(ErrorCode::NoLicense));
    let completed = Event::ValidationCompleted { success: false, status: Status::Unauthenticated };
    assert_eq!(desk.events, [Event::ValidationStarted, completed]);
    desk.activate(L1).await.unwrap();
    desk.network = Network::DOWN;
    desk.restart(false);
    assert_eq!(desk.status(), Status::Unauthenticated, "until it is asked for");
    let before = desk.now_ms();
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::Active));
    assert_eq!(desk.now_ms(), before, "no network was waited for");
    assert!(desk.machine.entitled(Some("pro"), 100, desk.clocks()) && !desk.machine.entitled(None, 101, desk.clocks()));
    desk.run_for(60).await;
    assert!(desk.events.contains(&Event::OfflineGrace { hours_left: 71 }), "{:?}", desk.events);
    assert_eq!(desk.status(), Status::Active);
}

#[tokio::test]
async fn c21_c22_what_the_vendor_does_shows_at_the_next_beat() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    for (state, shown) in
        [("suspended", Status::Suspended), ("active", Status::Active), ("terminated", Status::Terminated)]
    {
        assert_eq!(app.set_state(L1, state).await.status, 200, "{state}");
        desk.run_for(301).await;
        assert_eq!(desk.status(), shown);
        assert_eq!(desk.machine.entitled(None, 0, desk.clocks()), shown == Status::Active);
        assert!(desk.events.contains(&Event::LicenseStatusChanged { status: shown, reason: Reason::Server }));
    }
    assert_eq!(server_code(&desk.consume(1).await), Some("LICENSE_TERMINATED"));
}

#[tokio::test]
async fn c23_c54_a_removed_device_does_not_come_back_by_itself_and_its_uses_wait() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    desk.network = Network::DOWN;
    desk.consume(5).await.unwrap();
    desk.run_for(10).await;
    remove(&app, &desk).await;
    desk.network = Network::default();
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::Active), "at once, by what is kept");
    desk.run_for(HOUR).await;
    assert_eq!((desk.status(), desk.machine.license().is_some(), desk.machine.pending()), (Status::Kicked, false, 1));
    let kicked = desk.events.iter().filter(|event| matches!(event, Event::Kicked { .. })).count();
    assert_eq!((kicked, desk.count("/validate")), (1, 1));
    let license = app.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await;
    assert_eq!(license.body["machines"], json!([]));
    assert_eq!(desk.activate(L1).await, status(Status::Active));
    desk.run_for(5).await;
    assert_eq!((desk.machine.pending(), app.audit(L1).await), (0, 5));
}

#[tokio::test]
async fn c25_c26_a_license_ends_by_the_clock_offline() {
    let app = TestApp::new().await;
    let key = license(&app, |terms| {
        terms["config"]["sdkEnforcement"]["offlineGracePeriod"] = json!({"enabled": true, "duration": 8_000});
        terms["config"]["limits"]["time"]["gracePeriodDays"] = json!(7);
    })
    .await;
    let mut desk = Desk::new(&app, "a");
    let start = desk.now_ms();
    desk.activate(&key).await.unwrap();
    desk.network = Network::DOWN;
    desk.run_for(30 * DAY - 5).await;
    assert_eq!(desk.status(), Status::Active);
    desk.events.clear();
    while desk.status() == Status::Active {
        desk.step(desk.now_ms() + 100_000).await;
    }
    assert_eq!(desk.status(), Status::Expired);
    assert!((desk.now_ms() - start - 30 * DAY * 1_000).abs() <= 1_000, "within a second");
    assert!(desk.events.contains(&Event::LicenseStatusChanged { status: Status::Expired, reason: Reason::Clock }));
    // C-26: the server knows of its grace.
    desk.network = Network::default();
    assert_eq!(desk.call(Call::Refresh).await, status(Status::GracePeriod));
    assert!(desk.machine.entitled(None, 0, desk.clocks()));
}

#[tokio::test]
async fn c27_a_changed_interval_is_followed() {
    let app = TestApp::new().await;
    let policy = app.policy(::local::demo::sub()).await;
    let key = app.license(&policy, None).await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(&key).await.unwrap();
    desk.run_for(HOUR).await;
    let by_fives = desk.count("/heartbeat");
    assert!((12..=15).contains(&by_fives), "{by_fives}");
    let path = format!("/v1/admin/policies/{policy}");
    let change = json!({"config": {"sdkEnforcement": {"heartbeat": {"enabled": true, "interval": 20}}}});
    let changed = app.admin("PATCH", &path, change).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    desk.sent.clear();
    desk.run_for(3 * HOUR).await;
    assert!((8..=11).contains(&desk.count("/heartbeat")), "{}", desk.count("/heartbeat"));
}

#[tokio::test]
async fn c28_a_version_that_is_not_supported_is_blocked_until_it_is_another() {
    let app = TestApp::new().await;
    let policy = app.policy(::local::demo::sub()).await;
    let key = app.license(&policy, None).await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(&key).await.unwrap();
    let path = format!("/v1/admin/policies/{policy}");
    let change = json!({"config": {"versioning": {"enabled": true, "minVersion": "2.0"}}});
    assert_eq!(app.admin("PATCH", &path, change).await.status, 200);
    desk.restart(false);
    desk.call(Call::LoadStored).await.unwrap();
    desk.run_for(1).await;
    assert_eq!((desk.status(), desk.machine.license().is_some()), (Status::ConnectionRequired, true));
    assert_eq!(desk.snapshot().reason, Reason::Refused("VERSION_NOT_SUPPORTED".into()));
    // Without a network it stays so.
    desk.network = Network::DOWN;
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::ConnectionRequired));
    (desk.network, desk.config.app_version) = (Network::default(), Some("2.1".into()));
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::Active));
}

#[tokio::test]
async fn c29_a_waiting_device_gets_the_next_free_seat() {
    let app = TestApp::new().await;
    let (mut a, mut b, mut c) = (Desk::new(&app, "a"), Desk::new(&app, "b"), Desk::new(&app, "c"));
    assert_eq!(a.activate(L1).await, status(Status::Active));
    assert_eq!(b.activate(L1).await, status(Status::Active));
    assert_eq!(c.activate(L1).await, status(Status::ValidNoSeat));
    assert!(c.snapshot().is_waiting_for_seat);
    assert_eq!(server_code(&c.consume(1).await), Some("SEAT_LIMIT_REACHED"));
    assert_eq!(a.call(Call::SignOut).await, Ok(Reply::Done));
    c.run_for(301).await;
    assert_eq!(c.status(), Status::Active);
}

#[tokio::test]
async fn c30_c31_c32_c33_seats_are_released_and_taken() {
    let app = TestApp::new().await;
    let (mut a, mut b, mut c) = (Desk::new(&app, "a"), Desk::new(&app, "b"), Desk::new(&app, "c"));
    c.config.device_name = Some("Kasse 3".into());
    c.restart(false);
    for desk in [&mut a, &mut b, &mut c] {
        desk.activate(L1).await.unwrap();
    }
    let Ok(Reply::Seats(list)) = c.call(Call::Seats).await else { panic!("a list") };
    assert_eq!((list.seats.len(), list.can_release_seat), (2, true));
    let release = |hwid: &str| Call::ReleaseSeat { hwid: hwid.to_owned(), claim: true };
    let Ok(Reply::Released(released)) = c.call(release(&hwid(&app.project_id, "a"))).await else { panic!("released") };
    assert!(released.seat_claimed);
    assert_eq!(c.status(), Status::Active);
    let early = c.call(release(&hwid(&app.project_id, "b"))).await.unwrap_err();
    assert_eq!((early.code, early.server_code.as_deref()), (ErrorCode::Refused, Some("SEAT_RELEASE_COOLDOWN")));
    assert!(early.details.is_some() || early.retry_after_seconds.is_some(), "{early:?}");
    // It is told once, by whom, and beats no more.
    a.events.clear();
    a.run_for(301).await;
    assert_eq!(a.status(), Status::Kicked);
    a.sent.clear();
    a.run_for(HOUR).await;
    assert_eq!(a.sent.len(), 0);
    let notices = a.events.iter().filter_map(|event| match event {
        Event::Kicked { notice } => notice.clone(),
        _ => None,
    });
    let notices: Vec<_> = notices.collect();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].kicked_by_nickname.as_deref(), Some("Kasse 3"));
    // B was not heard of for an hour: its seat is free.
    assert_eq!(a.call(Call::Reactivate).await, status(Status::Active));
    a.run_for(1).await;
    assert_eq!(a.count("/heartbeat"), 1, "and beats again");
}

#[tokio::test]
async fn c31_a_kicked_device_waits_where_no_seat_is_free() {
    let app = TestApp::new().await;
    let (mut a, mut b) = (Desk::new(&app, "a"), Desk::new(&app, "b"));
    let mut c = Desk::new(&app, "c");
    for desk in [&mut a, &mut b, &mut c] {
        desk.activate(L1).await.unwrap();
    }
    c.call(Call::ReleaseSeat { hwid: a.machine.hwid().to_owned(), claim: true }).await.unwrap();
    a.run_for(290).await;
    a.run_for(15).await;
    assert_eq!(a.status(), Status::Kicked);
    for desk in [&mut b, &mut c] {
        desk.call(Call::Heartbeat).await.unwrap();
    }
    assert_eq!(a.call(Call::Reactivate).await, status(Status::ValidNoSeat));
}

#[tokio::test]
async fn c35_a_killed_process_loses_its_seat_and_starts_unhindered() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    assert_eq!(desk.call(Call::Heartbeat).await, status(Status::Active));
    desk.restart(true);
    app.clock.advance_seconds(601);
    let seats = app.get(L1, "/seats").await;
    assert_eq!(seats.int_of("activeSeats"), 0);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::Active));
    desk.run_for(1).await;
    assert_eq!(app.get(L1, "/seats").await.int_of("activeSeats"), 1);
}

#[tokio::test]
async fn c36_who_signed_out_stays_so_until_it_comes_back() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    desk.network = Network::DOWN;
    assert_eq!(code(&desk.call(Call::SignOut).await), Some(ErrorCode::Offline));
    assert_eq!(desk.status(), Status::Active);
    desk.network = Network::default();
    assert_eq!(desk.call(Call::SignOut).await, Ok(Reply::Done));
    assert_eq!((desk.status(), desk.snapshot().is_waiting_for_seat), (Status::ValidNoSeat, false));
    desk.sent.clear();
    desk.run_for(600).await;
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::ValidNoSeat));
    desk.run_for(600).await;
    assert_eq!(desk.sent.len(), 0, "no beats");
    assert_eq!(desk.call(Call::Reactivate).await, status(Status::Active));
}

#[tokio::test]
async fn c37_a_week_of_sleep_is_one_heartbeat() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    desk.sent.clear();
    app.clock.advance_seconds(7 * DAY);
    desk.run_for(5).await;
    assert_eq!(desk.count("/heartbeat"), 1);
    assert_eq!(desk.status(), Status::Active);
    // In the background it sends nothing by itself.
    desk.handle(Input::Paused);
    desk.sent.clear();
    desk.run_for(HOUR).await;
    assert_eq!(desk.sent.len(), 0);
    desk.handle(Input::Resumed);
    desk.run_for(1).await;
    assert_eq!(desk.count("/heartbeat"), 1);
}

#[tokio::test]
async fn c56_c57_a_clock_that_was_set_back_ends_offline_rights_until_the_server_answers() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    // C-56: ten years ahead, while it runs.
    desk.skew_ms = 10 * 365 * DAY * 1_000;
    desk.run_for(HOUR).await;
    assert_eq!(desk.status(), Status::Active);
    desk.skew_ms = 0;
    desk.call(Call::Heartbeat).await.unwrap();
    desk.network = Network::DOWN;
    desk.skew_ms = -365 * DAY * 1_000;
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::ConnectionRequired));
    assert_eq!(desk.snapshot().reason, Reason::Clock);
    desk.network = Network::default();
    assert_eq!(desk.call(Call::Refresh).await, status(Status::Active));
}

#[tokio::test]
async fn offline_hours_are_not_had_again_by_a_kill_and_a_clock_that_is_set_back() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    desk.network = Network::DOWN;
    desk.run_for(50 * HOUR).await;
    assert_eq!(desk.status(), Status::Active);
    desk.skew_ms = -50 * HOUR * 1_000;
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::ConnectionRequired));
    assert_eq!(desk.snapshot().reason, Reason::Clock);
    // Without setting it back, the rest of the hours is left.
    desk.skew_ms = 0;
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::Active));
    desk.run_for(21 * HOUR).await;
    assert_eq!(desk.status(), Status::Active);
    desk.run_for(2 * HOUR).await;
    assert_eq!(desk.status(), Status::ConnectionRequired);
}

#[tokio::test]
async fn c58_a_clock_that_is_hours_off_does_not_hinder_where_devices_sign() {
    let app = TestApp::new().await;
    app.project_settings(json!({"security": {"deviceKeys": "required", "gcmOnly": true}})).await;
    // The time comes with the refusal, whether there is a date in the headers or not.
    for (source, hours, tells_date) in [("a", 2, false), ("b", -2, true)] {
        let mut desk = Desk::with(&app, source, config(&app), 7);
        desk.tells_date = tells_date;
        desk.skew_ms = hours * HOUR * 1_000;
        desk.restart(false);
        assert_eq!(desk.activate(L1).await, status(Status::Active));
        assert_eq!((desk.count("/validate"), desk.count("/heartbeat")), (2, 1));
        desk.consume(1).await.unwrap();
        desk.call(Call::Sync).await.unwrap();
        let Ok(Reply::History(page)) = desk.call(Call::History { limit: 10, cursor: None }).await else {
            panic!("history")
        };
        assert_eq!(page.entries[0].action, "export");
        // The next start signs with what it learned.
        desk.restart(true);
        desk.sent.clear();
        desk.call(Call::LoadStored).await.unwrap();
        desk.run_for(2).await;
        assert_eq!((desk.status(), desk.count("/status")), (Status::Active, 1));
    }
}

#[tokio::test]
async fn c60_offline_grace_ends_and_an_answer_heals_it() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    desk.network = Network::DOWN;
    desk.run_for(72 * HOUR - 60).await;
    assert_eq!(desk.status(), Status::Active);
    desk.run_for(HOUR).await;
    assert_eq!((desk.status(), desk.snapshot().reason), (Status::ConnectionRequired, Reason::Offline));
    assert_eq!(code(&desk.consume(1).await), Some(ErrorCode::ConnectionRequired));
    desk.network = Network::default();
    desk.run_for(301).await;
    assert_eq!(desk.status(), Status::Active);
    assert!(desk.sent.len() < 72 * 30, "it backs off: {}", desk.sent.len());
}

#[tokio::test]
async fn c61_c62_without_grace_a_running_session_has_the_life_of_its_seat_and_a_start_needs_an_answer() {
    let app = TestApp::new().await;
    let key = license(&app, no_grace).await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(&key).await.unwrap();
    desk.network = Network::DOWN;
    let beats = desk.count("/heartbeat");
    desk.run_for(590).await;
    assert!(desk.count("/heartbeat") >= beats + 2 && desk.status() == Status::Active);
    desk.run_for(20).await;
    assert_eq!(desk.status(), Status::ConnectionRequired);
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::ConnectionRequired));
    assert_eq!(desk.snapshot().reason, Reason::NoAnswerYet);
    desk.network = Network::default();
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::Active));
}

#[tokio::test]
async fn c63_a_sign_in_page_is_not_our_server() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.network.portals = 100;
    assert_eq!(code(&desk.activate(L1).await), Some(ErrorCode::NotOurServer));
    desk.network = Network::default();
    desk.activate(L1).await.unwrap();
    desk.network.portals = 100;
    for call in [Call::Refresh, Call::Heartbeat, Call::Seats, Call::Buyable, Call::Settings] {
        assert_eq!(code(&desk.call(call).await), Some(ErrorCode::NotOurServer));
        assert_eq!(desk.status(), Status::Active);
    }
    let trial = Call::Trial { email: "a@b.example".into() };
    assert_eq!(code(&desk.call(trial).await), Some(ErrorCode::NotOurServer));
}

#[tokio::test]
async fn c65_c66_what_does_not_verify_changes_nothing() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    let recorded = desk.heard.last().cloned().unwrap();
    app.set_state(L1, "suspended").await;
    // Recorded answers, served instead of the server's.
    for _ in 0..3 {
        let before = desk.status();
        let clocks = desk.clocks();
        desk.machine.handle(Input::Call { id: 900, call: Call::Refresh }, clocks);
        let mut result = None;
        while let Some(output) = desk.machine.poll_output() {
            match output {
                ltlm_client::machine::Output::Send(request) => {
                    let answer = HttpAnswer { body: recorded.body.clone(), ..recorded.clone() };
                    desk.machine.handle(Input::Answer { id: request.id, answer }, clocks);
                }
                ltlm_client::machine::Output::Finish { id: 900, result: reply } => result = Some(reply),
                _ => {}
            }
        }
        assert_eq!(code(&result.unwrap()), Some(ErrorCode::AnswerRejected));
        assert_eq!(desk.status(), before);
    }
    desk.network.tampered = 100;
    let refused = desk.call(Call::Refresh).await;
    assert!(matches!(code(&refused), Some(ErrorCode::AnswerRejected | ErrorCode::NotOurServer)), "{refused:?}");
    assert_eq!(desk.status(), Status::Active);
    desk.network = Network::default();
    assert_eq!(desk.call(Call::Refresh).await, status(Status::Suspended));
}

#[tokio::test]
async fn c75_a_state_of_another_machine_is_set_aside() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    desk.network = Network::DOWN;
    desk.consume(1).await.unwrap();
    desk.source = "another machine".into();
    desk.events.clear();
    desk.restart(false);
    assert_eq!(
        (desk.status(), desk.snapshot().reason, desk.machine.pending()),
        (Status::Unauthenticated, Reason::Moved, 0)
    );
    assert!(desk.events.contains(&Event::Moved));
    assert_eq!(code(&desk.call(Call::LoadStored).await), Some(ErrorCode::NoLicense));
}

#[tokio::test]
async fn c77_a_lost_device_key_is_told_and_mended_by_the_vendor() {
    let app = TestApp::new().await;
    app.project_settings(json!({"security": {"deviceKeys": "required"}})).await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    desk.disk.state = None;
    desk.restart(false);
    let lost = desk.activate(L1).await;
    assert_eq!((code(&lost), server_code(&lost)), (Some(ErrorCode::DeviceKeyLost), Some("DEVICE_KEY_MISMATCH")));
    assert_eq!(desk.count("/validate"), 2, "it is not asked again");
    remove(&app, &desk).await;
    assert_eq!(desk.activate(L1).await, status(Status::Active));
}

async fn file(app: &TestApp, key: &str, hwid: &str, end: Option<&str>) -> String {
    let body = json!({"hwids": [hwid], "validUntil": end});
    let made: Http = app.admin("POST", &format!("/v1/admin/licenses/{key}/offline-file"), body).await;
    assert!(made.status < 300, "{}", made.text);
    made.text
}

#[tokio::test]
async fn c80_an_offline_file_is_taken_without_traffic() {
    let app = TestApp::new().await;
    let policy = app.policy(::local::demo::air()).await;
    let key = app.license(&policy, None).await;
    // Files are encrypted with the newest secret.
    let path = format!("/v1/admin/projects/{}/secrets", app.project_id);
    let secret = app.admin("POST", &path, json!({})).await;
    let mut config = config(&app);
    config.project_secret = secret.text_of("secretKey").to_owned();
    let mut desk = Desk::with(&app, "a", config, 1);
    let refused = desk.activate(&key).await;
    assert_eq!(server_code(&refused), Some("OFFLINE_ACTIVATION_REQUIRED"));
    desk.sent.clear();
    let own = file(&app, &key, desk.machine.hwid(), Some("2026-03-01T00:00:00Z")).await;
    let import = |text: &str| Call::ImportFile { text: text.to_owned() };
    for bad in ["", "no file", &own[..own.len() - 9], &own.replace('a', "b")] {
        assert_eq!(code(&desk.call(import(bad)).await), Some(ErrorCode::FileInvalid));
    }
    let foreign = file(&app, &key, &device('f'), None).await;
    assert_eq!(code(&desk.call(import(&foreign)).await), Some(ErrorCode::FileOtherDevice));
    assert_eq!(desk.call(import(&own)).await, status(Status::Active));
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::Active));
    desk.run_for(30 * DAY).await;
    for call in [Call::Refresh, Call::Reactivate] {
        assert_eq!(desk.call(call).await, status(Status::Active));
    }
    assert_eq!(desk.sent.len(), 0);
    desk.run_for(30 * DAY).await;
    assert_eq!(desk.status(), Status::Expired);
    assert_eq!(code(&desk.call(import(&own)).await), Some(ErrorCode::FileExpired));
    assert_eq!(desk.sent.len(), 0);
}

#[tokio::test]
async fn a_compact_answer_leaves_what_it_does_not_say() {
    let app = TestApp::new().await;
    let (mut a, mut b) = (Desk::new(&app, "a"), Desk::new(&app, "b"));
    b.activate(L1).await.unwrap();
    a.activate(L1).await.unwrap();
    let settings = json!({"theme": "dark"}).as_object().cloned().unwrap();
    a.call(Call::SaveSettings { settings: settings.clone() }).await.unwrap();
    let known = |desk: &Desk<'_>| {
        let license = desk.snapshot().license.unwrap();
        (license.machines.len(), license.active_seats, license.user_settings.clone())
    };
    a.run_for(2_400).await;
    let in_full = known(&a);
    // The other device is registered; it does not run, and its seat has lapsed.
    assert_eq!(in_full, (2, Some(1), settings.clone()));
    // Answered in short.
    a.consume(1).await.unwrap();
    a.call(Call::Sync).await.unwrap();
    a.call(Call::Heartbeat).await.unwrap();
    assert_eq!((known(&a), a.machine.balance()), (in_full, 99));
    // What is read back from the store is the last answer alone, with the settings that are kept beside it.
    a.restart(false);
    a.network = Network::DOWN;
    a.call(Call::LoadStored).await.unwrap();
    assert_eq!(known(&a), (1, None, settings));
    a.network = Network::default();
    a.call(Call::Refresh).await.unwrap();
    assert_eq!(known(&a).0, 2);
}

#[tokio::test]
async fn settings_the_store_and_the_portal_answer_with_their_own() {
    let app = TestApp::new().await;
    let (mut a, mut b) = (Desk::new(&app, "a"), Desk::new(&app, "b"));
    a.activate(L1).await.unwrap();
    b.activate(L1).await.unwrap();
    let settings = json!({"theme": "dark", "zoom": 0.1}).as_object().cloned().unwrap();
    let saved = a.call(Call::SaveSettings { settings: settings.clone() }).await;
    assert_eq!(saved, Ok(Reply::Settings(settings.clone())));
    assert_eq!(a.call(Call::Settings).await, Ok(Reply::Settings(settings.clone())));
    // With the next heartbeat that asks for the license in full.
    b.run_for(1_800 + 300).await;
    assert!(b.events.contains(&Event::SettingsChanged) && b.machine.local_settings() == settings);
    let large = json!({"a": "é".repeat(65_536)}).as_object().cloned().unwrap();
    assert_eq!(server_code(&a.call(Call::SaveSettings { settings: large }).await), Some("SETTINGS_TOO_LARGE"));
    assert_eq!(a.count("/settings/save"), 1, "before it is sent");

    assert_eq!(a.machine.top_up_options().len(), 2);
    let top_up = Call::TopUp { pack_id: "tokens_50".into(), redirect_url: None };
    let Ok(Reply::Checkout(page)) = a.call(top_up).await else { panic!("a page") };
    assert!(page.checkout_url.starts_with("https://"));
    let Ok(Reply::Policies(policies)) = a.call(Call::Buyable).await else { panic!("policies") };
    assert_eq!(policies.len(), 1);
    let checkout = Call::Checkout { policy_id: "sub".into(), email: "b@example.com".into(), redirect_url: None };
    assert!(matches!(a.call(checkout).await, Ok(Reply::Checkout(_))));
    let trial = Call::Trial { email: "new+tag@example.com".into() };
    assert!(matches!(a.call(trial).await, Ok(Reply::Trial(reply)) if reply.eligible));
    assert_eq!(a.call(Call::RequestCode { email: "ada@example.com".into() }).await, Ok(Reply::Done));
    let wrong = Call::VerifyCode { email: "ada@example.com".into(), code: "000000".into() };
    assert_eq!(server_code(&a.call(wrong).await), Some("OTP_REJECTED"));
    let payload = json!({"map": "desert"}).as_object().cloned().unwrap();
    assert_eq!(a.call(Call::Report { kind: "level.done".into(), payload }).await, Ok(Reply::Done));
    assert_eq!(a.machine.project_setting("none"), None);
    assert!(a.machine.has_capability("pro") && !a.machine.has_capability("export"));
}

#[tokio::test]
async fn a_closed_machine_gives_its_seat_back_and_answers_no_more() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(L1).await.unwrap();
    assert_eq!(desk.call(Call::Close { is_last: false }).await, Ok(Reply::Done));
    assert_eq!(app.get(L1, "/seats").await.int_of("activeSeats"), 1, "another process runs");
    desk.restart(false);
    desk.call(Call::LoadStored).await.unwrap();
    desk.run_for(1).await;
    assert_eq!(desk.call(Call::Close { is_last: true }).await, Ok(Reply::Done));
    assert_eq!(app.get(L1, "/seats").await.int_of("activeSeats"), 0);
    assert_eq!(code(&desk.call(Call::Consume(used(1))).await), Some(ErrorCode::Closed));
    desk.restart(false);
    assert_eq!(desk.call(Call::LoadStored).await, status(Status::Active), "which is no sign-out");
}

#[tokio::test]
async fn c79_the_whole_log_holds_words_and_numbers() {
    let app = TestApp::new().await;
    let mut desk = Desk::new(&app, "logged");
    desk.activate(L1).await.unwrap();
    desk.consume(1).await.unwrap();
    desk.run_for(600).await;
    desk.network = Network::DOWN;
    assert!(desk.call(Call::Refresh).await.is_err());
    // Each line was looked through as it came, here and in every other case.
    assert!(desk.logged > 20, "{}", desk.logged);
    let mut config = config(&app);
    config.log = LogLevel::Warn;
    let mut quiet = Desk::with(&app, "quiet", config, 7);
    quiet.activate(L1).await.unwrap();
    assert_eq!(quiet.logged, 0, "nothing is out of order");
}
