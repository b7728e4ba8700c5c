//! The ledger as a whole: its first command (system tenant, predefined roles, one administrator; hdp-api 9.24), and the
//! snapshots that were taken of it.

use events::{
    envelope::{Actor, Stream, StreamKind},
    id::{PermissionId, RoleId, SYSTEM_TENANT, UserId},
    ledger::{LedgerCreated, SnapshotTaken},
    role::RoleCreated,
    sealed::Sealed,
    sorted::SortedVec,
    tenant::{TenantCreated, TenantStatus},
    user::{Password, UserCreated, UserStatus},
};

use projections::State;

use super::{Cause, Decision, Fact, LoginChange, NewKey, Refusal, View, acting};
use crate::{
    auth::permission::{CATALOGUE, Category, OPERATE},
    vault::login::LoginTag,
};

/// Role 1: everything.
pub const SYSTEM_ADMINISTRATOR: RoleId = RoleId(1);
/// Role 2: everybody's own work.
pub const USER: RoleId = RoleId(2);
/// Role 3: own work and administration of tenants.
pub const TENANT_ADMINISTRATOR: RoleId = RoleId(3);

/// What concerns the ledger as a whole.
pub const LEDGER_STREAM: Stream = Stream::LEDGER;
const FIRST_USER: UserId = UserId(1);

/// Creates everything a ledger starts with.
#[derive(Clone, Debug)]
pub struct CreateLedger {
    /// Name and version of this program.
    pub software: String,
    /// Keys of the system tenant, of roles 1 to 3, and of the administrator.
    pub keys: [NewKey; 5],
    /// The administrator's name, sealed under the last of the keys.
    pub admin_name: Sealed,
    /// His entry of the login index.
    pub admin_login: LoginTag,
    /// His password.
    pub admin_password: Password,
}

/// A saved state, to be recorded.
#[derive(Clone, Debug)]
pub struct TakeSnapshot {
    /// What it is of, and its digest.
    pub taken: SnapshotTaken,
}

/// Whether `actor` may run the installation: whoever holds the machine, and users of the system tenant with 102. Another
/// tenant's user may not, whatever he holds: the installation is not his.
pub fn may_operate(state: &State<'_>, actor: Actor) -> Result<(), Refusal> {
    if actor == Actor::Operator {
        return Ok(());
    }
    let principal = acting(state, actor, None, &[OPERATE])?;
    if principal.tenant == SYSTEM_TENANT { Ok(()) } else { Err(Refusal::LacksPermission) }
}

fn role_permissions(role: RoleId) -> SortedVec<PermissionId> {
    let held = |category: Category| match role {
        SYSTEM_ADMINISTRATOR => true,
        TENANT_ADMINISTRATOR => category != Category::Elevated,
        _ => category == Category::User,
    };
    CATALOGUE.iter().filter(|permission| held(permission.category)).map(|permission| permission.id).collect()
}

pub(super) fn create(view: &View<'_>, wish: &CreateLedger) -> Result<Decision, Refusal> {
    if view.state.log.size() != 0 {
        // Only init sends this, and only to an empty log; a second one has nothing to prepare again.
        return Err(Refusal::LacksPermission);
    }
    let [tenant_key, role_keys @ .., user_key] = &wish.keys;
    let tenant = TenantCreated {
        name: "System".to_owned(),
        key_id: tenant_key.id,
        description: None,
        parent: None,
        status: TenantStatus::Active,
        administrators: [FIRST_USER].into_iter().collect(),
    };
    let mut facts = vec![
        Fact::new(SYSTEM_TENANT, LEDGER_STREAM, LedgerCreated { software: wish.software.clone() }),
        Fact::new(SYSTEM_TENANT, Stream::new(StreamKind::TENANT, SYSTEM_TENANT.0), tenant),
    ];
    let roles = [
        (SYSTEM_ADMINISTRATOR, "System Administrator"),
        (USER, "User"),
        (TENANT_ADMINISTRATOR, "Tenant Administrator"),
    ];
    for ((role, name), key) in roles.into_iter().zip(role_keys) {
        let created = RoleCreated {
            name: name.to_owned(),
            key_id: key.id,
            description: None,
            permissions: role_permissions(role),
        };
        facts.push(Fact::new(SYSTEM_TENANT, Stream::new(StreamKind::ROLE, role.0), created));
    }
    if wish.admin_name.key_id != user_key.id || wish.admin_password.hash.key_id != user_key.id {
        return Err(Refusal::Again);
    }
    let admin = UserCreated {
        name: wish.admin_name.clone(),
        status: UserStatus::Active,
        password: Some(wish.admin_password.clone()),
        roles: [SYSTEM_ADMINISTRATOR].into_iter().collect(),
        permissions: SortedVec::default(),
    };
    facts.push(Fact::new(SYSTEM_TENANT, Stream::new(StreamKind::USER, FIRST_USER.0), admin));
    Ok(Decision {
        facts,
        keys: wish.keys.iter().flat_map(|key| key.entries.iter().cloned()).collect(),
        logins: vec![LoginChange::Put(wish.admin_login, FIRST_USER)],
    })
}

/// Records `SnapshotTaken`. What the state is of must be history: the event speaks of events before it alone.
pub(super) fn take_snapshot(
    view: &View<'_>,
    cause: &Cause,
    wish: &TakeSnapshot,
) -> Result<Decision, Refusal> {
    may_operate(&view.state, cause.actor)?;
    if cause.on_behalf_of.is_some() {
        return Err(Refusal::Forbidden);
    }
    if wish.taken.size == 0 || wish.taken.size > view.state.log.size() {
        return Err(Refusal::Again);
    }
    let fact = Fact::new(SYSTEM_TENANT, LEDGER_STREAM, wish.taken.clone());
    Ok(Decision { facts: vec![fact], ..Decision::default() })
}
