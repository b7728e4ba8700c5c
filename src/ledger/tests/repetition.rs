use std::time::Duration;

use events::{envelope::Actor, id::UserId};

use super::{ADMIN, Memory, create_app};
use crate::{
    clock::Clock,
    commands::{Command, Refusal},
    ledger::live::{ExecuteError, Receipt},
    vault::{Vault, idempotency::IdempotentRequest},
};

fn keyed(memory: &Memory, vault: &Vault, actor: UserId, name: &str, key: &str) -> Command {
    let request = IdempotentRequest {
        actor: Actor::User(actor),
        token_of: None,
        method: "POST",
        path: "/api/mgmt/oauthapps",
        key,
        canonical_body: name.as_bytes(),
    };
    let mut command = memory.command(create_app(vault, name));
    command.cause.idempotency = Some(vault.request_tags(&request, memory.clock.now()));
    command
}

fn same(first: &Receipt, second: &Receipt) {
    assert_eq!(first, second, "the same answer can be made from it, request id and position included");
}

#[tokio::test]
async fn the_same_key_and_body_is_carried_out_once_also_after_a_restart_and_a_midnight() {
    let memory = Memory::create(10);
    let first = {
        let ledger = memory.start();
        let vault = ledger.vault();
        let command = || keyed(&memory, vault, ADMIN, "one", "key 1");
        // Both are waiting when the writer takes its batch, or one after the other: the outcome is the same.
        let (first, second) = tokio::join!(ledger.execute(command()), ledger.execute(command()));
        let (first, second) = (first.expect("carried out"), second.expect("answered again"));
        same(&first, &second);
        ledger.close().expect("closes in order");
        first
    };
    memory.clock.advance(Duration::from_hours(13));
    let ledger = memory.start();
    let again = ledger.execute(keyed(&memory, ledger.vault(), ADMIN, "one", "key 1")).await;
    same(&first, &again.expect("remembered over midnight"));
    assert_eq!(ledger.size(), first.last.0 + 1, "nothing was recorded again");
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused() {
    let memory = Memory::create(11);
    let ledger = memory.start();
    let vault = ledger.vault();
    ledger.execute(keyed(&memory, vault, ADMIN, "one", "key 1")).await.expect("carried out");
    let other = ledger.execute(keyed(&memory, vault, ADMIN, "two", "key 1")).await;
    assert!(matches!(other, Err(ExecuteError::Refused(Refusal::IdempotencyKeyReused))), "{other:?}");
}

#[tokio::test]
async fn a_refused_command_is_not_remembered() {
    let memory = Memory::create(12);
    let ledger = memory.start();
    let vault = ledger.vault();
    ledger.execute(memory.command(create_app(vault, "one"))).await.expect("the name is free");
    let refused = ledger.execute(keyed(&memory, vault, ADMIN, "one", "key 1")).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Refusal::Taken(_)))), "{refused:?}");
    ledger.execute(keyed(&memory, vault, ADMIN, "two", "key 1")).await.expect("the key is still free");
}

#[tokio::test]
async fn a_key_is_free_again_after_24_hours() {
    let memory = Memory::create(13);
    let ledger = memory.start();
    let vault = ledger.vault();
    let first = ledger.execute(keyed(&memory, vault, ADMIN, "one", "key 1")).await.expect("carried out");
    memory.clock.advance(Duration::from_hours(24));
    let later = ledger.execute(keyed(&memory, vault, ADMIN, "two", "key 1")).await.expect("forgotten by now");
    assert_ne!(first.last, later.last);
    let remembered = ledger.read(|view| view.state.idempotency.requests.all().count());
    assert_eq!(remembered, 1, "rows leave memory by the time of events");
}

#[tokio::test]
async fn who_may_not_ask_any_more_gets_no_earlier_answer() {
    let memory = Memory::create(14);
    let ledger = memory.start();
    let vault = ledger.vault();
    let nobody = UserId(99);
    ledger
        .execute(keyed(&memory, vault, nobody, "one", "key 1"))
        .await
        .expect("carried out by the administrator");
    let mut again = keyed(&memory, vault, nobody, "one", "key 1");
    again.cause.actor = Actor::User(nobody);
    let refused = ledger.execute(again).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Refusal::ActorGone))), "{refused:?}");
}
