//! Who could do what, when, and by which events: a fold of the histories of a user, of his roles and of a tenant.
//!
//! The fold is that of the projections, the rules are those of [`Principal`], so that what is told of the past is what the
//! server would have answered then. What passes by itself is left out: a lock, an expired password, an address.

use events::{
    envelope::{Actor, Envelope, Header, Stream},
    event::EventType,
    id::{CommandId, PermissionId, RoleId, SYSTEM_TENANT, Sequence, TenantId, UserId},
    time::Timestamp,
    user::UserStatus,
};
use projections::State;

use super::{
    permission::{self, ADMINISTRATOR, Category},
    principal::Principal,
};

/// What is asked: could `user` do what `permission` stands for in `tenant`?
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Who.
    pub user: UserId,
    /// What.
    pub permission: PermissionId,
    /// Where.
    pub tenant: TenantId,
    /// Only events of this tenant may be told.
    pub only: Option<TenantId>,
}

/// The answer, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether he could.
    pub could: bool,
    /// The user, at that moment.
    pub user: Whether,
    /// The tenant, at that moment.
    pub tenant: Whether,
    /// Where he lived; `None` when he was gone.
    pub home: Option<TenantId>,
    /// By what he held the permission, or 12, which implies it.
    pub held: Vec<Held>,
    /// How far what he held went into the tenant; `None` when it did not.
    pub reach: Option<Reach>,
    /// Each event after which the answer was another than before, oldest first.
    pub changes: Vec<Change>,
    /// The last event that was looked at.
    pub last: Option<Place>,
}

/// Whether somebody or something was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whether {
    /// There; of a user: and active.
    There,
    /// There, but may not log in.
    Inactive,
    /// Deleted.
    Gone,
}

/// A permission that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The one that was asked for, or 12.
    pub permission: PermissionId,
    /// By which role and what that was called; `None`: beside his roles.
    pub role: Option<(RoleId, String)>,
}

/// Why a permission went as far as a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// 12 goes everywhere.
    Administrator,
    /// It is where he lived.
    OwnTenant,
    /// He had administrative access on it.
    AdministrativeAccess,
    /// By acting for its users: he had administrative access on it, 11 and 21.
    OnBehalf,
    /// What is the whole installation's goes out from the system tenant, where he lived.
    SystemTenant,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its place in the log.
    pub sequence: Sequence,
    /// When.
    pub recorded_at: Timestamp,
}

/// An event that gave or took access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether he could from then on.
    pub granted: bool,
    /// Where it stands.
    pub place: Place,
    /// What happened.
    pub kind: EventType,
    /// To what.
    pub stream: Stream,
    /// Who did it.
    pub actor: Actor,
    /// For whom.
    pub on_behalf_of: Option<UserId>,
}

/// How far `permission` goes for a user who lives and administers as `principal` does; whether he holds it is another
/// question, except where one permission is nothing without another.
pub fn reach(principal: &Principal, permission: PermissionId, tenant: TenantId) -> Option<Reach> {
    let own = || (principal.tenant == tenant).then_some(Reach::OwnTenant);
    let administered =
        || principal.administered().any(|one| one == tenant).then_some(Reach::AdministrativeAccess);
    let category = permission::by_id(permission).map(|row| row.category);
    match permission {
        // In a child tenant not even 12 goes further (hdp-api 9.22).
        permission::AUDIT if principal.tenant != SYSTEM_TENANT => own(),
        permission::OPERATE if principal.tenant != SYSTEM_TENANT => None,
        permission::AUDIT | permission::OPERATE => own().or(Some(Reach::SystemTenant)),
        _ if principal.is_administrator() => Some(Reach::Administrator),
        permission::OAUTH if principal.may_administer_oauth_apps_of(tenant) => {
            own().or(Some(Reach::AdministrativeAccess))
        }
        permission::OAUTH => None,
        _ if category == Some(Category::User) => own().or_else(|| {
            let elsewhere = works_on_behalf(permission)
                && principal.tenant == SYSTEM_TENANT
                && principal.may(permission::MGMT_API)
                && principal.may(permission::ON_BEHALF_OF);
            administered().filter(|_| elsewhere).map(|_| Reach::OnBehalf)
        }),
        _ => administered(),
    }
}

/// Whether operations that ask for it can be asked for on behalf of another (hdp-api 1.7).
fn works_on_behalf(permission: PermissionId) -> bool {
    matches!(
        permission,
        permission::CREATE_DATA_SOURCE
            | permission::VIEW_DATA_SOURCE
            | permission::MODIFY_DATA_SOURCE
            | permission::DELETE_DATA_SOURCE
            | permission::MGMT_API
    )
}

/// Whether `state` lets the user do it.
pub fn could(state: &State<'_>, user: UserId, permission: PermissionId, tenant: TenantId) -> bool {
    let active = state.users.rows.get(&user).is_some_and(|row| row.status == UserStatus::Active);
    let there = active && state.tenants.rows.get(&tenant).is_some();
    let principal = Principal::of(state, user).filter(|_| there);
    principal
        .is_some_and(|principal| principal.may(permission) && reach(&principal, permission, tenant).is_some())
}

/// Folds the events of the user's stream, of every role he held and of the tenant's, all of them up to the moment that is
/// asked about and in the order of the log.
pub fn access<E>(
    question: Question,
    events: impl IntoIterator<Item = Result<Envelope, E>>,
) -> Result<Access, E> {
    let mut trail = Trail::new(question);
    for envelope in events {
        trail.take(&envelope?);
    }
    Ok(trail.end())
}

struct Trail {
    question: Question,
    state: State<'static>,
    /// The answer after the last event.
    now: bool,
    /// The answer that the changes tell.
    told: bool,
    command: Option<CommandId>,
    /// The event of the command under way that its change will be told by, and whether the answer turned at it.
    telling: Option<(Change, bool)>,
    changes: Vec<Change>,
    last: Option<Place>,
}

impl Trail {
    fn new(question: Question) -> Self {
        Self {
            question,
            state: State::default(),
            now: false,
            told: false,
            command: None,
            telling: None,
            changes: Vec::new(),
            last: None,
        }
    }

    fn take(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        if self.command != Some(header.command_id) {
            self.command_ends();
            self.command = Some(header.command_id);
        }
        self.state.apply(envelope);
        let Question { user, permission, tenant, only } = self.question;
        let now = could(&self.state, user, permission, tenant);
        let turned = now != self.now;
        self.now = now;
        if only.is_some_and(|only| only != header.tenant) {
            return;
        }
        self.last = Some(Place { sequence: header.sequence, recorded_at: header.recorded_at });
        if turned || self.telling.as_ref().is_none_or(|(_, turned)| !turned) {
            self.telling = Some((change(now, header, envelope.event.kind().0), turned));
        }
    }

    /// No server ever showed what was between two events of a command, so a command changes the answer once or not at all.
    fn command_ends(&mut self) {
        let Some((change, _)) = self.telling.take() else { return };
        if self.now != self.told {
            self.told = self.now;
            self.changes.push(Change { granted: self.now, ..change });
        }
    }

    fn end(mut self) -> Access {
        self.command_ends();
        let Question { user, permission, tenant, .. } = self.question;
        let row = self.state.users.rows.get(&user);
        let principal = Principal::of(&self.state, user);
        Access {
            could: self.now,
            user: match row.map(|row| row.status) {
                None => Whether::Gone,
                Some(UserStatus::Inactive) => Whether::Inactive,
                Some(UserStatus::Active) => Whether::There,
            },
            tenant: match self.state.tenants.rows.get(&tenant) {
                None => Whether::Gone,
                Some(_) => Whether::There,
            },
            home: row.map(|row| row.tenant),
            held: self.held(user, permission),
            reach: principal.and_then(|principal| reach(&principal, permission, tenant)),
            changes: self.changes,
            last: self.last,
        }
    }

    fn held(&self, user: UserId, permission: PermissionId) -> Vec<Held> {
        let Some(row) = self.state.users.rows.get(&user) else { return Vec::new() };
        let mut held = Vec::new();
        let asked = [permission, ADMINISTRATOR];
        let asked = if permission == ADMINISTRATOR { &asked[..1] } else { &asked };
        for permission in asked {
            let roles = row.roles.iter().filter_map(|id| Some((*id, self.state.roles.rows.get(id)?)));
            let roles = roles.filter(|(_, role)| role.permissions.has(permission));
            held.extend(
                roles.map(|(id, role)| Held { permission: *permission, role: Some((id, role.name.clone())) }),
            );
            if row.permissions.has(permission) {
                held.push(Held { permission: *permission, role: None });
            }
        }
        held
    }
}

fn change(granted: bool, header: &Header, kind: EventType) -> Change {
    Change {
        granted,
        place: Place { sequence: header.sequence, recorded_at: header.recorded_at },
        kind,
        stream: header.stream,
        actor: header.actor,
        on_behalf_of: header.on_behalf_of,
    }
}

#[cfg(test)]
mod tests;
