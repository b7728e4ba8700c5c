//! Histories, told and random, over three tenants: 1 System, 2 A, 3 B; roles 1 and 2 of the system, 3 of A, 4 of B.

use std::collections::BTreeSet;
use std::convert::Infallible;

use events::{
    chain::ChainHash,
    envelope::StreamKind,
    event::Event,
    id::{Epoch, LedgerId},
    role::{RoleCreated, RoleDeleted, RoleUpdated},
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
    tenant::{TenantAdministratorsChanged, TenantCreated, TenantDeleted, TenantStatus},
    user::{UserCreated, UserDeleted, UserMoved, UserRolesSet, UserStatusSet},
};
use proptest::prelude::*;

use super::*;
use crate::auth::permission::{AUDIT, CATALOGUE, CREATE_USERS, MGMT_API, OAUTH, ON_BEHALF_OF, OPERATE};

const SYSTEM: TenantId = SYSTEM_TENANT;
const A: TenantId = TenantId(2);
const B: TenantId = TenantId(3);
const ADA: UserId = UserId(3);

const fn tenant(id: TenantId) -> Stream {
    Stream::new(StreamKind::TENANT, id.0)
}

const fn role(id: u64) -> Stream {
    Stream::new(StreamKind::ROLE, id)
}

const fn user(id: UserId) -> Stream {
    Stream::new(StreamKind::USER, id.0)
}

fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> SortedVec<T> {
    items.into_iter().collect()
}

fn permissions(ids: &[u16]) -> SortedVec<PermissionId> {
    set(ids.iter().copied().map(PermissionId))
}

fn sealed() -> Sealed {
    Sealed { key_id: KeyId([7; 32]), nonce: [0; 12], ciphertext: vec![0; 16] }
}

fn made(roles: &[u64], beside: &[u16]) -> UserCreated {
    UserCreated {
        name: sealed(),
        status: UserStatus::Active,
        password: None,
        roles: set(roles.iter().copied().map(RoleId)),
        permissions: permissions(beside),
    }
}

fn holds(roles: &[u64], beside: &[u16]) -> UserRolesSet {
    UserRolesSet { roles: set(roles.iter().copied().map(RoleId)), permissions: permissions(beside) }
}

fn updated(ids: &[u16]) -> RoleUpdated {
    RoleUpdated { name: "renamed".to_owned(), description: None, permissions: permissions(ids) }
}

fn administered(added: &[UserId], removed: &[UserId]) -> TenantAdministratorsChanged {
    TenantAdministratorsChanged { added: set(added.iter().copied()), removed: set(removed.iter().copied()) }
}

/// A log, and what it adds up to.
struct Book {
    events: Vec<Envelope>,
    state: State<'static>,
    commands: u8,
}

impl Book {
    /// Three tenants and a role of each; nobody yet.
    fn new() -> Self {
        let mut book = Self { events: Vec::new(), state: State::default(), commands: 0 };
        for (id, name) in [(SYSTEM, "System"), (A, "A"), (B, "B")] {
            let created = TenantCreated {
                name: name.to_owned(),
                key_id: KeyId([7; 32]),
                description: None,
                parent: (id != SYSTEM).then_some(SYSTEM),
                status: TenantStatus::Active,
                administrators: set([]),
            };
            book.record(id, tenant(id), created);
        }
        for (id, of, ids) in
            [(1, SYSTEM, &[12][..]), (2, SYSTEM, &[1, 11]), (3, A, &[1, 13]), (4, B, &[1, 13])]
        {
            let created = RoleCreated {
                name: format!("role {id}"),
                key_id: KeyId([7; 32]),
                description: None,
                permissions: permissions(ids),
            };
            book.record(of, role(id), created);
        }
        book
    }

    fn record(&mut self, of: TenantId, stream: Stream, event: impl Into<Event>) -> u64 {
        self.command(vec![(of, stream, event.into())])
    }

    /// Records the events of one command; answers with the sequence of the last.
    fn command(&mut self, facts: Vec<(TenantId, Stream, Event)>) -> u64 {
        self.commands += 1;
        let count = u32::try_from(facts.len()).expect("few");
        for (index, (of, stream, event)) in facts.into_iter().enumerate() {
            let sequence = Sequence(self.events.len() as u64);
            let before = self.state.streams.heads.get(&stream).copied();
            let header = Header {
                ledger_id: LedgerId([0; 16]),
                epoch: Epoch(1),
                sequence,
                recorded_at: Timestamp(i64::try_from(sequence.0).expect("few")),
                tenant: of,
                stream,
                stream_version: before.map_or(0, |head| head.version + 1),
                stream_previous: before.map(|head| head.sequence),
                actor: Actor::User(UserId(1)),
                command_id: CommandId([self.commands; 16]),
                command_index: u32::try_from(index).expect("few"),
                command_count: count,
                previous_hash: ChainHash::ZERO,
                on_behalf_of: None,
                idempotency: None,
                origin: None,
            };
            let envelope = Envelope { header, event };
            self.state.apply(&envelope);
            self.events.push(envelope);
        }
        self.events.len() as u64 - 1
    }

    /// The answer by the streams that the question is about, up to `until`.
    fn ask(&self, question: Question, until: usize) -> Access {
        let own = user(question.user);
        let events = &self.events[..until];
        let mut streams = BTreeSet::from([own, tenant(question.tenant)]);
        for envelope in events.iter().filter(|envelope| envelope.header.stream == own) {
            let held = match &envelope.event {
                Event::UserCreated(created) => &created.roles,
                Event::UserRolesSet(set) => &set.roles,
                _ => continue,
            };
            if question.only.is_none_or(|only| only == envelope.header.tenant) {
                streams.extend(held.iter().map(|id| role(id.0)));
            }
        }
        let merged = events.iter().filter(|envelope| streams.contains(&envelope.header.stream));
        access(question, merged.cloned().map(Ok::<_, Infallible>)).expect("nothing to fail")
    }

    fn answer(&self, user: UserId, permission: PermissionId, tenant: TenantId) -> Access {
        self.ask(Question { user, permission, tenant, only: None }, self.events.len())
    }
}

/// The changes as sequence and effect.
fn told(access: &Access) -> Vec<(u64, bool)> {
    access.changes.iter().map(|change| (change.place.sequence.0, change.granted)).collect()
}

#[test]
fn each_event_that_gives_or_takes_access_is_told() {
    let mut book = Book::new();
    let by_role = book.record(A, user(ADA), made(&[3], &[]));
    assert!(!book.answer(ADA, CREATE_USERS, A).could, "13 needs administrative access too");
    let access = book.record(A, tenant(A), administered(&[ADA], &[]));
    book.record(A, tenant(A), administered(&[UserId(9)], &[]));
    let changed = book.record(A, role(3), updated(&[1]));
    book.record(A, role(3), updated(&[1, 12]));
    let again = book.events.len() as u64 - 1;
    let directly = book.record(A, user(ADA), holds(&[3], &[13]));
    let inactive = book.record(A, user(ADA), UserStatusSet { status: UserStatus::Inactive });
    let active = book.record(A, user(ADA), UserStatusSet { status: UserStatus::Active });
    let deleted = book.record(A, user(ADA), UserDeleted { key_id: KeyId([7; 32]) });
    let answer = book.answer(ADA, CREATE_USERS, A);
    let expected = [
        (access, true),
        (changed, false),
        (again, true),
        (inactive, false),
        (active, true),
        (deleted, false),
    ];
    assert_eq!(told(&answer), expected);
    assert_eq!((answer.could, answer.user, answer.tenant), (false, Whether::Gone, Whether::There));
    assert_eq!((answer.home, answer.held, answer.reach), (None, vec![], None));
    assert_eq!(answer.last.map(|place| place.sequence.0), Some(deleted));
    // Own work needs no administrative access.
    let own = book.ask(
        Question { user: ADA, permission: PermissionId(1), tenant: A, only: None },
        usize::try_from(directly).expect("few") + 1,
    );
    assert_eq!(told(&own), [(by_role, true)]);
    let held: Vec<_> = own.held.iter().map(|held| (held.permission.0, held.role.clone())).collect();
    let renamed = Some((RoleId(3), "renamed".to_owned()));
    assert_eq!(held, [(1, renamed.clone()), (12, renamed)]);
    assert_eq!((own.reach, own.home), (Some(Reach::Administrator), Some(A)));
}

#[test]
fn between_two_events_of_a_command_nobody_could_anything() {
    let mut book = Book::new();
    book.record(SYSTEM, user(ADA), made(&[2], &[]));
    let moved = (A, user(ADA), UserMoved { from: SYSTEM }.into());
    let before = book.events.len();
    book.command(vec![moved, (A, user(ADA), holds(&[3], &[]).into())]);
    // Where 1 goes moved with him, and in each tenant one event says so.
    let there = |of| told(&book.answer(ADA, PermissionId(1), of));
    assert_eq!(there(A), [(before as u64, true)]);
    assert_eq!(there(SYSTEM), [(before as u64 - 1, true), (before as u64, false)]);
    // He held 11 between the events by a role that he was losing.
    let question = Question { user: ADA, permission: MGMT_API, tenant: A, only: None };
    assert_eq!(told(&book.ask(question, book.events.len())), []);
    // Who asks for just that moment is told what the log says of it.
    assert!(book.ask(question, before + 1).could);
}

#[test]
fn an_auditor_of_a_tenant_is_told_by_its_events_only() {
    let mut book = Book::new();
    book.record(B, user(ADA), made(&[4], &[12]));
    book.record(B, role(4), updated(&[1, 13, 101]));
    let moved = (A, user(ADA), UserMoved { from: B }.into());
    let came = book.command(vec![moved, (A, user(ADA), holds(&[3], &[12]).into())]);
    book.record(B, role(4), updated(&[1]));
    let left = book.record(A, user(ADA), holds(&[3], &[]));
    let question = |only| Question { user: ADA, permission: CREATE_USERS, tenant: A, only };
    let all = book.ask(question(None), book.events.len());
    let seen = book.ask(question(Some(A)), book.events.len());
    assert_eq!(told(&all), [(7, true), (left, false)], "12 goes from B into A");
    assert_eq!(told(&seen), [(came, true), (left, false)]);
    assert_eq!(seen.last.map(|place| place.sequence.0), Some(left));
}

#[test]
fn how_far_a_permission_goes_is_as_decided() {
    use Reach::{AdministrativeAccess, Administrator, OnBehalf, OwnTenant, SystemTenant};

    let who = |home, held: &[PermissionId], access: &[TenantId]| {
        Principal::new(ADA, home, held.iter().copied(), access.iter().copied())
    };
    let delegate = who(SYSTEM, &[MGMT_API, ON_BEHALF_OF, OAUTH], &[A]);
    let inside = who(A, &[MGMT_API, ON_BEHALF_OF, OAUTH], &[A]);
    let plain = who(A, &[], &[]);
    let all = who(SYSTEM, &[ADMINISTRATOR], &[]);
    let all_of_a = who(A, &[ADMINISTRATOR], &[]);
    let (view, jdbc) = (PermissionId(2), PermissionId(5));
    // (who, what, how far into: the system tenant, A, B)
    let table = [
        (&delegate, view, [Some(OwnTenant), Some(OnBehalf), None]),
        (&delegate, jdbc, [Some(OwnTenant), None, None]),
        (&delegate, CREATE_USERS, [None, Some(AdministrativeAccess), None]),
        (&delegate, OAUTH, [Some(OwnTenant), Some(AdministrativeAccess), None]),
        (&delegate, AUDIT, [Some(OwnTenant), Some(SystemTenant), Some(SystemTenant)]),
        (&delegate, OPERATE, [Some(OwnTenant), Some(SystemTenant), Some(SystemTenant)]),
        (&inside, view, [None, Some(OwnTenant), None]),
        (&inside, CREATE_USERS, [None, Some(AdministrativeAccess), None]),
        (&inside, OAUTH, [None, Some(OwnTenant), None]),
        (&inside, AUDIT, [None, Some(OwnTenant), None]),
        (&inside, OPERATE, [None, None, None]),
        (&plain, view, [None, Some(OwnTenant), None]),
        (&plain, OAUTH, [None, None, None]),
        (&plain, CREATE_USERS, [None, None, None]),
        (&all, jdbc, [Some(Administrator); 3]),
        (&all, OPERATE, [Some(OwnTenant), Some(SystemTenant), Some(SystemTenant)]),
        (&all_of_a, CREATE_USERS, [Some(Administrator); 3]),
        (&all_of_a, AUDIT, [None, Some(OwnTenant), None]),
        (&all_of_a, OPERATE, [None, None, None]),
    ];
    for (row, (principal, permission, expected)) in table.iter().enumerate() {
        let actual = [SYSTEM, A, B].map(|tenant| reach(principal, *permission, tenant));
        assert_eq!(actual, *expected, "row {row}");
    }
}

/// What somebody does; numbers name users, roles and tenants, taken round.
#[derive(Clone, Debug)]
enum Step {
    Create(u64, Vec<u64>, Vec<usize>),
    Grant(u64, Vec<u64>, Vec<usize>),
    Activate(u64, bool),
    Move(u64, u64),
    Delete(u64),
    ChangeRole(u64, Vec<usize>),
    DeleteRole(u64),
    Administer(u64, u64, bool),
    DeleteTenant(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 1..5_u64;
    let roles = prop::collection::vec(1..5_u64, 1..3);
    let held = prop::collection::vec(0..CATALOGUE.len(), 0..5);
    prop_oneof![
        4 => (who.clone(), roles.clone(), held.clone()).prop_map(|(who, roles, held)| Step::Create(who, roles, held)),
        4 => (who.clone(), roles, held.clone()).prop_map(|(who, roles, held)| Step::Grant(who, roles, held)),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, active)| Step::Activate(who, active)),
        2 => (who.clone(), 1..4_u64).prop_map(|(who, to)| Step::Move(who, to)),
        1 => who.clone().prop_map(Step::Delete),
        4 => (1..5_u64, held).prop_map(|(role, held)| Step::ChangeRole(role, held)),
        1 => (1..5_u64).prop_map(Step::DeleteRole),
        4 => (1..4_u64, who, any::<bool>()).prop_map(|(tenant, who, on)| Step::Administer(tenant, who, on)),
        1 => (2..4_u64).prop_map(Step::DeleteTenant),
    ]
}

impl Book {
    /// The roles among `wanted` that are of this tenant.
    fn roles_of(&self, of: TenantId, wanted: &[u64]) -> Vec<u64> {
        let is_his = |id: &&u64| self.state.roles.rows.get(&RoleId(**id)).is_some_and(|row| row.tenant == of);
        wanted.iter().filter(is_his).copied().collect()
    }

    /// Records what the step comes to; nothing when it makes no sense here.
    fn take(&mut self, step: &Step) {
        let held = |places: &[usize]| places.iter().map(|place| CATALOGUE[*place].id.0).collect::<Vec<_>>();
        let home = |book: &Self, who: &u64| book.state.users.rows.get(&UserId(*who)).map(|row| row.tenant);
        match step {
            Step::Create(who, roles, beside) => {
                let home = TenantId(who % 3 + 1);
                // An id is given once.
                let was = self.state.streams.heads.get(&user(UserId(*who))).is_some();
                if !was && self.state.tenants.rows.get(&home).is_some() {
                    let roles = self.roles_of(home, roles);
                    self.record(home, user(UserId(*who)), made(&roles, &held(beside)));
                }
            }
            Step::Grant(who, roles, beside) => {
                let Some(home) = home(self, who) else { return };
                let roles = self.roles_of(home, roles);
                self.record(home, user(UserId(*who)), holds(&roles, &held(beside)));
            }
            Step::Activate(who, active) => {
                let Some(home) = home(self, who) else { return };
                let status = if *active { UserStatus::Active } else { UserStatus::Inactive };
                self.record(home, user(UserId(*who)), UserStatusSet { status });
            }
            Step::Move(who, to) => {
                let (Some(from), to) = (home(self, who), TenantId(*to)) else { return };
                if from == to || self.state.tenants.rows.get(&to).is_none() {
                    return;
                }
                let stream = user(UserId(*who));
                let roles = self.roles_of(to, &[1, 2, 3, 4]);
                let beside = self.state.users.rows.get(&UserId(*who)).map(|row| row.permissions.clone());
                let set = UserRolesSet {
                    roles: set(roles.into_iter().map(RoleId)),
                    permissions: beside.unwrap_or_default(),
                };
                self.command(vec![(to, stream, UserMoved { from }.into()), (to, stream, set.into())]);
            }
            Step::Delete(who) => {
                let Some(home) = home(self, who) else { return };
                let access: Vec<TenantId> = self.state.tenants.administered_by(UserId(*who)).collect();
                let mut facts: Vec<(TenantId, Stream, Event)> = access
                    .into_iter()
                    .map(|id| (id, tenant(id), administered(&[], &[UserId(*who)]).into()))
                    .collect();
                facts.push((home, user(UserId(*who)), UserDeleted { key_id: KeyId([7; 32]) }.into()));
                self.command(facts);
            }
            Step::ChangeRole(id, ids) => {
                let Some(of) = self.state.roles.rows.get(&RoleId(*id)).map(|row| row.tenant) else { return };
                self.record(of, role(*id), updated(&held(ids)));
            }
            Step::DeleteRole(id) => {
                let Some(of) = self.state.roles.rows.get(&RoleId(*id)).map(|row| row.tenant) else { return };
                if self.state.users.of_role(RoleId(*id), UserId(0)).next().is_none() {
                    self.record(of, role(*id), RoleDeleted {});
                }
            }
            Step::Administer(id, who, on) => {
                if self.state.tenants.rows.get(&TenantId(*id)).is_some() && home(self, who).is_some() {
                    let (one, none) = (&[UserId(*who)][..], &[][..]);
                    let change = if *on { administered(one, none) } else { administered(none, one) };
                    self.record(TenantId(*id), tenant(TenantId(*id)), change);
                }
            }
            Step::DeleteTenant(id) => {
                let id = TenantId(*id);
                let empty = self.state.users.of_tenant(id, UserId(0)).next().is_none();
                if empty && self.state.tenants.rows.get(&id).is_some() {
                    self.record(id, tenant(id), TenantDeleted {});
                }
            }
        }
    }
}

/// What the server would say to him now, asked of the principal as its operations ask.
fn lets(state: &State<'_>, who: UserId, permission: PermissionId, tenant: TenantId) -> bool {
    let active = state.users.rows.get(&who).is_some_and(|row| row.status == UserStatus::Active);
    let Some(principal) = Principal::of(state, who).filter(|_| active) else { return false };
    if state.tenants.rows.get(&tenant).is_none() || !principal.may(permission) {
        return false;
    }
    match permission.0 {
        101 => principal.audits(tenant),
        102 => principal.tenant == SYSTEM,
        28 => principal.may_administer_oauth_apps_of(tenant),
        1..=11 => {
            let somebody = Principal::new(UserId(99), tenant, [], []);
            let for_others = [1, 2, 3, 4, 11].contains(&permission.0)
                && principal.may(MGMT_API)
                && principal.on_behalf_of(&somebody).is_some()
                && principal.tenant != tenant;
            principal.tenant == tenant || principal.is_administrator() || for_others
        }
        _ => principal.administers(tenant),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_of_the_past_is_what_the_rules_said_then(steps in prop::collection::vec(step(), 1..40)) {
        let mut book = Book::new();
        let mut moments = Vec::new();
        for step in &steps {
            let before = book.events.len();
            book.take(step);
            if book.events.len() > before {
                let mut lets_whom = BTreeSet::new();
                for who in (1..5).map(UserId) {
                    for permission in CATALOGUE.iter().map(|row| row.id) {
                        lets_whom.extend([SYSTEM, A, B].into_iter()
                            .filter(|tenant| lets(&book.state, who, permission, *tenant))
                            .map(|tenant| (who, permission, tenant)));
                    }
                }
                moments.push((before, book.events.len(), lets_whom));
            }
        }
        for who in (1..5).map(UserId) {
            let home = book.events.iter().rfind(|event| event.header.stream == user(who));
            let home = home.map(|event| event.header.tenant);
            for permission in [1, 5, 11, 12, 13, 21, 25, 28, 101, 102].map(PermissionId) {
                for place in [SYSTEM, A, B] {
                    let question = Question { user: who, permission, tenant: place, only: None };
                    let answer = book.ask(question, book.events.len());
                    let mut changes = answer.changes.iter();
                    let mut before = false;
                    for (from, until, lets_whom) in &moments {
                        let now = lets_whom.contains(&(who, permission, place));
                        if now != before {
                            let change = changes.next().expect("a change of the answer is told");
                            prop_assert_eq!(change.granted, now);
                            let sequence = usize::try_from(change.place.sequence.0).expect("few");
                            prop_assert!((*from..*until).contains(&sequence));
                            let header = &book.events[sequence].header;
                            prop_assert_eq!(change.stream, header.stream);
                            prop_assert_eq!(change.kind, book.events[sequence].event.kind().0);
                        }
                        before = now;
                    }
                    prop_assert!(changes.next().is_none(), "told too much");
                    prop_assert_eq!(answer.could, before);
                    prop_assert_eq!(answer.could, answer.user == Whether::There
                        && answer.tenant == Whether::There && !answer.held.is_empty() && answer.reach.is_some());
                    if home == Some(place) {
                        let seen = book.ask(Question { only: home, ..question }, book.events.len());
                        prop_assert_eq!(seen.could, answer.could);
                        prop_assert_eq!(&seen.held, &answer.held);
                        let mut last = false;
                        for change in &seen.changes {
                            let sequence = usize::try_from(change.place.sequence.0).expect("few");
                            prop_assert_eq!(Some(book.events[sequence].header.tenant), home);
                            prop_assert!(change.granted != last, "granted and removed take turns");
                            last = change.granted;
                        }
                        prop_assert_eq!(last, seen.could);
                    }
                }
            }
        }
    }
}
