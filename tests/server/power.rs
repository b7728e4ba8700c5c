//! L2: the power fails under the whole server. What the store alone does then, round after round, is in
//! `tests/ledger/power.rs`; here it is what clients were told, from the first word of `init` on.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use authledger::clock::{SystemRandom, draw};

use crate::answers::{APPS, Answer, Client, app};
use crate::believers::{believers, found};
use crate::loop_disk::LoopDisk;
use crate::place::{Place, Server, wait_for};
use crate::rounds;
use crate::strace::Tracer;

/// Makes the log longer than half a megabyte. Up to there the engine's file was filled with zeros when it was made, and
/// what is written over them needs no new block and outlives even our power cut.
fn lengthen(server: &Server) {
    let admin = server.admin();
    thread::scope(|scope| {
        for client in 0..4 {
            let admin = &admin;
            scope.spawn(move || {
                for number in 0..40 {
                    let answer = create_long(admin, &format!("long {client} {number}")).expect("is answered");
                    assert_eq!(answer.status, 201, "{}", answer.text());
                }
            });
        }
    });
}

fn create_long(admin: &Client, name: &str) -> io::Result<Answer> {
    let mut body = app(name);
    body["clientSecret"] = "s".repeat(4000).into();
    admin.send("POST", APPS, &[], Some(&body))
}

#[test]
fn l02_what_init_announced_survives_the_loss_of_power() {
    let mut disk = LoopDisk::new(128);
    let place = Place::vacant().on(&disk.path());
    place.init();
    disk.cut_power();
    disk.boot();
    assert_eq!(place.verified(), 6);
    let server = place.serve();
    assert_eq!(server.admin().create("first", None).expect("is answered").status, 201);
    assert!(server.stop().success());
    // A place on a disk goes before its disk.
    drop(place);
}

#[test]
fn l02_what_clients_were_told_survives_the_loss_of_power() {
    let mut disk = LoopDisk::new(256);
    let place = Place::vacant().on(&disk.path());
    place.init();
    let server = place.serve();
    lengthen(&server);
    assert!(server.stop().success());
    let mut believers = believers();
    for round in 0..rounds(3, 50) {
        let server = place.serve();
        let long = found(&server.admin()).into_iter().filter(|(_, name)| name.starts_with("long")).count();
        assert_eq!(long, 160, "round {round}");
        let (admin, acknowledged) = (server.admin(), AtomicU64::new(0));
        let enough = 10 + u64::from(draw::<1>(&SystemRandom)[0]) / 2;
        thread::scope(|scope| {
            for believer in &mut believers {
                let (admin, acknowledged) = (&admin, &acknowledged);
                scope.spawn(move || believer.work(admin, &SystemRandom, acknowledged));
            }
            wait_for("load", || (acknowledged.load(Ordering::Relaxed) >= enough).then_some(()));
            disk.cut_power();
        });
        server.kill();
        disk.boot();
        let size = place.verified();
        let server = place.serve();
        let there = found(&server.admin());
        let survived = believers
            .iter_mut()
            .filter_map(|believer| believer.check(&server.admin(), &there).then_some(()))
            .count();
        println!(
            "round {round}: {} acknowledged, {size} events, {survived} in flight had survived",
            acknowledged.load(Ordering::Relaxed)
        );
        assert!(server.stop().success());
    }
    drop(place);
}

#[test]
fn l02_a_control_whose_synchronisations_do_nothing_loses_what_clients_were_told() {
    let mut disk = LoopDisk::new(128);
    let place = Place::vacant().on(&disk.path());
    place.init();
    let server = place.serve();
    lengthen(&server);
    // Each answers that it was done, as a disk does that lies.
    let rules = ["-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:retval=0"];
    let tracer = Tracer::upon(&server, place.path(), &rules);
    for number in 0..20 {
        let answer = create_long(&server.admin(), &format!("told {number}")).expect("is answered");
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    disk.cut_power();
    server.kill();
    drop(tracer);
    disk.boot();
    // Either the witness outlived the events it knows of, or it went with them and what is left is a true, older book.
    let verified = place.command("verify").output().expect("starts");
    let left = if verified.status.success() {
        let server = place.serve();
        let there = found(&server.admin());
        there.values().filter(|name| name.starts_with("told")).count()
    } else {
        0
    };
    println!("{left} of 20 left: {}", String::from_utf8_lossy(&verified.stdout));
    assert!(left < 20, "all outlived a power cut without a synchronisation: this shows nothing");
    drop(place);
}
