//! Credentials against accounts in memory, a clock that is moved, and a count of Argon2's runs.

use std::collections::BTreeMap;

use events::id::LedgerId;
use parking_lot::Mutex;

use super::*;
use crate::{
    auth::hasher::HashCost,
    clock::{SeededRandom, SteppedClock},
    ledger::{
        memory::MemoryDisk,
        store::{Batch, Head, LogStore},
    },
    vault::{NewVault, PlainSecret, master::MasterKey},
};

const NOON: Timestamp = Timestamp(1_795_176_000_000_000);
const JANE: UserId = UserId(7);
const HOME: &str = "192.0.2.1";

#[derive(Default)]
struct Directory {
    logins: BTreeMap<LoginTag, UserId>,
    accounts: BTreeMap<UserId, Account>,
}

struct World {
    directory: Mutex<Directory>,
    clock: Arc<SteppedClock>,
    authenticator: Authenticator,
    lockout: LockoutPolicy,
}

impl Accounts for World {
    fn by_login(&self, tag: &LoginTag) -> Option<UserId> {
        self.directory.lock().logins.get(tag).copied()
    }

    fn account(&self, user: UserId) -> Option<Account> {
        self.directory.lock().accounts.get(&user).cloned()
    }

    fn lockout(&self) -> LockoutPolicy {
        self.lockout
    }
}

/// A world in which Jane's password is `right`.
fn world_with(settings: &config::Auth, running: usize, waiting: usize) -> World {
    let random = Arc::new(SeededRandom::new(1));
    let mut store: Box<dyn LogStore> = Box::new(MemoryDisk::new().open());
    let master = MasterKey::generate(&*random);
    let NewVault { vault, mut changes, .. } =
        Vault::create(&master, LedgerId([1; 16]), store.keys(), random.clone()).expect("created");
    let hasher = PasswordHasher::new(HashCost::LEAST, running, waiting, random.clone());

    let key = vault.new_data_key();
    changes.push(key.change());
    store.append(&Head::EMPTY, &Batch { leaves: vec![], keys: changes }).expect("stored");
    let stored = hasher.hash_here(&"right".into());
    let hash = vault.seal(&key.key, StreamKind::USER, Field::PASSWORD_HASH, stored.expose().as_bytes());
    let account = Account {
        status: UserStatus::Active,
        password: Some(Password { hash, status: PasswordStatus::Active, expires_at: None }),
        locked_until: None,
        changed: Sequence(3),
    };
    let tag = vault.login_tag(&LoginName::parse("Jane").expect("valid"));
    let directory = Directory { logins: [(tag, JANE)].into(), accounts: [(JANE, account)].into() };

    let clock = Arc::new(SteppedClock::at(NOON));
    let authenticator =
        Authenticator::new(settings, Arc::new(vault), clock.clone(), Arc::new(hasher), &*random);
    let lockout =
        LockoutPolicy { limit: 3, interval: Duration::from_mins(15), period: Duration::from_mins(30) };
    World { directory: Mutex::new(directory), clock, authenticator, lockout }
}

fn settings() -> config::Auth {
    config::Auth { account_failures_per_minute: 10, address_failures_per_minute: 60 }
}

fn world() -> World {
    world_with(&settings(), 2, 64)
}

fn without_lock() -> World {
    let world = world();
    World { lockout: LockoutPolicy { limit: 0, ..world.lockout }, ..world }
}

fn credentials(name: &str, password: &str) -> BasicCredentials {
    BasicCredentials { name: PlainSecret::from(name), password: PlainSecret::from(password) }
}

impl World {
    async fn from(&self, address: &str, name: &str, password: &str) -> Result<UserId, AuthError> {
        let address = address.parse().expect("an address");
        self.authenticator
            .authenticate(self, &credentials(name, password), address, Purpose::Everything)
            .await
    }

    async fn login(&self, name: &str, password: &str) -> Result<UserId, AuthError> {
        self.from(HOME, name, password).await
    }

    /// As `login`, with the runs of Argon2 it took.
    async fn counted(&self, name: &str, password: &str) -> (Result<UserId, AuthError>, u64) {
        let before = self.authenticator.argon2_runs();
        let result = self.login(name, password).await;
        (result, self.authenticator.argon2_runs() - before)
    }

    /// An event changes Jane.
    fn change(&self, change: impl FnOnce(&mut Account)) {
        let mut directory = self.directory.lock();
        let account = directory.accounts.get_mut(&JANE).expect("Jane is there");
        account.changed = account.changed.next();
        change(account);
    }
}

fn is_wrong(result: &Result<UserId, AuthError>) -> bool {
    matches!(result, Err(AuthError::WrongCredentials { lock: None }))
}

#[tokio::test]
async fn the_right_password_is_verified_once_and_remembered() {
    let world = world();
    assert!(matches!(world.counted("Jane", "right").await, (Ok(JANE), 1)));
    assert!(matches!(world.counted("jANE", "right").await, (Ok(JANE), 0)), "names know no case");
    world.clock.advance(Duration::from_mins(15));
    assert!(matches!(world.counted("Jane", "right").await, (Ok(JANE), 1)), "not for ever");
}

#[tokio::test]
async fn a_remembered_password_never_lets_a_wrong_one_in() {
    let world = world();
    world.login("Jane", "right").await.expect("right");
    for wrong in ["wrong", "", "Right", "right "] {
        let (result, runs) = world.counted("Jane", wrong).await;
        assert!(matches!(result, Err(AuthError::WrongCredentials { .. })), "{wrong}: {result:?}");
        assert_eq!(runs, 1, "{wrong}");
        world.login("Jane", "right").await.expect("a success ends the row");
    }
}

#[tokio::test]
async fn any_change_of_the_user_drops_the_remembered_password() {
    let world = world();
    world.login("Jane", "right").await.expect("right");
    world.change(|_| ());
    assert!(matches!(world.counted("Jane", "right").await, (Ok(JANE), 1)));
}

#[tokio::test]
async fn l12_unknown_wrong_and_locked_get_the_same_answer_for_the_same_work() {
    let world = without_lock();
    let unknown = world.counted("nobody", "right").await;
    let wrong = world.counted("Jane", "wrong").await;
    world.change(|account| account.locked_until = Some(NOON.saturating_add_secs(60)));
    let locked = world.counted("Jane", "right").await;
    world.change(|account| {
        account.locked_until = None;
        account.password = None;
    });
    let without_password = world.counted("Jane", "right").await;
    let no_name = world.counted("a\u{202e}b", "right").await;
    for (case, (result, runs)) in [unknown, wrong, locked, without_password, no_name].iter().enumerate() {
        assert!(is_wrong(result), "case {case}: {result:?}");
        assert_eq!(*runs, 1, "case {case}");
        let Err(error) = result else { unreachable!("asserted above") };
        assert_eq!(error.to_string(), "wrong user name or password");
    }
}

#[tokio::test]
async fn l12_a_remembered_success_skips_neither_status_nor_lock_nor_expiry() {
    let world = world();
    let expires_at = Some(NOON.saturating_add_secs(60));
    world.change(|account| account.password.as_mut().expect("has one").expires_at = expires_at);
    world.login("Jane", "right").await.expect("right");
    world.clock.advance(Duration::from_mins(1));
    assert!(matches!(
        world.counted("Jane", "right").await,
        (Err(AuthError::PasswordExpired { user: JANE }), 0)
    ));

    // The row changes under the same sequence, as a state that is restored wrongly would do it: still judged.
    world.directory.lock().accounts.get_mut(&JANE).expect("Jane is there").status = UserStatus::Inactive;
    assert!(matches!(world.counted("Jane", "right").await, (Err(AuthError::Inactive { user: JANE }), 0)));
    let locked_until = Some(world.clock.now().saturating_add_secs(1));
    world.directory.lock().accounts.get_mut(&JANE).expect("Jane is there").locked_until = locked_until;
    let (result, runs) = world.counted("Jane", "right").await;
    assert!(is_wrong(&result) && runs == 1, "a lock comes first: {result:?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_account_is_told_after_the_right_password_only() {
    let world = without_lock();
    world.change(|account| account.status = UserStatus::Inactive);
    assert!(is_wrong(&world.login("Jane", "wrong").await));
    assert!(matches!(world.login("Jane", "right").await, Err(AuthError::Inactive { user: JANE })));
    world.change(|account| {
        account.status = UserStatus::Active;
        account.password.as_mut().expect("has one").status = PasswordStatus::MustChange;
    });
    assert!(is_wrong(&world.login("Jane", "wrong").await));
    assert!(matches!(world.login("Jane", "right").await, Err(AuthError::MustChangePassword { user: JANE })));
    world.change(|account| account.password.as_mut().expect("has one").expires_at = Some(NOON));
    assert!(matches!(world.login("Jane", "right").await, Err(AuthError::PasswordExpired { user: JANE })));
}

#[tokio::test]
async fn three_failures_in_a_row_lock_once_and_the_right_password_does_not_help() {
    let world = world();
    world.login("Jane", "right").await.expect("right, and remembered");
    assert!(is_wrong(&world.login("Jane", "wrong").await));
    assert!(is_wrong(&world.login("Jane", "wrong").await));
    let third = world.login("Jane", "wrong").await;
    let until = NOON.saturating_add_secs(1_800);
    assert!(matches!(third, Err(AuthError::WrongCredentials { lock: Some(lock) })
        if lock == LockAccount { user: JANE, until }));
    assert!(is_wrong(&world.login("Jane", "right").await), "locked before the event is durable");
    world.change(|account| account.locked_until = Some(until));
    assert!(is_wrong(&world.login("Jane", "right").await), "and after");
    assert!(is_wrong(&world.from("192.0.2.9", "Jane", "wrong").await), "one lock for each period");
    world.clock.advance(Duration::from_mins(30));
    assert_eq!(world.login("Jane", "right").await.expect("the lock is over"), JANE);
}

#[tokio::test]
async fn an_administrator_ends_a_lock_at_once() {
    let world = world();
    for _ in 0..3 {
        world.login("Jane", "wrong").await.expect_err("wrong");
    }
    world.change(|account| account.locked_until = Some(NOON.saturating_add_secs(1_800)));
    world.change(|account| account.locked_until = None);
    assert_eq!(world.login("Jane", "right").await.expect("unlocked"), JANE);
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_judged_three_times() {
    let world = Arc::new(world());
    let guesses: Vec<_> = (0..100)
        .map(|number| {
            let world = world.clone();
            // From many addresses, so that only the lock is in the way.
            let address = format!("198.51.100.{number}");
            let password = if number == 50 { "right".to_owned() } else { format!("guess {number}") };
            tokio::spawn(async move { world.from(&address, "Jane", &password).await })
        })
        .collect();
    let mut locks = 0;
    for guess in guesses {
        let result = guess.await.expect("ran");
        locks += usize::from(matches!(result, Err(AuthError::WrongCredentials { lock: Some(_) })));
        assert!(matches!(result, Err(AuthError::WrongCredentials { .. })), "{result:?}");
    }
    assert_eq!(locks, 1);
}

#[tokio::test]
async fn a_hundred_connections_of_one_client_cost_one_run() {
    let world = Arc::new(world());
    let before = world.authenticator.argon2_runs();
    let logins: Vec<_> = (0..100)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.login("Jane", "right").await })
        })
        .collect();
    for login in logins {
        assert_eq!(login.await.expect("ran").expect("right"), JANE);
    }
    assert_eq!(world.authenticator.argon2_runs() - before, 1);
}

#[tokio::test]
async fn guessing_is_throttled_alike_for_known_and_unknown_names() {
    for name in ["Jane", "nobody"] {
        let world = without_lock();
        for _ in 0..10 {
            assert!(is_wrong(&world.login(name, "wrong").await));
        }
        let (result, runs) = world.counted(name, "wrong").await;
        assert!(
            matches!(result, Err(AuthError::Throttled { retry_after }) if retry_after == Duration::from_secs(6)),
            "{result:?}"
        );
        assert_eq!(runs, 0, "a throttled attempt costs nothing");
        assert!(is_wrong(&world.from("192.0.2.2", name, "wrong").await), "another address is not in the way");
        assert!(is_wrong(&world.login("somebody", "wrong").await), "nor is another name");
        world.clock.advance(Duration::from_secs(6));
        assert!(is_wrong(&world.login(name, "wrong").await));
    }
}

#[tokio::test]
async fn an_address_that_tries_many_names_is_throttled() {
    let world = without_lock();
    for number in 0..60 {
        assert!(is_wrong(&world.login(&format!("user{number}"), "wrong").await));
    }
    assert!(matches!(world.login("user60", "wrong").await, Err(AuthError::Throttled { .. })));
    assert!(matches!(world.login("Jane", "right").await, Err(AuthError::Throttled { .. })));
    assert_eq!(world.from("192.0.2.2", "Jane", "right").await.expect("from elsewhere"), JANE);
    assert_eq!(world.login("Jane", "right").await.expect("remembered by now"), JANE);
}

#[tokio::test]
async fn a_full_queue_is_busy_and_counts_as_nothing() {
    // Nothing runs here at all, so the first attempt waits and the second finds no place.
    let world = Arc::new(world_with(&settings(), 0, 1));
    let waiting = tokio::spawn({
        let world = world.clone();
        async move { world.login("Jane", "right").await }
    });
    while world.authenticator.hasher.in_hand() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        assert!(matches!(world.login("nobody", "x").await, Err(AuthError::Busy)));
    }
    waiting.abort();
    assert_eq!(world.authenticator.argon2_runs(), 1, "only the hash that Jane began with");
}
