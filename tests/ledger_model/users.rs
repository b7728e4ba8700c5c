//! Wishes to change users (hdp-api 6.4), what the edge makes of them, and the comparison.

use authledger::{
    commands::{
        self,
        user::{
            UnlockUser,
            access::SetTenantsAdministered,
            delete::{Clients, DeleteUser},
            password::{ChangePassword, PasswordChange, SetUserPassword},
            update::{SetUserPermissions, SetUserStatus, UpdateUser},
        },
    },
    vault::{
        Vault,
        login::{LoginName, LoginTag},
    },
};
use events::{
    envelope::StreamKind,
    id::{PermissionId, RoleId, Sequence, TenantId, UserId},
    sealed::{Field, Sealed},
    sorted::SortedVec,
    user::{PasswordStatus, UserStatus},
};
use projections::{
    State,
    users::{Lock, User},
};
use proptest::{collection::vec, option, prelude::*};

use crate::{
    compare::same,
    model::{self, Model},
    requests::{Ask, if_match, login_name, sequences},
    rules::ADMINISTRATOR,
    steps::{Expected, Pick, Wish, expected, id, one_of, pick, rarely},
};

/// Numbers are for [`id_of`].
#[derive(Clone, Debug)]
pub(crate) enum UserWish {
    Put {
        user: u8,
        expected: Expected,
        name: u8,
        stale: bool,
        tenant: Option<u8>,
        active: bool,
        locked: Option<bool>,
        password: Option<PasswordWish>,
        held: Held,
        foreign_key: bool,
    },
    Status {
        user: u8,
        expected: Expected,
        active: bool,
        locked: Option<bool>,
    },
    Permissions {
        user: u8,
        expected: Expected,
        held: Held,
    },
    Password {
        user: u8,
        expected: Expected,
        password: PasswordWish,
        foreign_key: bool,
    },
    /// His own, as whoever asks; the number is another's whose password he knows, when he is wrong.
    Change {
        wrong: Option<u8>,
        foreign_key: bool,
        all_tokens: bool,
    },
    Tenants {
        user: u8,
        tenants: Vec<u8>,
    },
    Delete {
        user: u8,
        expected: Expected,
        stale: bool,
        clients: ClientsWish,
    },
    Unlock {
        user: u8,
    },
}

/// What is to become of a deleted user's client applications.
#[derive(Clone, Debug)]
pub(crate) enum ClientsWish {
    NothingSaid,
    End,
    GoTo(u8),
}

/// What is said of a password.
#[derive(Clone, Debug)]
pub(crate) struct PasswordWish {
    new: bool,
    says: Says,
}

#[derive(Clone, Debug)]
enum Says {
    /// What is so already.
    Stored,
    Other {
        temporary: bool,
        expires: Option<i32>,
    },
}

/// Roles and permissions for a user.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// `None` for those that he has.
    roles: Option<Vec<Pick>>,
    permissions: Option<Vec<u8>>,
}

/// Those that somebody may hold beside his roles, and some that nobody may.
pub(crate) fn permissions() -> impl Strategy<Value = Vec<u8>> {
    let one = prop_oneof![
        Just(11),
        Just(28),
        Just(12),
        Just(13),
        Just(21),
        Just(25),
        Just(15),
        1..30_u8,
        1..12_u8,
        28..31_u8,
        Just(101)
    ];
    vec(one, 0..4)
}

fn held() -> impl Strategy<Value = Held> {
    (option::weighted(0.35, vec(pick(), 0..3)), option::weighted(0.3, permissions()))
        .prop_map(|(roles, permissions)| Held { roles, permissions })
}

fn password() -> impl Strategy<Value = PasswordWish> {
    let other = (any::<bool>(), option::of(-10..2_000_000))
        .prop_map(|(temporary, expires)| Says::Other { temporary, expires });
    (any::<bool>(), prop_oneof![1 => Just(Says::Stored), 2 => other])
        .prop_map(|(new, says)| PasswordWish { new, says })
}

pub(crate) fn changes() -> BoxedStrategy<Wish> {
    let active = || prop_oneof![3 => Just(true), 1 => Just(false)];
    let locked = || prop_oneof![8 => Just(None), 4 => Just(Some(false)), 1 => Just(Some(true))];
    let whole = (active(), locked(), option::weighted(0.4, password()), held(), rarely());
    let puts = (id(), expected(), 0..7_u8, rarely(), option::weighted(0.4, id()), whole).prop_map(
        |(user, expected, name, stale, tenant, (active, locked, password, held, foreign_key))| {
            UserWish::Put { user, expected, name, stale, tenant, active, locked, password, held, foreign_key }
        },
    );
    let statuses = (id(), expected(), active(), locked())
        .prop_map(|(user, expected, active, locked)| UserWish::Status { user, expected, active, locked });
    let permissions = (id(), expected(), held()).prop_map(|(user, expected, held)| UserWish::Permissions {
        user,
        expected,
        held,
    });
    let passwords =
        (id(), expected(), password(), rarely()).prop_map(|(user, expected, password, foreign_key)| {
            UserWish::Password { user, expected, password, foreign_key }
        });
    let own = (option::weighted(0.2, id()), rarely(), any::<bool>())
        .prop_map(|(wrong, foreign_key, all_tokens)| UserWish::Change { wrong, foreign_key, all_tokens });
    let tenants = (id(), vec(prop_oneof![6 => 1..4_u8, 1 => id()], 0..3))
        .prop_map(|(user, tenants)| UserWish::Tenants { user, tenants });
    let deletes = (id(), expected(), rarely(), fates())
        .prop_map(|(user, expected, stale, clients)| UserWish::Delete { user, expected, stale, clients });
    let unlocks = id().prop_map(|user| UserWish::Unlock { user });
    prop_oneof![
        8 => puts,
        3 => statuses,
        3 => permissions,
        3 => passwords,
        2 => own,
        3 => tenants,
        2 => deletes,
        2 => unlocks,
    ]
    .prop_map(Wish::Change)
    .boxed()
}

/// What ends tokens: his status, his password, his leaving and his end, of one of the first users and by whoever may.
pub(crate) fn ends_of_users() -> BoxedStrategy<Wish> {
    let user = || prop_oneof![1 => Just(1_u8), 12 => 2..8_u8];
    let expected = Expected::Nothing;
    let held = || Held { roles: None, permissions: None };
    let status = (user(), prop_oneof![3 => Just(false), 4 => Just(true)]).prop_map({
        let expected = expected.clone();
        move |(user, active)| UserWish::Status { user, expected: expected.clone(), active, locked: None }
    });
    let passwords = user().prop_map({
        let expected = expected.clone();
        move |user| UserWish::Password {
            user,
            expected: expected.clone(),
            password: PasswordWish { new: true, says: Says::Stored },
            foreign_key: false,
        }
    });
    let moves = (user(), 1..3_u8).prop_map(move |(user, tenant)| UserWish::Put {
        user,
        expected: expected.clone(),
        name: 0,
        stale: false,
        tenant: Some(tenant),
        active: true,
        locked: None,
        password: None,
        held: held(),
        foreign_key: false,
    });
    let deletes = (user(), fates()).prop_map(|(user, clients)| UserWish::Delete {
        user,
        expected: Expected::Nothing,
        stale: false,
        clients,
    });
    prop_oneof![6 => status, 3 => passwords, 4 => moves, 3 => deletes].prop_map(Wish::Change).boxed()
}

/// He changes his own password.
pub(crate) fn own_passwords() -> BoxedStrategy<Wish> {
    let change = |all_tokens| UserWish::Change { wrong: None, foreign_key: false, all_tokens };
    prop_oneof![2 => Just(false), 1 => Just(true)].prop_map(change).prop_map(Wish::Change).boxed()
}

fn fates() -> impl Strategy<Value = ClientsWish> {
    prop_oneof![
        2 => Just(ClientsWish::NothingSaid), 1 => Just(ClientsWish::End), 3 => id().prop_map(ClientsWish::GoTo)
    ]
}

/// One of everything, on user 5, who owns nothing and moves to tenant 2 before he goes.
pub(crate) fn tour() -> Vec<Wish> {
    let (user, expected) = (5, Expected::Nothing);
    let password = || PasswordWish { new: true, says: Says::Stored };
    let held = || Held { roles: None, permissions: None };
    let put = UserWish::Put {
        user,
        expected: Expected::Current,
        name: 0,
        stale: false,
        tenant: Some(2),
        active: true,
        locked: None,
        password: None,
        held: held(),
        foreign_key: false,
    };
    let all = [
        UserWish::Status { user, expected: expected.clone(), active: false, locked: None },
        UserWish::Password { user, expected: expected.clone(), password: password(), foreign_key: false },
        UserWish::Permissions { user, expected: expected.clone(), held: held() },
        put,
        UserWish::Unlock { user },
        UserWish::Delete { user, expected, stale: false, clients: ClientsWish::NothingSaid },
    ];
    let lock = || Wish::Lock { user, secs: 60 };
    // That he may log in is said again, and changes nothing.
    let unlock = UserWish::Status { user, expected: Expected::Nothing, active: true, locked: Some(false) };
    [lock(), Wish::Change(unlock), lock()].into_iter().chain(all.map(Wish::Change)).collect()
}

/// What the edge does with it for `whom`, who asks.
pub(crate) fn edge(
    vault: &Vault,
    model: &Model,
    whom: Option<u64>,
    wish: &UserWish,
) -> (Ask, commands::Wish) {
    let user_id = |number: &u8| model.a_user(*number);
    let seen = |id: u64, expected: &Expected| {
        let expected = if_match(model.user(id).map(|row| row.changed), expected);
        sequences(expected.as_ref())
    };
    let wish = match wish {
        UserWish::Put {
            user,
            expected,
            name,
            stale,
            tenant,
            active,
            locked,
            password,
            held,
            foreign_key,
        } => {
            let user = user_id(user);
            let tenant = tenant.map(|number| model.a_tenant(number));
            let row = model.user(user);
            let lives = tenant.or(row.map(|row| row.tenant)).unwrap_or(1);
            let (roles, permissions) = wanted(model, row, lives, held);
            // Who renames nobody sends the name that he has.
            let name = if name % 2 == 0 { row.map(|row| row.login.clone()) } else { None }
                .unwrap_or_else(|| login_name(*name, *active));
            commands::Wish::UpdateUser(Box::new(UpdateUser {
                user: UserId(user),
                expected: seen(user, expected),
                name: sealed(vault, row, *foreign_key, Field::USER_NAME, &name),
                login_before: before(vault, row, *stale),
                login: tag(vault, &name),
                tenant: tenant.map(TenantId),
                status: status(*active),
                locked: *locked,
                password: password.as_ref().map(|wish| change(vault, model, row, wish, *foreign_key)),
                roles,
                permissions,
            }))
        }
        UserWish::Status { user, expected, active, locked } => {
            let user = user_id(user);
            let expected = seen(user, expected);
            let (status, locked) = (status(*active), *locked);
            commands::Wish::SetUserStatus(SetUserStatus { user: UserId(user), expected, status, locked })
        }
        UserWish::Permissions { user, expected, held } => {
            let user = user_id(user);
            let row = model.user(user);
            let (roles, permissions) = wanted(model, row, row.map_or(1, |row| row.tenant), held);
            let expected = seen(user, expected);
            let wish = SetUserPermissions { user: UserId(user), expected, roles, permissions };
            commands::Wish::SetUserPermissions(Box::new(wish))
        }
        UserWish::Password { user, expected, password, foreign_key } => {
            let user = user_id(user);
            let change = change(vault, model, model.user(user), password, *foreign_key);
            let wish = SetUserPassword { user: UserId(user), expected: seen(user, expected), change };
            commands::Wish::SetUserPassword(Box::new(wish))
        }
        UserWish::Change { wrong, foreign_key, all_tokens } => {
            let row = whom.and_then(|id| model.user(id));
            let hash = sealed(vault, row, *foreign_key, Field::PASSWORD_HASH, "$argon2id$");
            let known = wrong.as_ref().map_or(row, |wrong| model.user(user_id(wrong)));
            let known = known.and_then(|row| row.password.as_ref()).map(|password| password.hash.clone());
            let before = known.unwrap_or_else(|| hash.clone());
            commands::Wish::ChangePassword(Box::new(ChangePassword {
                before,
                hash,
                ends_all_tokens: *all_tokens,
            }))
        }
        UserWish::Tenants { user, tenants } => {
            let tenants = tenants.iter().map(|number| TenantId(model.a_tenant(*number))).collect();
            let user = UserId(user_id(user));
            commands::Wish::SetTenantsAdministered(SetTenantsAdministered { user, tenants })
        }
        UserWish::Delete { user, expected, stale, clients } => {
            let user = user_id(user);
            let login = before(vault, model.user(user), *stale);
            commands::Wish::DeleteUser(DeleteUser {
                user: UserId(user),
                expected: seen(user, expected),
                login,
                clients: match clients {
                    ClientsWish::NothingSaid => Clients::EndUnlessAllowed,
                    ClientsWish::End => Clients::End,
                    ClientsWish::GoTo(number) => Clients::GoTo(UserId(another(model, user, *number))),
                },
            })
        }
        UserWish::Unlock { user } => {
            let locked = model.users.iter().filter(|row| row.lock.is_some()).map(|row| row.id);
            let user = UserId(one_of(*user, locked, model.users_ever));
            commands::Wish::UnlockUser(UnlockUser { user })
        }
    };
    (Ask::Other(wish.clone()), wish)
}

/// Mostly one who lives where he does.
fn another(model: &Model, user: u64, number: u8) -> u64 {
    let tenant = model.user(user).map(|row| row.tenant);
    let near =
        |row: &&model::User| Some(row.tenant) == tenant && (row.id != user || number.is_multiple_of(9));
    one_of(number, model.users.iter().filter(near).map(|row| row.id), model.users_ever)
}

/// His end, and that of his client applications, or whose they are then.
pub(crate) fn deleted(user: u8, clients: ClientsWish) -> Wish {
    Wish::Change(UserWish::Delete { user, expected: Expected::Nothing, stale: false, clients })
}

fn status(active: bool) -> UserStatus {
    if active { UserStatus::Active } else { UserStatus::Inactive }
}

fn tag(vault: &Vault, name: &str) -> LoginTag {
    vault.login_tag(&LoginName::parse(name).expect("a good name"))
}

/// The entry of the name that he had when the edge looked.
fn before(vault: &Vault, row: Option<&model::User>, stale: bool) -> LoginTag {
    let name = row.filter(|_| !stale).map_or("nobody".to_owned(), |row| row.login.clone());
    tag(vault, &name)
}

/// A text under his key, or under another.
fn sealed(vault: &Vault, row: Option<&model::User>, foreign: bool, field: Field, text: &str) -> Sealed {
    let own = row.filter(|_| !foreign).map(|row| vault.data_key(&row.name.key_id).expect("a living key"));
    let key = own.unwrap_or_else(|| vault.new_data_key().key);
    vault.seal(&key, StreamKind::USER, field, text.as_bytes())
}

fn change(
    vault: &Vault,
    model: &Model,
    row: Option<&model::User>,
    wish: &PasswordWish,
    foreign_key: bool,
) -> PasswordChange {
    let hash = wish.new.then(|| sealed(vault, row, foreign_key, Field::PASSWORD_HASH, "$argon2id$"));
    let (status, expires_at) = match (&wish.says, row.and_then(|row| row.password.as_ref())) {
        (Says::Stored, Some(password)) => (password.status, password.expires_at),
        (Says::Stored, None) => (PasswordStatus::Active, None),
        (Says::Other { temporary, expires }, _) => (
            if *temporary { PasswordStatus::MustChange } else { PasswordStatus::Active },
            expires.map(|secs| model.now.saturating_add_secs(i64::from(secs))),
        ),
    };
    PasswordChange { hash, status, expires_at }
}

/// Roles and permissions for somebody who lives in `tenant`, or will.
fn wanted(
    model: &Model,
    row: Option<&model::User>,
    tenant: u64,
    held: &Held,
) -> (SortedVec<RoleId>, SortedVec<PermissionId>) {
    let there = model.roles.iter().filter(|role| role.tenant == tenant).map(|role| role.id);
    let there: Vec<u64> = there.collect();
    let roles = match (&held.roles, row) {
        (None, Some(row)) if row.tenant == tenant => row.roles.iter().copied().map(RoleId).collect(),
        // Who moves gets a role of the place he comes to.
        (None, Some(_)) => there.first().copied().map(RoleId).into_iter().collect(),
        (None, None) => [RoleId(2)].into_iter().collect(),
        (Some(picks), _) => picks.iter().map(|pick| RoleId(pick.of(&there, model.roles_ever))).collect(),
    };
    let permissions = match (&held.permissions, row) {
        (None, Some(row)) => row.permissions.iter().copied().map(PermissionId).collect(),
        (None, None) => SortedVec::default(),
        (Some(list), _) => list.iter().map(|id| PermissionId(u16::from(*id))).collect(),
    };
    (roles, permissions)
}

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    let users = &state.users;
    same!(users.rows.all().count(), model.users.len(), "number of users");
    same!(users.by_tenant.all().count(), model.users.len(), "number of users of tenants");
    for row in &model.users {
        let id = UserId(row.id);
        let expected = User {
            tenant: TenantId(row.tenant),
            name: row.name.clone(),
            status: row.status,
            password: row.password.clone(),
            lock: row.lock.map(|(at, until)| Lock { at, until }),
            roles: row.roles.iter().copied().map(RoleId).collect(),
            permissions: row.permissions.iter().copied().map(PermissionId).collect(),
            tokens_ended: row.tokens_ended.map(Sequence),
            password_tokens_ended: row.password_tokens_ended.map(Sequence),
            changed: Sequence(row.changed),
        };
        same!(users.rows.get(&id).map(|row| &**row), Some(&expected), "user {id}");
    }
    for tenant in 0..10 {
        for after in [0, 2] {
            let expected = model.users.iter().filter(|user| user.tenant == tenant && user.id > after);
            let expected: Vec<UserId> = expected.map(|user| UserId(user.id)).collect();
            let actual: Vec<UserId> = users.of_tenant(TenantId(tenant), UserId(after)).collect();
            same!(actual, expected, "users of tenant {tenant} after {after}");
        }
    }
    let able = |row: &model::User| row.status == UserStatus::Active && row.password.is_some();
    let held: usize = model.users.iter().map(|row| row.roles.len()).sum();
    same!(users.by_role.all().count(), held, "number of roles that users hold");
    for role in &model.roles {
        let id = RoleId(role.id);
        let holders = || model.users.iter().filter(|row| row.roles.contains(&role.id));
        for after in [0, 2] {
            let expected = holders().filter(|row| row.id > after).map(|row| UserId(row.id));
            let actual: Vec<UserId> = users.of_role(id, UserId(after)).collect();
            same!(actual, expected.collect::<Vec<_>>(), "holders of role {id} after {after}");
        }
        let expected = holders().filter(|row| able(row)).map(|row| UserId(row.id));
        let actual: Vec<UserId> = users.of_role_able(id).collect();
        same!(actual, expected.collect::<Vec<_>>(), "holders of role {id} who can log in");
        let changed = users.holders_changed.get(&id).map(|sequence| sequence.0);
        same!(changed, role.holders_changed, "when the holders of role {id} changed");
    }
    let lists = model.roles.iter().filter(|role| role.holders_changed.is_some()).count();
    same!(users.holders_changed.all().count(), lists, "number of lists of holders");
    let direct = model.users.iter().filter(|row| able(row) && row.permissions.contains(&ADMINISTRATOR));
    let direct: Vec<UserId> = direct.map(|row| UserId(row.id)).collect();
    let actual: Vec<UserId> = users.administrators.range(..).map(|(id, ())| *id).collect();
    same!(actual, direct, "who holds 12 beside his roles and can log in");
    // The one thing that must never happen (hdp-api 6.1, 9.23).
    same!(model.administrators().next().is_some(), true, "whether somebody can let people in");
    Ok(())
}
