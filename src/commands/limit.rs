//! Limits: values of their own at the levels of hdp-api 7.1, and which of them holds.

use std::time::Duration;

use events::{
    envelope::{Stream, StreamKind},
    id::{DataSourceId, LimitId, SYSTEM_TENANT, Sequence, TenantId, UserId},
    limit::{LimitCleared, LimitSet},
};
use projections::{State, limits::Limit};

use super::{
    Cause, Decision, Fact, Object, Refusal, View, acting,
    ledger::LEDGER_STREAM,
    limit_table::{self, Levels, LimitKind},
    unchanged_since,
};
use crate::auth::{permission, principal::Principal, throttle::LockoutPolicy};

/// What every operation on limits needs.
pub const PERMISSIONS: [events::id::PermissionId; 1] = [permission::LIMITS];

/// What a refusal calls a limit.
pub const LIMIT: &str = "limit";

/// Where a limit has a value of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The whole system.
    System,
    /// One tenant.
    Tenant(TenantId),
    /// One user.
    User(UserId),
    /// A data source of this user.
    DataSource(UserId, DataSourceId),
}

impl Level {
    /// In whose history its limits stand.
    pub fn stream(self) -> Stream {
        match self {
            Self::System => LEDGER_STREAM,
            Self::Tenant(id) => Stream::new(StreamKind::TENANT, id.0),
            Self::User(id) => Stream::new(StreamKind::USER, id.0),
            Self::DataSource(_, id) => Stream::new(StreamKind::DATA_SOURCE, id.0),
        }
    }

    /// The limit of that id, if it may be set at this level.
    pub fn limit(self, id: LimitId) -> Result<&'static LimitKind, Refusal> {
        let here = |kind: &&LimitKind| match self {
            Self::System => true,
            Self::Tenant(_) | Self::User(_) => kind.levels != Levels::System,
            Self::DataSource(..) => kind.levels == Levels::All,
        };
        limit_table::by_id(id).filter(here).ok_or(Refusal::NotFound(Object::Limit(id)))
    }
}

/// The tenant whose matter a level is, when `principal` administers it. Everybody knows that there is a system; whose
/// the others are, he must see.
pub fn visible(state: &State<'_>, principal: &Principal, level: Level) -> Result<TenantId, Refusal> {
    match level {
        Level::System if principal.administers(SYSTEM_TENANT) => Ok(SYSTEM_TENANT),
        Level::System => Err(Refusal::LacksPermission),
        Level::Tenant(id) => {
            let found = state.tenants.rows.has(&id) && principal.administers(id);
            if found { Ok(id) } else { Err(Refusal::NotFound(Object::Tenant(id))) }
        }
        Level::User(id) => {
            let row = state.users.rows.get(&id).filter(|row| principal.administers(row.tenant));
            row.map(|row| row.tenant).ok_or(Refusal::NotFound(Object::User(id)))
        }
        Level::DataSource(user, id) => {
            let tenant = visible(state, principal, Level::User(user))?;
            let row = state.data_sources.rows.get(&id).filter(|row| row.owner == user);
            row.map(|_| tenant).ok_or(Refusal::NotHisDataSource(id, user))
        }
    }
}

/// The value that a level has of its own.
pub fn set_at(state: &State<'_>, level: Level, limit: LimitId) -> Result<Limit, Refusal> {
    state.limits.rows.get(&(level.stream(), limit)).copied().ok_or(Refusal::NotSet(LIMIT))
}

/// The value that holds: of the data source, else of the user, else of the tenant, else of the system, else the default.
/// What is not given is not asked.
pub fn effective(
    state: &State<'_>,
    limit: LimitId,
    data_source: Option<DataSourceId>,
    user: Option<UserId>,
    tenant: Option<TenantId>,
) -> u64 {
    let levels = [
        data_source.map(|id| Stream::new(StreamKind::DATA_SOURCE, id.0)),
        user.map(|id| Stream::new(StreamKind::USER, id.0)),
        tenant.map(|id| Stream::new(StreamKind::TENANT, id.0)),
        Some(LEDGER_STREAM),
    ];
    let own = levels.into_iter().flatten().find_map(|level| state.limits.rows.get(&(level, limit)));
    // A number that the table does not have is no limit, and nobody asks for it.
    own.map(|row| row.value).or_else(|| Some(limit_table::by_id(limit)?.default)).unwrap_or_default()
}

/// When an account is locked, and for how long: limits 2 to 4.
pub fn lockout(state: &State<'_>) -> LockoutPolicy {
    let system = |limit| effective(state, limit, None, None, None);
    LockoutPolicy {
        limit: u32::try_from(system(limit_table::PASSWORD_LOCKOUT_LIMIT)).unwrap_or(u32::MAX),
        interval: Duration::from_secs(system(limit_table::PASSWORD_LOCKOUT_INTERVAL)),
        period: Duration::from_secs(system(limit_table::PASSWORD_LOCKOUT_PERIOD)),
    }
}

/// A limit's value set at a level.
#[derive(Clone, Debug)]
pub struct SetLimit {
    /// Where.
    pub level: Level,
    /// Which.
    pub limit: LimitId,
    /// In the limit's own unit.
    pub value: u64,
    /// Whether there must be none yet; otherwise there must be one.
    pub new: bool,
    /// From `If-Match`.
    pub expected: Option<Vec<Sequence>>,
}

/// A limit's value taken away at a level.
#[derive(Clone, Debug)]
pub struct ClearLimit {
    /// Where.
    pub level: Level,
    /// Which.
    pub limit: LimitId,
    /// From `If-Match`.
    pub expected: Option<Vec<Sequence>>,
}

/// Records `LimitSet` in the level's stream. Needs 12, or 27 and administrative access on the tenant concerned, which for
/// the system is the system tenant.
pub(super) fn set(view: &View<'_>, cause: &Cause, wish: &SetLimit) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    let tenant = visible(state, &principal, wish.level)?;
    let kind = wish.level.limit(wish.limit)?;
    match (set_at(state, wish.level, wish.limit), wish.new) {
        (Ok(_), true) => return Err(Refusal::SetAlready(LIMIT)),
        (Ok(before), false) => unchanged_since(before.changed, wish.expected.as_deref())?,
        (Err(_), true) => {}
        (Err(refusal), false) => return Err(refusal),
    }
    if !(kind.min..=kind.max).contains(&wish.value) {
        return Err(Refusal::LimitOutOfRange { min: kind.min, max: kind.max });
    }
    let set = LimitSet { limit: wish.limit, value: wish.value };
    Ok(Decision { facts: vec![Fact::new(tenant, wish.level.stream(), set)], ..Decision::default() })
}

/// Records `LimitCleared` in the level's stream.
pub(super) fn clear(view: &View<'_>, cause: &Cause, wish: &ClearLimit) -> Result<Decision, Refusal> {
    let state = &view.state;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &PERMISSIONS)?;
    let tenant = visible(state, &principal, wish.level)?;
    wish.level.limit(wish.limit)?;
    let before = set_at(state, wish.level, wish.limit)?;
    unchanged_since(before.changed, wish.expected.as_deref())?;
    let cleared = LimitCleared { limit: wish.limit };
    Ok(Decision { facts: vec![Fact::new(tenant, wish.level.stream(), cleared)], ..Decision::default() })
}
