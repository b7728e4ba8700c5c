//! What `/metrics` tells of a real disk and of real connections.

use crate::answers::Client;
use crate::exposition::Exposition;
use crate::place::{Place, Server};
use crate::strace::Tracer;

fn metrics(server: &Server) -> Exposition {
    let answer = server.admin().get("/metrics");
    assert_eq!(answer.status, 200, "{}", answer.text());
    Exposition::parse(&answer.text())
}

#[test]
fn the_disk_is_timed_and_one_that_fails_is_seen() {
    let place = Place::new();
    let server = place.serve();
    let admin = server.admin();
    for name in ["one", "two", "three"] {
        assert_eq!(admin.create(name, None).expect("is answered").status, 201);
    }
    let before = metrics(&server);
    for name in ["append", "sync", "witness"] {
        let (count, sum) =
            (format!("authledger_{name}_seconds_count"), format!("authledger_{name}_seconds_sum"));
        assert_eq!(before.count(&count, &[]), 3, "{name}");
        assert!(before.value(&sum, &[]) > 0.0, "{name}");
    }
    let of = |name: &str| before.value(&format!("authledger_{name}_seconds_sum"), &[]);
    assert!(of("sync") < of("append"), "the synchronisation is a part of the append");
    assert_eq!(before.count("authledger_accepts_writes", &[]), 1);
    assert!(before.count("authledger_disk_free_bytes", &[]) > 64 << 20);
    let files = std::fs::metadata(place.engine()).expect("is there").len();
    assert!(before.count("authledger_log_size_bytes", &[]) >= files);
    assert_eq!(before.count("authledger_log_size_events", &[]), 9);
    assert_eq!(before.count("authledger_log_unchecked_events", &[]), 0);

    let rules = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1"];
    let tracer = Tracer::upon(&server, place.path(), &rules);
    assert_eq!(admin.create("four", None).expect("is answered").status, 503);
    tracer.let_go();
    assert_eq!(admin.create("five", None).expect("is answered").status, 503);
    let after = metrics(&server);
    assert_eq!(after.count("authledger_accepts_writes", &[]), 0);
    assert_eq!(after.count("authledger_sync_seconds_count", &[]), 4, "also when it failed");
    assert_eq!(after.count("authledger_witness_seconds_count", &[]), 3, "which it did not come to");
    assert_eq!(after.count("authledger_events_total", &[("event", "OAuthAppCreated")]), 3);
    assert_eq!(after.count("authledger_refusals_total", &[("code", "222299018")]), 1);
    assert_eq!(after.count("authledger_refusals_total", &[("code", "222299019")]), 1);
    let routes: Vec<_> = after.values_of("route").into_iter().collect();
    assert_eq!(routes, ["/api/mgmt/oauthapps", "/metrics"]);
    // Five writes and two looks, each on a connection of its own; this one is open.
    assert_eq!(after.count("authledger_connections_accepted_total", &[]), 7);
    assert!(after.count("authledger_connections_open", &[]) >= 1);
    assert_eq!(server.stop().code(), Some(3));
}

#[test]
fn who_is_nobody_reads_nothing() {
    let place = Place::new();
    let server = place.serve();
    let refused = Client::new(server.address(), None).get("/metrics");
    assert_eq!((refused.status, refused.text().contains("authledger_")), (401, false));
    assert!(server.stop().success());
}
